"""Reading the client's JSON: each function returns the value as what it has to be, or refuses it with its path.

The body was parsed, and nothing else was judged: any JSON type can stand in any place.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeVar

from gateway.errors import GatewayError
from gateway.lanes.conversation import Given

_Value = TypeVar("_Value")

_TOOL_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def wrong(path: str, expected: str) -> GatewayError:
    """The refusal of a value that is not what the client's API defines in its place."""
    return GatewayError("bad_request", f"`{path}` has to be {expected}.", param=path)


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


def one_of(words: Collection[str], value: Any, path: str) -> str:
    """One of some strings."""
    word = text(value, path)
    if word not in words:
        raise wrong(path, f"one of {', '.join(words)}")
    return word


def flag(value: Any, path: str) -> bool:
    """True or false; false where there is neither."""
    if value is None:
        return False
    if not isinstance(value, bool):
        raise wrong(path, "true or false")
    return value


def number(value: Any, path: str) -> float:
    """A number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(path, "a number")
    return value


def whole_number(value: Any, path: str) -> int:
    """A whole number, not negative."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise wrong(path, "a whole number")
    return value


def count(value: Any, path: str) -> int:
    """A whole number of at least one."""
    if type(value) is not int or value < 1:
        raise wrong(path, "a whole number from 1 on")
    return value


def number_up_to(most: int, value: Any, path: str) -> float:
    """A number from 0 to so much."""
    found = number(value, path)
    if not 0 <= found <= most:
        raise wrong(path, f"a number from 0 to {most}")
    return found


def parameter(
    read: Callable[[Any, str], _Value], members: Mapping[str, Any], name: str, path: str = ""
) -> Given[_Value] | None:
    """A parameter, read so, where it is there; `path` is where it stands, if not under its name alone."""
    path = path or name
    return None if members.get(name) is None else Given(read(members[name], path), path)


def tool_name(value: Any, path: str) -> str:
    """The name of a function, in the form that OpenAI's API and Bedrock's share."""
    if not isinstance(value, str) or not _TOOL_NAME.fullmatch(value):
        raise wrong(path, "a name of 1 to 64 letters, digits, underscores and hyphens")
    return value
