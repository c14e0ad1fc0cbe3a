"""Forms as browsers send them, and whether they come from a page of this console."""

from typing import Final
from urllib.parse import urlsplit

import falcon
import falcon.asgi

from gateway.control_plane.errors import ApiError

MAX_FORM_BYTES: Final = 64 * 1024

_FORM_TYPE: Final = "application/x-www-form-urlencoded"


async def read_form(request: falcon.asgi.Request) -> dict[str, str]:
    """The fields, each with its first value. Raises `ApiError` for what is no form, or too large."""
    if (request.content_type or "").partition(";")[0].strip().lower() != _FORM_TYPE:
        raise ApiError("unsupported_media_type", f"The console reads forms: {_FORM_TYPE}.")
    content = bytearray()
    async for chunk in request.stream:
        content += chunk
        if len(content) > MAX_FORM_BYTES:
            raise ApiError("payload_too_large", f"A form has {MAX_FORM_BYTES:,} bytes at most.")
    try:
        fields = falcon.uri.parse_query_string(content.decode("ascii"), keep_blank=True, csv=False)
    except UnicodeDecodeError:
        raise ApiError("bad_request", "A form is ASCII, with everything else percent-encoded.") from None
    return {name: value[0] if isinstance(value, list) else value for name, value in fields.items()}


def is_own_origin(request: falcon.asgi.Request, *, over_tls: bool) -> bool:
    """Whether a page of this console sends the request, by what no page can forge.

    Browsers say `Sec-Fetch-Site` over HTTPS and on this machine; elsewhere `Origin` has to name this host, and HTTPS
    where the console is reached `over_tls`: whoever can put a page under the name of this host in clear is somebody
    else. A request that says neither is refused (https://www.w3.org/TR/fetch-metadata/).
    """
    site = request.get_header("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = urlsplit(request.get_header("Origin") or "")
    return origin.scheme in (("https",) if over_tls else ("http", "https")) and origin.netloc == request.get_header(
        "Host"
    )


def came_from_elsewhere(request: falcon.asgi.Request) -> bool:
    """Whether somebody followed a link on another site, so that the browser left the session's cookie away."""
    return request.get_header("Sec-Fetch-Site") in ("cross-site", "same-site")
