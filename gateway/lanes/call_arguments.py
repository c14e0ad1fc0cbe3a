"""The arguments of a call: the text of a JSON object in some APIs, the object itself in others.

A model may write what is no object. It is handed on as it is, so that whoever runs the function can tell the model.
Where an object has to stand it is put into one, under the name that Anthropic proposes
(https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/fine-grained-tool-streaming), and taken out again on the
way back.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from gateway.lanes.reading import wrong
from gateway.wire.json_tokens import without_lone_surrogates
from gateway.wire.unreadable import UNREADABLE

_NO_OBJECT: Final = "INVALID_JSON"
_NONE: Final = ("", "null", '""')

_NOT_READ: Final = (*UNREADABLE, UnicodeError)

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_any = msgspec.json.Decoder(msgspec.Raw).decode
_decode_text = msgspec.json.Decoder(str).decode


def is_json_object(arguments: str) -> bool:
    """Whether arguments are one whole JSON object."""
    return _is_read_by(_decode_object, arguments)


def is_json(arguments: str) -> bool:
    """Whether arguments are whole JSON of any kind."""
    return _is_read_by(_decode_any, arguments)


def _is_read_by(decode: Callable[[str], object], arguments: str) -> bool:
    try:
        decode(arguments)
    except _NOT_READ:
        return False
    return True


def written(stated: Any) -> str:
    """Arguments as text, from a provider that states the text, the object itself, or nothing that can be read."""
    if isinstance(stated, dict | list):
        return msgspec.json.encode(stated).decode()
    return stated if isinstance(stated, str) else ""


def written_raw(stated: msgspec.Raw) -> str:
    """Arguments as text, from the JSON of an object or of a text that holds one; empty where there are none."""
    text = bytes(stated).decode()
    if text.startswith('"'):
        try:
            return _decode_text(without_lone_surrogates(bytes(stated)))
        except UNREADABLE:
            return text
    return "" if text == "null" else text


def as_object(arguments: str) -> str:
    """The text of an object: the arguments themselves, or the one that holds what is none."""
    text = _object_in(arguments.strip())
    return msgspec.json.encode({_NO_OBJECT: arguments}).decode() if text is None else text


def as_mapping(arguments: str) -> dict[str, Any]:
    """The same, read."""
    text = _object_in(arguments.strip())
    try:
        given = None if text is None else msgspec.json.decode(text)
    except _NOT_READ:
        given = None
    return given if isinstance(given, dict) else {_NO_OBJECT: arguments}


def _object_in(arguments: str) -> str | None:
    """The text of the object that arguments are, or hold as a text once more; of an empty one where there are none."""
    if arguments in _NONE:
        return "{}"
    if is_json_object(arguments):
        return arguments
    if not arguments.startswith('"'):
        return None
    try:
        unpacked = _decode_text(arguments).strip()
    except _NOT_READ:
        return None
    return unpacked if is_json_object(unpacked) else None


def as_text(given: Mapping[str, Any], path: str) -> str:
    """The text of an object that a client sent, without the object that `as_object` has put around it."""
    try:
        return no_object(given) or json.dumps(given, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        raise wrong(path, "JSON of reasonable depth") from None


def no_object(given: Mapping[str, Any]) -> str | None:
    """The arguments that `as_object` has put into an object, `None` for any other object."""
    held = given.get(_NO_OBJECT)
    return held if len(given) == 1 and isinstance(held, str) else None
