"""Records that every database takes as they are, told from others while they are decoded.

PERF: a type whose texts are short and whose figures are in bounds lets the decoder check both, in C.
"""

from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Final, get_args, get_origin

import msgspec

from gateway.telemetry.decision_record import DecisionRecord

LARGEST_FIGURE: Final = 10**18
"""The largest amount: sums of some of them still fit into what databases hold."""

_NEVER_PLAIN: Final = "identities"
"""A record that has them is not kept as it is."""


def plain_type(longest: int) -> type[DecisionRecord]:
    """The type of records whose texts have so many characters at most, and whose figures are in bounds."""

    def plain(kind: Any) -> Any:
        if kind is str:
            return Annotated[str, msgspec.Meta(max_length=longest)]
        if kind is int:
            return Annotated[int, msgspec.Meta(ge=-LARGEST_FIGURE, le=LARGEST_FIGURE)]
        if get_origin(kind) is UnionType:
            known, missing = get_args(kind)
            return plain(known) | missing
        if get_origin(kind) is Mapping:
            return Mapping[tuple(map(plain, get_args(kind)))]  # type: ignore[misc]
        if get_origin(kind) is tuple:
            member: Any = plain(get_args(kind)[0])
            return tuple[member, ...]
        return plain_struct(kind) if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else kind

    def plain_struct(kind: type[msgspec.Struct]) -> Any:
        fields: list[Any] = [
            (field.name, plain(field.type), *(() if field.required else (field.default,)))
            for field in msgspec.structs.fields(kind)
            if field.name != _NEVER_PLAIN
        ]
        fields += [(_NEVER_PLAIN, msgspec.UnsetType, msgspec.UNSET)] if kind is DecisionRecord else []
        return msgspec.defstruct(f"Plain{kind.__name__}", fields, bases=(kind,), frozen=True, gc=False, kw_only=True)

    known: type[DecisionRecord] = plain_struct(DecisionRecord)
    return known
