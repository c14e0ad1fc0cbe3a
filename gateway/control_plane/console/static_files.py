"""Style, scripts and the chart library: read once, named by their content, kept by browsers for good."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

import falcon
import falcon.asgi
import msgspec

from gateway.control_plane.tokens import Scope

PATH: Final = "/console/static"

_ROOT: Final = Path(__file__).parent / "static"
_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_DIGEST_CHARACTERS: Final = 16


class StaticFile(msgspec.Struct, frozen=True):
    """One file; `digest` begins the SHA-256 of its content."""

    content: bytes
    media_type: str
    digest: str


class StaticFiles:
    """`/console/static/DIGEST/NAME`. Another digest than the file's, from a page of another version, is not found."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.VIEW}
    is_public: ClassVar = True

    def __init__(self) -> None:
        self._files = {
            str(path.relative_to(_ROOT).as_posix()): _read(path)
            for path in sorted(_ROOT.rglob("*"))
            if path.suffix in _TYPES
        }

    def url(self, name: str) -> str:
        """Where a page finds a file."""
        return f"{PATH}/{self._files[name].digest}/{name}"

    async def on_get(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, digest: str, name: str
    ) -> None:
        """The file, or 304 for whoever has it."""
        found = self._files.get(name)
        if found is None or found.digest != digest:
            raise falcon.HTTPNotFound
        response.set_header("Cache-Control", "public, max-age=31536000, immutable")
        response.etag = found.digest
        if any(found.digest == tag for tag in request.if_none_match or ()):
            response.status = 304
            return
        response.content_type = found.media_type
        response.data = found.content


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:_DIGEST_CHARACTERS]
    return StaticFile(content, _TYPES[path.suffix], digest)
