"""The media type of a request body, read strictly (RFC 9110, section 8.3.1), and written as every parser reads it.

Parsers forgive differently: one takes the first of two `boundary` parameters, one the last, one reads `boundary*`
(RFC 2231). What is not the plain grammar is therefore refused, and what goes upstream is written here.
"""

import re
from typing import Final

from gateway.errors import GatewayError

JSON: Final = "application/json"
"""What goes upstream for a JSON body whose client wrote anything but the plain form."""

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_ESSENCE = re.compile(rf"({_NAME}/{_NAME})[ \t]*(?=;|\Z)")
_PARAMETER = re.compile(rf';[ \t]*(?:({_NAME})=(?:({_NAME})|"([^"\\\x00-\x08\x0a-\x1f\x7f]*)"))?[ \t]*(?=;|\Z)')
_AS_MOST_WRITE_IT = b"application/json"
_PLAIN_JSON = re.compile(rb"application/json(?:; ?charset=utf-8)?", re.IGNORECASE)
_JSON = re.compile(r"application/(?:[^/]+\+)?json|text/json")
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
"""RFC 2046, section 5.1.1."""


def check_json(written: bytes) -> str | None:
    """What has to be written in place of a JSON body's Content-Type, `None` where it can stay.

    A body without one is taken for JSON. Raises `bad_request` for what parsers could read differently, and
    `unsupported_media_type` for another media type or another charset than UTF-8 (RFC 8259, section 8.1).
    """
    if written == _AS_MOST_WRITE_IT or _PLAIN_JSON.fullmatch(written):
        return None
    if not written:
        return JSON
    essence, parameters = _parsed(written)
    if _JSON.fullmatch(essence) is None:
        raise GatewayError("unsupported_media_type", "This path reads application/json.")
    _check_charset(parameters)
    return JSON


def boundary_of(written: bytes) -> str:
    """The boundary of a multipart/form-data body. Raises as `check_json` does."""
    essence, parameters = _parsed(written) if written else ("", {})
    boundary = parameters.get("boundary")
    if essence != "multipart/form-data" or boundary is None:
        raise GatewayError("unsupported_media_type", "This path reads multipart/form-data with a boundary.")
    if _BOUNDARY.fullmatch(boundary) is None or not boundary.strip("-"):
        raise _unclear("its boundary is not as RFC 2046 has it")
    _check_charset(parameters)
    return boundary


def form_data(boundary: str) -> str:
    """The media type of a form with this boundary, in its one plain spelling."""
    value = boundary if re.fullmatch(_NAME, boundary) else f'"{boundary}"'
    return f"multipart/form-data; boundary={value}"


def charset_is_utf8(charset: str) -> bool:
    """Whether a charset's name stands for UTF-8."""
    return charset.lower() in ("utf-8", "utf8")


def _parsed(written: bytes) -> tuple[str, dict[str, str]]:
    """Type and subtype in lower case, and the parameters by their names in lower case."""
    text = written.decode("latin-1").strip(" \t")
    essence = _ESSENCE.match(text)
    parameters: dict[str, str] = {}
    position = -1 if essence is None else essence.end()
    while essence is not None and position < len(text):
        parameter = _PARAMETER.match(text, position)
        if parameter is None:
            break
        position = parameter.end()
        name = (parameter[1] or "").lower()
        if "*" in name:
            raise _unclear(f"{name!r} is a parameter that some parsers join with others")
        if name in parameters:
            raise _unclear(f"it has {name!r} twice")
        if name:
            parameters[name] = parameter[2] if parameter[2] is not None else parameter[3]
    if essence is None or position < len(text):
        raise _unclear("it is not a type, a subtype and parameters")
    return essence[1].lower(), parameters


def _check_charset(parameters: dict[str, str]) -> None:
    charset = parameters.get("charset")
    if charset is not None and not charset_is_utf8(charset):
        raise GatewayError("unsupported_media_type", f"Bodies are read in UTF-8, not in {charset[:32]!r}.")


def _unclear(why: str) -> GatewayError:
    return GatewayError("bad_request", f"The Content-Type cannot be read without doubt: {why}.", param="Content-Type")
