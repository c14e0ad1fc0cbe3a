"""The events of a streamed answer put together to a whole one."""

from collections.abc import Iterable

from gateway.lanes.answer import (
    Answer,
    ArgumentsPiece,
    Begun,
    Block,
    CallBegun,
    Called,
    CallEnd,
    Cited,
    Event,
    RefusalPiece,
    Refused,
    SaidText,
    Stopped,
    TextEnd,
    TextPiece,
    Thought,
    ThoughtEnd,
    ThoughtPiece,
    UsageStated,
)


def folded(events: Iterable[Event]) -> Answer:  # noqa: PLR0912 - one branch for each kind of event
    """The answer that the events make. Fails where one speaks of a call that is not open."""
    answer = Answer([])
    blocks: list[Block] = []
    calls: dict[int, int] = {}
    goes_on = False
    for event in events:
        last = blocks[-1] if blocks and goes_on else None
        if isinstance(event, Begun):
            answer = answer._replace(id=event.id, usage=event.usage)
        elif isinstance(event, TextPiece):
            begun = last if isinstance(last, SaidText) else SaidText("")
            blocks[len(blocks) - (last is begun) :] = [begun._replace(text=begun.text + event.text)]
            goes_on = True
        elif isinstance(event, Cited):
            assert isinstance(last, SaidText)
            blocks[-1] = last._replace(citations=(*last.citations, event.citation))
        elif isinstance(event, ThoughtPiece):
            thinks = last if isinstance(last, Thought) else Thought("")
            blocks[len(blocks) - (last is thinks) :] = [thinks._replace(text=thinks.text + event.text)]
            goes_on = True
        elif isinstance(event, ThoughtEnd):
            thinks = last if isinstance(last, Thought) else Thought("")
            if last is thinks or event.opaque is not None:
                blocks[len(blocks) - (last is thinks) :] = [thinks._replace(opaque=event.opaque)]
            goes_on = False
        elif isinstance(event, RefusalPiece):
            refuses = last if isinstance(last, Refused) else Refused("")
            blocks[len(blocks) - (last is refuses) :] = [Refused(refuses.text + event.text)]
            goes_on = True
        elif isinstance(event, CallBegun):
            calls[event.key] = len(blocks)
            blocks.append(Called(event.id, event.name, "", None, event.is_custom, event.group))
            goes_on = False
        elif isinstance(event, ArgumentsPiece | CallEnd):
            call = blocks[calls[event.key]]
            assert isinstance(call, Called)
            ends = isinstance(event, CallEnd)
            changed = (
                call._replace(opaque=event.opaque)
                if isinstance(event, CallEnd)
                else call._replace(arguments=call.arguments + event.text)
            )
            blocks[calls.pop(event.key) if ends else calls[event.key]] = changed
        elif isinstance(event, TextEnd):
            goes_on = False
        elif isinstance(event, Stopped):
            answer = answer._replace(stop=event.stop, stopped_at=event.stopped_at)
        elif isinstance(event, UsageStated):
            answer = answer._replace(usage=event.usage)
    assert not calls
    return answer._replace(blocks=blocks)
