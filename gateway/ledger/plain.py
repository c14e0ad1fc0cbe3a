"""Records that every database takes as they are, told from others while they are decoded.

PERF: a type whose texts are short and whose figures are in bounds lets the decoder check both, in C.
"""

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args, get_origin

import msgspec

from gateway.telemetry.decision_record import DecisionRecord

PLAIN_LENGTH: Final = 63
"""Characters of a text that surely take no more than 255 bytes."""
PLAIN_FIGURE: Final = 10**18
"""The largest amount: sums of some of them still fit into what databases hold."""


def _plain(kind: Any) -> Any:
    """A type of a record's member, with bounds for every text and integer in it."""
    if kind is str:
        return Annotated[str, msgspec.Meta(max_length=PLAIN_LENGTH)]
    if kind is int:
        return Annotated[int, msgspec.Meta(ge=-PLAIN_FIGURE, le=PLAIN_FIGURE)]
    if get_origin(kind) is UnionType:
        (known,) = (one for one in get_args(kind) if one is not NoneType)
        return _plain(known) | None
    if get_origin(kind) is tuple:
        member: Any = _plain(get_args(kind)[0])
        return tuple[member, ...]
    return _plain_struct(kind) if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else kind


def _plain_struct(kind: type[msgspec.Struct]) -> type[msgspec.Struct]:
    fields: list[Any] = [
        (field.name, _plain(field.type), *(() if field.required else (field.default,)))
        for field in msgspec.structs.fields(kind)
    ]
    return msgspec.defstruct(f"Plain{kind.__name__}", fields, bases=(kind,), frozen=True, gc=False, kw_only=True)


if TYPE_CHECKING:

    class PlainRecord(DecisionRecord, frozen=True, gc=False, kw_only=True):
        """A record without long text and without figures that are out of bounds."""

else:
    PlainRecord = _plain_struct(DecisionRecord)
