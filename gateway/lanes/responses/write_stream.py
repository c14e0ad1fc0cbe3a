"""The events of a streamed response.

Source: https://platform.openai.com/docs/api-reference/responses-streaming. Every event is numbered, every item is added
before its pieces come and done after them, and `output_index` is its place in the output of the last event.
"""

from typing import Any

from gateway.lanes.answer import (
    ArgumentsPiece,
    Begun,
    CallBegun,
    Called,
    CallEnd,
    Cited,
    Event,
    RefusalPiece,
    Stopped,
    TextEnd,
    TextPiece,
    ThoughtEnd,
    ThoughtPiece,
    UsageStated,
)
from gateway.lanes.answer import Citation as Source
from gateway.lanes.base import Asked, UntranslatableAnswer, event
from gateway.lanes.conversation import Opaque
from gateway.lanes.one_at_a_time import OneAtATime
from gateway.lanes.responses.items import (
    COMPLETED,
    IN_PROGRESS,
    INCOMPLETE,
    CallItem,
    Item,
    annotation,
    ended,
    envelope,
    message,
    reasoning,
    refusal_part,
    response,
    text_part,
)
from gateway.shapes.ending import Stop
from gateway.usage import Usage


class ResponseStream:
    """See `StreamWriter`."""

    __slots__ = (
        "_asked",
        "_begun",
        "_call",
        "_message",
        "_order",
        "_output",
        "_pieces",
        "_refuses",
        "_sequence",
        "_stop",
        "_thought",
        "_usage",
    )

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._order = OneAtATime()
        self._begun = False
        self._sequence = 0
        self._output: list[Item] = []
        self._message: _Message | None = None
        self._thought: _Thought | None = None
        self._call: CallItem | None = None
        self._pieces: list[str] = []
        self._refuses = False
        self._stop: Stop | None = None
        self._usage: Usage | None = None

    def write(self, event: Event) -> bytes:
        """See `StreamWriter.write`."""
        if isinstance(event, Stopped):
            self._stop = event.stop
        return b"".join([self._write(one) for one in self._order.ordered(event)])

    def end(self) -> bytes:
        """See `StreamWriter.end`."""
        end = ended(self._stop, refuses=self._refuses)
        written = self._begin() + self._close(cut=end.status == INCOMPLETE)
        whole = response(self._asked, end.status, self._output, end.reason, self._usage)
        return written + self._event(f"response.{end.status}", response=whole)

    def _write(self, event: Event) -> bytes:
        if isinstance(event, UsageStated):
            self._usage = event.usage
            return b""
        if isinstance(event, Begun):
            self._usage = event.usage or self._usage
            return self._begin()
        if isinstance(event, Stopped):
            return self._begin() + self._close(cut=ended(event.stop, refuses=self._refuses).status == INCOMPLETE)
        return self._begin() + self._say(event)

    def _say(self, event: Event) -> bytes:
        written = b""
        if isinstance(event, TextPiece):
            written = self._part("text", event.text)
        elif isinstance(event, RefusalPiece):
            self._refuses = True
            written = self._part("refusal", event.text)
        elif isinstance(event, ThoughtPiece):
            written = self._think(event.text)
        elif isinstance(event, ThoughtEnd):
            written = self._end_thought(event.opaque)
        elif isinstance(event, CallBegun):
            written = self._begin_call(event)
        elif isinstance(event, ArgumentsPiece):
            written = self._write_arguments(event.text)
        elif isinstance(event, CallEnd):
            written = self._end_call(event.opaque)
        elif isinstance(event, Cited) and self._message is not None:
            written = self._cite(self._message, event.citation)
        elif isinstance(event, TextEnd) and self._message is not None:
            written = self._end_part(self._message)
        return written

    def _event(self, kind: str, **members: Any) -> bytes:
        numbered = {"type": kind, "sequence_number": self._sequence, **members}
        self._sequence += 1
        return event(kind, numbered)

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        opened = response(self._asked, IN_PROGRESS, [], None, None)
        return self._event("response.created", response=opened) + self._event("response.in_progress", response=opened)

    def _added(self, item: Item) -> bytes:
        return self._event("response.output_item.added", output_index=len(self._output), item=item)

    def _done(self, item: Item) -> bytes:
        written = self._event("response.output_item.done", output_index=len(self._output), item=item)
        self._output.append(item)
        return written

    def _close(self, *, cut: bool = False) -> bytes:
        """The item that is open ends; `cut` where the answer was not to end there."""
        if self._message is not None:
            return self._end_message(self._message, INCOMPLETE if cut else COMPLETED)
        if self._thought is not None:
            return self._end_thought(None)
        if self._call is not None:
            return self._close_call(self._call, INCOMPLETE if cut else COMPLETED)
        return b""

    def _part(self, kind: str, words: str) -> bytes:
        """More of a part of the message: of the one that is open, where it is of that kind."""
        if not words:
            return b""
        written = b""
        if self._message is None:
            written = self._close()
            opened = message(self._asked, len(self._output), [], IN_PROGRESS)
            written += self._added(opened)
            self._message = _Message(opened["id"])
        said = self._message
        if said.kind and said.kind != kind:
            written += self._end_part(said)
        if not said.kind:
            said.kind = kind
            written += self._event("response.content_part.added", **self._place(said), part=said.part())
        said.words.append(words)
        if kind == "refusal":
            return written + self._event("response.refusal.delta", **self._place(said), delta=words)
        return written + self._event("response.output_text.delta", **self._place(said), delta=words, logprobs=[])

    def _place(self, said: "_Message") -> dict[str, Any]:
        return {"item_id": said.id, "output_index": len(self._output), "content_index": len(said.parts)}

    def _cite(self, said: "_Message", citation: Source) -> bytes:
        if said.kind != "text":
            return b""
        note = annotation(citation, sum(map(len, said.words)))
        said.citations.append(citation._replace(start=note["start_index"], end=note["end_index"]))
        return self._event(
            "response.output_text.annotation.added",
            **self._place(said),
            annotation_index=len(said.citations) - 1,
            annotation=note,
        )

    def _end_part(self, said: "_Message") -> bytes:
        if not said.kind:
            return b""
        part, place = said.part(), self._place(said)
        if said.kind == "refusal":
            written = self._event("response.refusal.done", **place, refusal=part["refusal"])
        else:
            written = self._event("response.output_text.done", **place, text=part["text"], logprobs=[])
        written += self._event("response.content_part.done", **place, part=part)
        said.end_part(part)
        return written

    def _end_message(self, said: "_Message", status: str) -> bytes:
        written = self._end_part(said)
        self._message = None
        return written + self._done(message(self._asked, len(self._output), said.parts, status))

    def _think(self, words: str) -> bytes:
        if not words:
            return b""
        written = b""
        if self._thought is None:
            written = self._close()
            item = reasoning(self._asked, len(self._output), "", None)
            self._thought = _Thought(item["id"])
            part = {"type": "summary_text", "text": ""}
            written += self._added(item)
            written += self._event("response.reasoning_summary_part.added", **self._summary(self._thought), part=part)
        self._thought.words.append(words)
        return written + self._event(
            "response.reasoning_summary_text.delta", **self._summary(self._thought), delta=words
        )

    def _summary(self, thought: "_Thought") -> dict[str, Any]:
        return {"item_id": thought.id, "output_index": len(self._output), "summary_index": 0}

    def _end_thought(self, opaque: Opaque | None) -> bytes:
        """The thought is whole; one that nothing was said of is an item alone."""
        thought = self._thought
        if thought is None:
            sealed = None if opaque is None else envelope(self._asked, opaque, "")
            return b"" if sealed is None else self._close() + self._sealed(sealed)
        self._thought = None
        words, place = "".join(thought.words), self._summary(thought)
        item = reasoning(self._asked, len(self._output), words, envelope(self._asked, opaque, words))
        return (
            self._event("response.reasoning_summary_text.done", **place, text=words)
            + self._event("response.reasoning_summary_part.done", **place, part=item["summary"][0])
            + self._done(item)
        )

    def _sealed(self, sealed: str) -> bytes:
        """An item that holds an envelope and nothing else."""
        index = len(self._output)
        return self._added(reasoning(self._asked, index, "", None)) + self._done(
            reasoning(self._asked, index, "", sealed)
        )

    def _begin_call(self, begun: CallBegun) -> bytes:
        written = self._close()
        call = Called(begun.id, begun.name, "", is_custom=begun.is_custom, group=begun.group)
        self._call = CallItem(self._asked, len(self._output), call)
        return written if self._call.is_written_at_once else written + self._added(self._call.made(IN_PROGRESS))

    def _write_arguments(self, words: str) -> bytes:
        call = self._call
        if call is None or not words:
            return b""
        self._pieces.append(words)
        if call.is_written_at_once:
            return b""
        kind = "custom_tool_call_input" if call.is_custom else "function_call_arguments"
        return self._event(f"response.{kind}.delta", item_id=call.id, output_index=len(self._output), delta=words)

    def _end_call(self, opaque: Opaque | None) -> bytes:
        """The call is over. Where its arguments are not whole, what follows tells whether they were cut."""
        call = self._call
        if call is None:
            return b""
        call.has_ended = True
        call.opaque = opaque
        written = b"" if self._pieces or call.is_custom else self._write_arguments("{}")
        call.arguments = "".join(self._pieces)
        return written + (self._done_call(call, COMPLETED) if call.is_whole() else b"")

    def _close_call(self, call: CallItem, status: str) -> bytes:
        """The call that is open is over at any rate. Raises `UntranslatableAnswer` for one that broke off."""
        broke_off = not call.has_ended
        written = self._end_call(None) if broke_off else b""
        if self._call is None:
            return written
        if broke_off and self._stop is not Stop.LENGTH:
            raise UntranslatableAnswer("the arguments of a tool call break off")
        return written + self._done_call(call, status)

    def _done_call(self, call: CallItem, status: str) -> bytes:
        self._call = None
        call.arguments = "".join(self._pieces)
        self._pieces.clear()
        item = call.made(status)
        place = {"item_id": item["id"], "output_index": len(self._output)}
        if call.is_written_at_once:
            written = self._added(call.made(IN_PROGRESS))
        elif call.is_custom:
            written = self._event("response.custom_tool_call_input.done", **place, input=call.arguments)
        else:
            named = {"name": call.name, "arguments": call.arguments}
            written = self._event("response.function_call_arguments.done", **place, **named)
        written += self._done(item)
        sealed = call.envelope()
        return written if sealed is None else written + self._sealed(sealed)


class _Message:
    """A message on its way: the parts that are whole, and the one that is open, of the kind `text` or `refusal`."""

    __slots__ = ("citations", "id", "kind", "parts", "words")

    def __init__(self, identifier: str) -> None:
        self.id = identifier
        self.parts: list[Item] = []
        self.kind = ""
        self.words: list[str] = []
        self.citations: list[Source] = []

    def part(self) -> Item:
        """The open part, as far as it has come."""
        words = "".join(self.words)
        return refusal_part(words) if self.kind == "refusal" else text_part(words, self.citations)

    def end_part(self, part: Item) -> None:
        """The open part is whole."""
        self.parts.append(part)
        self.kind = ""
        self.words.clear()
        self.citations = []


class _Thought:
    """A thought on its way."""

    __slots__ = ("id", "words")

    def __init__(self, identifier: str) -> None:
        self.id = identifier
        self.words: list[str] = []
