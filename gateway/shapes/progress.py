"""How far a stream has come, read off it in passing: what `Events` says of each of its events, put together.

PERF: nearly all of a stream is read only when somebody asks, or when a batch of it is full, since nearly every stream
ends as it should and then its last event says all. What is kept is bounded: a batch, and an event that has not ended.
"""

import re
from typing import Any, Final

import msgspec

from gateway.shapes.ending import OPENING, TEXT, Ending, Event, Events, How, Stage, StatedError, Stop, stated_error
from gateway.shapes.told import Begun, Told, decode_begun, decode_event, decode_events
from gateway.wire.sse_events import ENDS_EVENT, RawEvents, event_parts, events_of
from gateway.wire.unreadable import UNREADABLE

BYTES_PER_TOKEN: Final = 4
"""Bytes of text that count as one token."""

_BATCH_BYTES = 64 * 1024
_LARGEST_EVENT = 1024 * 1024
_HEAD_OF_LARGE_EVENT = 1024
_TYPE: Final = re.compile(rb'\s*\{\s*"type"\s*:\s*"([\w.]+)"')
_DONE: Final = b"[DONE]"
_DATA: Final = b"data: "
_ERROR: Final = "error"
_OPENING, _CONTENT, _ENDED = Stage.OPENING, Stage.CONTENT, Stage.ENDED
_NOT_SAID: Final = frozenset(
    (
        *("role", "type", "id", "call_id", "data", "signature", "encrypted_content", "citation", "citations"),
        *("reasoning_details", "finish_reason", "status", "object", "logprobs", "annotations"),
        *("thoughtSignature", "inlineData", "fileData", "mimeType", "finishReason", "finishMessage", "safetyRatings"),
        *("citationMetadata", "groundingMetadata", "urlContextMetadata", "logprobsResult"),
    )
)
"""Members of a delta or an answer that the model did not write, or that say once more what stands beside them."""


class _Received:
    """How many output tokens an answer has brought so far, for one that does not say so itself; no byte is kept.

    Providers send a token or a few in each event; some send many. So it is the larger of two counts: one token for each
    piece of text, and one for every four bytes of it.
    """

    __slots__ = ("_texts", "_written")

    def __init__(self) -> None:
        self._texts = 0
        self._written = 0

    def text(self, size: int) -> None:
        """A piece of what the model wrote has come, of so many bytes."""
        self._texts += 1
        self._written += size

    def within(self, limit: int | None) -> int:
        """Output tokens so far, roughly, and never more than the request allowed."""
        tokens = max(self._texts, self._written // BYTES_PER_TOKEN)
        return tokens if limit is None else min(tokens, limit)


class Progress:
    """How far one answer has come, and how it ended.

    Feed it either the bytes of the stream in whatever pieces they come (`feed`, then `end` when the stream is over) or
    events that were taken apart already (`event`). Ask it whatever and whenever:

    - `only_openings`: nothing was said yet, so that another provider may still answer;
    - `content_may_be_complete`: the client has all of the content, and at most figures of usage are still to come, or
      the last part that began is whole and nothing says that another follows;
    - `ended`: the API's own last event came, or an error in its place;
    - `ending(client_left=...)`: how the answer ended, once no more comes;
    - `tokens(limit)`: output tokens received so far;
    - `next_sequence` and `begun`: what the terminal frame of Responses needs.

    Args:
        events: The table of the API that the stream speaks.
        choices: How many answers the request asked for (`n`).
    """

    __slots__ = (
        "_begun",
        "_choices",
        "_closed",
        "_error",
        "_events",
        "_finished",
        "_how",
        "_large",
        "_open",
        "_pieces",
        "_raw",
        "_received",
        "_sequence",
        "_size",
        "_stage",
    )

    def __init__(self, events: Events, *, choices: int = 1) -> None:
        self._events = events
        self._choices = choices
        self._closed = False
        self._pieces: list[bytes] = []  # what came and was not read yet
        self._size = 0
        self._raw = RawEvents()
        self._large = b""  # the beginning of an event that is too large to be kept
        self._stage = Stage.OPENING
        self._how: How | None = None
        self._error: StatedError | None = None
        self._open: set[int] = set()
        self._finished: set[int] = set()
        self._sequence = -1
        self._begun: Begun | None = None
        self._received = _Received()

    def feed(self, chunk: bytes) -> None:
        """A piece of the stream came."""
        self._pieces.append(chunk)
        self._size += len(chunk)
        if self._size >= _BATCH_BYTES:
            self._fold()

    def end(self) -> None:
        """The stream is over: what has no blank line behind it is an event all the same."""
        self.feed(b"\n\n")

    def event(self, name: str, data: bytes) -> None:
        """An event came: its name, "" where it has none, and its data."""
        rows = self._events.rows
        if data == _DONE:
            self._take(rows.get("[DONE]", OPENING), name, data)
            return
        try:
            told = decode_event(data)
        except UNREADABLE:
            self._take(rows.get(name) or self._unknown(), name, data)
            return
        self._told(told, name, data)

    def _told(self, told: Told, name: str, data: bytes) -> None:
        if type(told.sequence_number) is int:
            self._sequence = told.sequence_number
        if told.choices is not None and name != _ERROR:
            self._chunk(told, data)
            return
        is_of_google = told.candidates is not None or told.prompt_feedback is not None or told.usage_metadata
        if is_of_google and not told.error:
            self._candidates(told)
            return
        rows = self._events.rows
        kind = told.type if isinstance(told.type, str) and name != _ERROR else name
        row = rows.get(kind)
        if row is None:
            row = rows[_ERROR] if told.error else self._unknown()
        if self._begun is None and row.stage is Stage.OPENING and told.response:
            self._begun = _begun_of(told)
        self._take(row, kind, data, told.delta)

    def _unknown(self) -> Event:
        """A type of event that no table knows is content, but for what comes after the last event."""
        return OPENING if self._stage is Stage.ENDED else TEXT

    @property
    def only_openings(self) -> bool:
        """Whether nothing was said so far."""
        self._fold()
        return self._stage is Stage.OPENING

    @property
    def content_may_be_complete(self) -> bool:
        """Whether the client may have all of the content: the last part that came is whole."""
        self._fold()
        return self._closed or self._stage >= Stage.COMPLETE

    @property
    def ended(self) -> bool:
        """Whether the stream itself said that it is over, well or not."""
        self._fold()
        return self._stage is Stage.ENDED

    @property
    def next_sequence(self) -> int:
        """The `sequence_number` of the event that would come next."""
        self._fold()
        return self._sequence + 1

    @property
    def begun(self) -> Begun | None:
        """The response that a stream of Responses began with."""
        self._fold()
        return self._begun

    def tokens(self, limit: int | None) -> int:
        """Output tokens received so far, roughly, and never more than the request's own limit."""
        self._fold()
        return self._received.within(limit)

    def ending(self, *, client_left: bool) -> Ending:
        """How the answer ended, asked when no more of it comes, whyever.

        What the stream said itself holds whatever happened to the connection, or to the client, afterwards.
        """
        if self._how is None and self._ends_well():
            return Ending(How.COMPLETE)
        self._fold()
        if self._how is not None:
            return Ending(self._how, self._error)
        if self._stage is Stage.COMPLETE and (client_left or not self._events.needs_end):
            return Ending(How.COMPLETE)
        return Ending(How.LEFT if client_left else How.CUT)

    def _ends_well(self) -> bool:
        """Whether the last event says that the answer is complete. PERF: then nothing before it has to be read."""
        unread = b"".join(self._pieces)
        if self._large or self._raw.size or self._may_say_failure(unread):
            return False
        last = unread.rstrip(b"\r\n")
        name, data = event_parts(last[last.rfind(b"\n\n") + 2 :])
        row = self._events.rows.get("[DONE]" if data == _DONE else _type_of(data) or name)
        return row is not None and row.how is How.COMPLETE and unread.endswith(ENDS_EVENT)

    def _fold(self) -> None:
        """Reads what came since."""
        if not self._pieces:
            return
        whole = self._raw.feed(b"".join(self._pieces))
        self._pieces.clear()
        self._size = 0
        if whole and (self._large or not self._take_together(whole)):
            for event in events_of(whole):
                if self._large:
                    self._take_large()
                elif (parts := event_parts(event))[1]:
                    self.event(*parts)
        if self._raw.size > _LARGEST_EVENT:
            head = self._raw.shed(_HEAD_OF_LARGE_EVENT)
            self._large = self._large or head

    def _take_together(self, events: bytes) -> bool:
        """Takes ordinary events, decoded in one go; false where one of them is not, and then nothing is taken.

        PERF: an ordinary event has one line of data, and its data says its type. An error has to be read with its
        event's name.
        """
        if b"\r" in events or self._may_say_failure(events):
            return False
        if events.startswith(_DATA):
            data = events[len(_DATA) : -2].replace(b"\n\n" + _DATA, b",")
        else:
            lines = events.split(b"\n")
            stated = [line[len(_DATA) :] for line in lines if line.startswith(_DATA)]
            if len(stated) != lines.count(b"") - 1:
                return False
            data = b",".join(stated)
        if b"\n" in data:
            return False
        try:
            all_told = decode_events(b"[" + data + b"]")
        except UNREADABLE:
            return False
        for told in all_told:
            if told.choices is None and not told.type and told.candidates is None:
                return False
        for told in all_told:
            if told.choices is None:
                self._told(told, "", b"")
            else:
                self._chunk(told, b"")
        return True

    def _may_say_failure(self, events: bytes) -> bool:
        return any(sign in events for sign in self._events.signs_of_failure)

    def _take_large(self) -> None:
        """An event ended of which only the beginning was kept; its type stands there."""
        head, self._large = self._large, b""
        name, data = event_parts(head)
        kind = _type_of(data) or name
        unknown = OPENING if self._stage is Stage.ENDED else self._events.large
        self._take(self._events.rows.get(kind) or unknown, kind, b"{}")

    def _chunk(self, told: Told, data: bytes) -> None:
        """A chunk of completions: what is in it says what it is."""
        if self._stage is _ENDED:
            return
        failed = told.error
        finishes = False
        for choice in told.choices or ():
            delta = choice.delta
            size = _size_of(delta if choice.text is None else choice.text)
            if size:
                self._received.text(size)
            if self._stage is _OPENING and (size or _says(delta)):
                self._stage = _CONTENT
            if not self._finishes(choice.index, choice.finish_reason):
                continue
            finishes = True
            reason = choice.finish_reason
            stop = self._events.stops.get(reason) if isinstance(reason, str) else None
            failed = failed or choice.error or stop is Stop.FAILED
        if failed:
            self._take(self._events.rows[_ERROR], _ERROR, data)
        elif finishes and self._all_finished:
            self._stage = Stage.COMPLETE

    def _candidates(self, told: Told) -> None:
        """A chunk of Gemini's: its candidates, or why the prompt gets none."""
        finishes = False
        for one in told.candidates or ():
            size = _size_of(one.content)
            if size:
                self._received.text(size)
            if self._stage is _OPENING and (size or _has_parts(one.content)):
                self._stage = _CONTENT
            finishes = self._finishes(one.index, one.finish_reason) or finishes
        is_blocked = not told.candidates and _states(told.prompt_feedback, "blockReason")
        if is_blocked or (finishes and self._all_finished):
            self._stage = max(self._stage, Stage.COMPLETE)

    def _finishes(self, index: Any, reason: Any) -> bool:
        """Whether a choice says why it stopped. Some servers write "" where they have no reason yet."""
        number = index if type(index) is int else 0
        if reason is None or reason == "":
            if number not in self._open:
                self._open.add(number)
            return False
        self._finished.add(number)
        return True

    @property
    def _all_finished(self) -> bool:
        return len(self._finished) >= self._choices and self._open <= self._finished

    def _take(self, row: Event, name: str, data: bytes, delta: Any = None) -> None:
        if row.stating is not None and not _states(delta, row.stating):
            return
        if row.text:
            size = _size_of(delta)
            if size:
                self._received.text(size)
        if row.stage is Stage.CONTENT:
            self._closed = row.closes
        if row.how is How.FAILED:
            if self._stage is not Stage.ENDED or self._how is How.FAILED:
                self._how = How.FAILED
                self._error = self._error or stated_error(data, name)
        elif self._how is How.FAILED:
            return
        elif row.how is not None:
            self._how = row.how
        elif row.stage is Stage.CONTENT and self._stage is Stage.ENDED:
            # The next of several images begins.
            self._how, self._stage = None, Stage.CONTENT
        self._stage = max(self._stage, row.stage)


def _type_of(data: bytes) -> str:
    """The type that stands at the beginning of an event's data."""
    stated = _TYPE.match(data)
    return "" if stated is None else stated[1].decode()


def _begun_of(told: Told) -> Begun | None:
    try:
        return decode_begun(told.response)
    except UNREADABLE:
        return None


def _says(delta: Any) -> bool:
    """Whether a delta holds anything beside its role."""
    return isinstance(delta, dict) and any(value for name, value in delta.items() if name != "role")


def _has_parts(content: Any) -> bool:
    """Whether a candidate's content holds anything beside empty texts."""
    parts = content.get("parts") if isinstance(content, dict) else None
    return isinstance(parts, list) and any(part != {"text": ""} for part in parts)


def _states(delta: Any, member: str) -> bool:
    return isinstance(delta, dict) and delta.get(member) is not None


def _size_of(said: Any) -> int:
    """Bytes of the text in a delta, at whatever depth it stands."""
    if type(said) is str:
        return len(said) if said.isascii() else len(said.encode(errors="replace"))
    size = 0
    if type(said) is dict:
        for name, value in said.items():
            if value and name not in _NOT_SAID:
                size += _size_of(value)
    elif type(said) is list:
        for one in said:
            size += _size_of(one)
    return size


def tokens_in(body: bytes, limit: int | None) -> int:
    """Output tokens in a whole answer, roughly, by what the model wrote in it; never more than the request allowed.

    What is no JSON object, and what holds no text (an image, say), counts as nothing.
    """
    try:
        answer = _decode_answer(body)
    except UNREADABLE:
        return 0
    received = _Received()
    for member in _WRITTEN:
        size = _size_of(answer.get(member))
        if size:
            received.text(size)
    return received.within(limit)


_WRITTEN: Final = ("choices", "content", "output", "text", "candidates")
"""Members of an answer that hold what the model wrote, in one API or another."""

_decode_answer: Final = msgspec.json.Decoder(dict[str, Any]).decode
