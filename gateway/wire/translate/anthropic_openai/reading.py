"""Reading the client's JSON: each function returns the value as what it has to be, or refuses it with its path.

The body was parsed, and nothing else was judged: any JSON type can stand in any place.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.errors import GatewayError
from gateway.wire.translate.anthropic_openai.parameters import LANE


def wrong(path: str, expected: str) -> GatewayError:
    """The refusal of a value that is not what Anthropic's API defines in its place."""
    return GatewayError("bad_request", f"`{path}` has to be {expected}.", param=path)


def unsupported(path: str, reason: str) -> GatewayError:
    """The refusal of a parameter that cannot be translated, with the lane and the reason."""
    return GatewayError("unsupported_parameter", f"`{path}` is not supported on the lane {LANE}: {reason}", param=path)


def mapping(value: Any, path: str) -> Mapping[str, Any]:
    """An object."""
    if not isinstance(value, Mapping):
        raise wrong(path, "an object")
    return value


def sequence(value: Any, path: str) -> Sequence[Any]:
    """An array."""
    if not isinstance(value, list):
        raise wrong(path, "an array")
    return value


def text(value: Any, path: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise wrong(path, "a string")
    return value


def optional_text(value: Any, path: str) -> str:
    """A string, empty where there is none."""
    return "" if value is None else text(value, path)


def flag(value: Any, path: str) -> bool:
    """True or false; false where there is neither."""
    if value is None:
        return False
    if not isinstance(value, bool):
        raise wrong(path, "true or false")
    return value


def whole_number(value: Any, path: str) -> int:
    """A whole number, not negative."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise wrong(path, "a whole number")
    return value


def number(value: Any, path: str) -> float:
    """A number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(path, "a number")
    return value
