"""Reading what a provider answers as the types that its API has, whatever else stands in it.

A member of another type than its own, or an element of a list, is read as if it was not there, so that one odd member
never costs an answer. Only what cannot be left out makes the whole unreadable.
"""

from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import inspect

from gateway.lanes.base import UntranslatableAnswer
from gateway.wire.json_tokens import without_lone_surrogates
from gateway.wire.unreadable import UNREADABLE

_Read = TypeVar("_Read", bound=msgspec.Struct)
_ODD: Final = object()
_SCALARS: Final = ((inspect.StrType, str), (inspect.IntType, int), (inspect.NoneType, type(None)))


class Reader(Generic[_Read]):
    """Reads JSON as a struct; `what` says in errors what it should be."""

    def __init__(self, struct: type[_Read], what: str) -> None:
        self._decode = msgspec.json.Decoder(struct).decode
        self._type = inspect.type_info(struct)
        self._what = what

    def __call__(self, data: bytes) -> _Read:
        """The struct. Raises `UntranslatableAnswer`."""
        try:
            return self._decode(data)
        except UNREADABLE:
            pass  # nearly never
        try:
            # Text that was cut within a pair of surrogates is refused by msgspec and allowed by JSON.
            stated = _fitting(msgspec.json.decode(without_lone_surrogates(data)), self._type)
            return self._decode(msgspec.json.encode(None if stated is _ODD else stated))
        except UNREADABLE as problem:
            raise UntranslatableAnswer(f"it is no {self._what} ({type(problem).__name__})") from None


def _fitting(stated: Any, wanted: inspect.Type) -> Any:
    """What fits a type of what is stated, `_ODD` where nothing does."""
    if isinstance(wanted, inspect.StructType):
        return _members(stated, wanted)
    if isinstance(wanted, inspect.ListType):
        if not isinstance(stated, list):
            return _ODD
        return [fitting for one in stated if (fitting := _fitting(one, wanted.item_type)) is not _ODD]
    if isinstance(wanted, inspect.UnionType):
        fittings = (_fitting(stated, kind) for kind in wanted.types)
        return next((fitting for fitting in fittings if fitting is not _ODD), _ODD)
    for kind, type_ in _SCALARS:
        if isinstance(wanted, kind):
            return stated if type(stated) is type_ else _ODD
    return stated


def _members(stated: Any, wanted: inspect.StructType) -> Any:
    if not isinstance(stated, dict):
        return _ODD
    kept: dict[str, Any] = {}
    for field in wanted.fields:
        name = field.encode_name
        fitting = _fitting(stated[name], field.type) if name in stated else _ODD
        if fitting is not _ODD:
            kept[name] = fitting
        elif field.required:
            return _ODD
    return kept
