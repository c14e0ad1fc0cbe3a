"""The body of a request whose path names its model, as it goes to a server that may want it named in the body.

What a client wrote stays as it is, but for the values by which it names the model once more.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.wire.json_members import Span
from gateway.wire.json_parts import elements_in, members_in
from gateway.wire.json_splice import Splice, apply
from gateway.wire.native_anthropic import with_members, without_members
from gateway.wire.unreadable import UNREADABLE

_PREFIX: Final = "models/"
"""What Google's clients write before a model's name in a body."""

_PLACES: Final = (("model",), ("requests", "model"), ("generateContentRequest", "model"))


def addressed_body(
    data: bytes, model: str, *, in_body: bool, streams: bool | None = None, left_out: Sequence[str] = ()
) -> bytes:
    """The body for a model of this name.

    Args:
        data: The client's, an object.
        model: As the server calls it.
        in_body: Whether the server wants the model, and whether to stream, in the body, where neither stands yet.
        streams: What the path says of streaming.
        left_out: Top-level members that the server does not take.
    """
    data = without_members(data, left_out) if left_out else data
    splices = [one for path in _PLACES for one in _renaming(data, (0, len(data)), path, model)]
    if splices:
        data = apply(data, splices)
    if not in_body:
        return data
    stated = members_in(data, (0, len(data)))
    wanted = {"model": model, **({"stream": True} if streams else {})}
    missing = {name: value for name, value in wanted.items() if name not in stated}
    return with_members(data, missing)


def _renaming(data: bytes, span: Span, path: Sequence[str], model: str) -> list[Splice]:
    """The splices of a model's name at a path, in whatever list it stands."""
    elements = elements_in(data, span)
    if elements:
        return [one for element in elements for one in _renaming(data, element, path, model)]
    if path:
        inner = members_in(data, span).get(path[0])
        return [] if inner is None else _renaming(data, inner, path[1:], model)
    try:
        named = msgspec.json.decode(data[span[0] : span[1]], type=str)
    except UNREADABLE:
        return []
    wanted = _PREFIX + model if named.startswith(_PREFIX) else model
    return [] if named == wanted else [Splice(*span, msgspec.json.encode(wanted))]
