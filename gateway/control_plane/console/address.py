"""The address of a page: its query says everything that the page shows, so that every view can be linked."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

import falcon.asgi

Parameters = Mapping[str, Sequence[str]]


class Address:
    """A path and the parameters that a page was asked with; templates make links to variations of it."""

    def __init__(self, path: str, parameters: Parameters) -> None:
        self.path = path
        self._parameters = parameters

    def link(self, path: str | None = None, /, **changes: str | int | None) -> str:
        """The address with some parameters changed; those that are `None` are left away, and so is the page."""
        changed = {"cursor": None, "after": None, "before": None, **changes}
        kept = {name: values for name, values in self._parameters.items() if name not in changed}
        given = {name: [str(value)] for name, value in changed.items() if value is not None}
        query = urlencode({**kept, **given}, doseq=True)
        return quote(path or self.path, safe="/@:+-._~") + (f"?{query}" if query else "")

    def get(self, name: str, default: str = "") -> str:
        """The first value of a parameter."""
        values = self._parameters.get(name, ())
        return values[0] if values else default

    def has(self, name: str) -> bool:
        """Whether a parameter is given."""
        return name in self._parameters

    def others(self, *names: str) -> list[tuple[str, str]]:
        """Every parameter but these and the place of a page, for hidden fields of a form."""
        left_out = {*names, "cursor", "after", "before"}
        return [(name, value) for name, values in self._parameters.items() if name not in left_out for value in values]


def page_path(*steps: str) -> str:
    """The path of a page of the console; steps may be any text."""
    return "/".join(("/console", *(quote(step, safe="@:+-._~") for step in steps)))


def path_of(request: falcon.asgi.Request) -> str:
    """The path as the browser wrote it, quoted anew."""
    return quote(request.path, safe="/@:+-._~")
