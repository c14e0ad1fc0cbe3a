"""What an event of any of the APIs tells of the course of its answer, decoded without looking at the rest."""

from typing import Any, Final

import msgspec


class Choice(msgspec.Struct, gc=False):
    """One choice of a chunk of completions."""

    index: Any = None
    delta: Any = None
    text: Any = None
    finish_reason: Any = None
    error: Any = None


class Candidate(msgspec.Struct, gc=False):
    """One candidate of a chunk of Gemini's."""

    index: Any = None
    content: Any = None
    finish_reason: Any = msgspec.field(name="finishReason", default=None)


class Told(msgspec.Struct, gc=False):
    """An event; what it does not state is `None`, or empty."""

    type: Any = None
    choices: list[Choice] | None = None
    delta: Any = None
    sequence_number: Any = None
    response: msgspec.Raw = msgspec.Raw()
    error: Any = None
    candidates: list[Candidate] | None = None
    prompt_feedback: Any = msgspec.field(name="promptFeedback", default=None)
    usage_metadata: msgspec.Raw = msgspec.field(name="usageMetadata", default=msgspec.Raw())


class Begun(msgspec.Struct, frozen=True):
    """The response that a stream of Responses said it would make; `None` for what it did not say."""

    id: Any = None
    created_at: Any = None
    model: Any = None


class Body(msgspec.Struct, gc=False):
    """A whole answer, as far as it says how it ended."""

    type: Any = None
    status: Any = None
    error: Any = None
    message: Any = None
    code: Any = None
    choices: Any = None


decode_body: Final = msgspec.json.Decoder(Body).decode
decode_event: Final = msgspec.json.Decoder(Told).decode
decode_events: Final = msgspec.json.Decoder(list[Told]).decode
decode_begun: Final = msgspec.json.Decoder(Begun).decode
