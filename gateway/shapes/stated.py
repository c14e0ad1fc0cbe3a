"""What a request states of itself in single values: the output at most, how many answers, who is behind it.

A number is read by its value (RFC 8259, section 6): `6e5` is 600000, and `5000.0` is 5000. What is no whole number from
0 to 10^12, or stands twice, says nothing for certain: one server takes it for something, another for nothing.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from gateway.errors import GatewayError
from gateway.shapes.shape import Shape
from gateway.wire.json_members import find_members
from gateway.wire.request_body import RequestBody
from gateway.wire.unreadable import UNREADABLE

_MOST: Final = Decimal(10) ** 12
_DIGITS_OF_MOST = 12
_LONGEST_NUMBER = 64
# An exponent of more digits is beyond what any limit can mean, and beyond what `Decimal` can hold.
_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Unreadable:
    """A limit that stands in a request and cannot be read; `path` says where."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path: Final = path


StatedLimit = int | None | Unreadable
"""What a request says of one limit; `None`: nothing."""


def output_cap(shape: Shape, body: RequestBody) -> StatedLimit:
    """The output tokens of one answer at most; the largest, where the API has several names for it."""
    return _largest(shape.declares.output_caps, body)


def choices(shape: Shape, body: RequestBody) -> StatedLimit:
    """How many answers to one prompt are made, those that are thrown away included; `None`: one."""
    return _largest(shape.declares.choices, body)


def call_cap(shape: Shape, body: RequestBody) -> StatedLimit:
    """How often tools of the provider may run at most in one answer, all of them together."""
    return _largest(tuple(path for path in shape.declares.search_caps if "[" not in path), body)


def member_cap(raw: bytes, name: str, path: str) -> StatedLimit:
    """A limit that is a member of an object, of a tool for one; `path` is where it stands."""
    # PERF: hardly any object has one.
    folded = name.lower()
    if folded.encode() not in raw.lower() and b"\\u" not in raw:
        return None
    try:
        members = _OBJECT.decode(raw)
        repeated = find_members(raw, members)[1]
    except (*UNREADABLE, GatewayError):
        return Unreadable(path)
    if name in repeated or any(key != name and key.casefold() == folded for key in members):
        return Unreadable(path)
    value = members.get(name)
    return None if value is None else limit_of(bytes(value), path)


def end_users(shape: Shape, body: RequestBody) -> Iterator[str]:
    """Every text that names the person behind a request, the one that counts most first.

    Raises `bad_request` where a name stands twice, for two readers would count for two people, or is not UTF-8.
    """
    for path in shape.declares.end_user:
        name, _, inside = path.partition(".")
        raw = body.raw(name)
        if raw is not None and inside:
            raw = _member(raw, inside, path)
        if raw is not None and raw.startswith(b'"'):
            try:
                yield msgspec.json.decode(raw, type=str)
            except UNREADABLE:
                raise GatewayError("bad_request", f"{path!r} is not UTF-8.", param=path) from None


def _member(raw: bytes, name: str, path: str) -> bytes | None:
    """The value of a member of an object; `None` where there is none, or no object."""
    try:
        members = _OBJECT.decode(raw)
        repeated = find_members(raw, members)[1]
    except UNREADABLE:
        return None
    if name in repeated:
        raise GatewayError("bad_request", f"The body has {path!r} twice; keep one.", param=path)
    value = members.get(name)
    return None if value is None else bytes(value)


def _largest(paths: tuple[str, ...], body: RequestBody) -> StatedLimit:
    largest: int | None = None
    names, is_doubtful = body.names, body.has_doubtful_names
    for path in paths:
        # PERF: hardly any body has doubtful names, and most have one of several names of a limit.
        if is_doubtful and body.is_ambiguous(path):
            return Unreadable(path)
        if path not in names:
            if "." not in path:
                continue
            outer, _, inner = path.partition(".")
            if outer not in names:
                continue
            if is_doubtful and body.is_ambiguous(outer):
                return Unreadable(path)
            raw = body.raw(outer)
            stated = None if raw is None or raw == b"null" else member_cap(raw, inner, path)
        else:
            raw = body.raw(path)
            stated = None if raw is None else limit_of(raw, path)
        if stated is None:
            continue
        if not isinstance(stated, int):
            return stated
        if largest is None or stated > largest:
            largest = stated
    return largest


def limit_of(raw: bytes, path: str) -> StatedLimit:
    """The limit that a JSON value is; `path` is where it stands."""
    if raw == b"null":
        return None
    # PERF: nearly every limit is written as plain digits.
    if len(raw) <= _DIGITS_OF_MOST and raw.isdigit():
        return int(raw)
    number = number_of(raw)
    if number is None or not 0 <= number <= _MOST or number != number.to_integral_value():
        return Unreadable(path)
    return int(number)


def number_of(raw: bytes) -> Decimal | None:
    """The number that a JSON value is, exactly; `None` for what is none, or is written in more than anybody needs."""
    if len(raw) > _LONGEST_NUMBER or _NUMBER.fullmatch(raw) is None:
        return None
    return Decimal(raw.decode())
