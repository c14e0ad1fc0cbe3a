"""The words of a provider's error, in whatever form it states them: one reader for every lane.

The forms: `error` as an object (https://docs.anthropic.com/en/api/errors,
https://platform.openai.com/docs/guides/error-codes) or as a text, `message` alone
(https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html), `detail` as FastAPI's servers state it
(https://fastapi.tiangolo.com/tutorial/handling-errors; vLLM and Mistral among them), a list of any of these, and plain
text. A page of HTML says what its title says.
"""

import html
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from gateway.lanes.base import UntranslatableAnswer
from gateway.wire.json_tokens import without_lone_surrogates
from gateway.wire.unreadable import UNREADABLE

_LONGEST: Final = 4096
_LONGEST_NAME: Final = 256
_READ_BYTES: Final = 64 * 1024
_DEEPEST: Final = 4
_TITLE: Final = re.compile(r"<title[^<>]*>([^<]*)", re.IGNORECASE)


class ProviderError(NamedTuple):
    """What a provider says of an error; empty, or `None`, is what it does not say."""

    message: str = ""
    type: str = ""
    code: str = ""
    param: str | None = None


def read_error(body: bytes) -> ProviderError:
    """The error that a body states, printable: its message of at most 4,096 characters, all else of at most 256."""
    try:
        stated = msgspec.json.decode(without_lone_surrogates(body))
    except UNREADABLE:
        return ProviderError(_printable(_plain_text(body)))
    error = _read(stated, _DEEPEST)
    return ProviderError(
        _printable(error.message),
        _printable(error.type, _LONGEST_NAME),
        _printable(error.code, _LONGEST_NAME),
        None if error.param is None else _printable(error.param, _LONGEST_NAME),
    )


def failed_within(data: bytes, kind: str = "") -> UntranslatableAnswer:
    """The failure that an event of an answer states, in the provider's words; `kind` names it where it has none."""
    error = read_error(data)
    named = error.type or error.code or kind
    words = _printable(": ".join(word for word in (named, error.message) if word))
    return UntranslatableAnswer(words or "it says that it failed, and not why")


def _read(stated: Any, depth: int) -> ProviderError:
    if isinstance(stated, str):
        return ProviderError(stated)
    if not depth:
        return ProviderError()
    if isinstance(stated, list):
        errors = [_read(one, depth - 1) for one in stated]
        message = "; ".join(error.message for error in errors if error.message)
        return errors[0]._replace(message=message) if errors else ProviderError()
    if not isinstance(stated, Mapping):
        return ProviderError()
    for name in ("error", "detail", "errors"):
        if isinstance(stated.get(name), str | list | Mapping) and stated[name]:
            inner = _read(stated[name], depth - 1)
            own = _members(stated, depth)
            # What stands beside names the whole answer ("error") rather than the error, unless nothing else does.
            return inner if inner.message else inner._replace(message=own.message)
    return _members(stated, depth)


def _members(stated: Mapping[str, Any], depth: int) -> ProviderError:
    """An error object, of any API; one of pydantic's also says where in the request the problem is."""
    said = next((stated[name] for name in ("message", "Message", "msg") if stated.get(name)), None)
    message = "" if said is None else _read(said, depth - 1).message
    place = stated.get("loc")
    if message and isinstance(place, list):
        message = f"{'.'.join(str(step) for step in place if isinstance(step, str | int))}: {message}"
    return ProviderError(
        message,
        _text(stated.get("type")) or _text(stated.get("__type")).rpartition("#")[2],
        _text(stated.get("code")),
        stated["param"] if isinstance(stated.get("param"), str) else None,
    )


def _text(stated: Any) -> str:
    return stated if isinstance(stated, str) else ""


def _plain_text(body: bytes) -> str:
    """A body that is no JSON, as text. What begins as JSON or is none of these tells a reader nothing."""
    text = body[:_READ_BYTES].decode(errors="replace").strip("\ufeff\0 \t\r\n")
    if text.startswith("<"):
        title = _TITLE.search(text)
        # Python refuses to read a number of more digits than that.
        return "" if title is None else html.unescape(title[1][:_LONGEST]).strip()
    return text if not text.startswith(("{", "[")) and any(map(str.isalnum, text)) else ""


def _printable(words: str, longest: int = _LONGEST) -> str:
    """The words in one line, without what is not to be printed, and cut where there are too many."""
    shown = "".join(sign if sign.isprintable() else " " for sign in words[: 4 * longest])
    shown = " ".join(shown.split())
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
