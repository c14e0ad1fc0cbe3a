"""OpenAI's speech and transcriptions (https://platform.openai.com/docs/api-reference/audio).

Speech that does not come as events states no usage. Its tokens are counted by its length: `gpt-4o-mini-tts` is $12 for
a million, and $0.015 for a minute (https://platform.openai.com/docs/pricing). Where the length cannot be told, it is
that of its text read aloud at a usual pace, in any language about 13 bytes of UTF-8 a second.
"""

from functools import partial
from typing import Final

from gateway.shapes import openai_usage
from gateway.shapes.ending import CONTENT, ENDS, FAILS, TEXT, Events
from gateway.shapes.shape import Shape
from gateway.wire.audio_length import length_ms
from gateway.wire.request_body import RequestBody

SPEECH_EVENTS: Final = Events(
    rows={"speech.audio.delta": CONTENT, "speech.audio.done": ENDS, "[DONE]": ENDS, "error": FAILS},
)
TRANSCRIPTION_EVENTS: Final = Events(
    rows={
        "transcript.text.delta": TEXT,
        "transcript.text.segment": CONTENT,
        "transcript.text.done": ENDS,
        # Of servers that stream chunks as those of chat here: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html.
        "[DONE]": ENDS,
        "error": FAILS,
    }
)

TOKENS_PER_MINUTE: Final = 1_250
_MS_PER_MINUTE: Final = 60_000
_BYTES_PER_S: Final = 13
_SLOWEST: Final = 4
"""How many times longer speech takes at the slowest `speed` of the API."""


def spoken_tokens(request: RequestBody, media_type: str, head: bytes, size: int) -> int:
    """Tokens of speech that came as so many bytes of audio, `head` first; see `CountAudio`."""
    length = length_ms(media_type, head, size)
    return _usual_tokens(request) if length is None else _divide_up(length * TOKENS_PER_MINUTE, _MS_PER_MINUTE)


def most_spoken_tokens(request: RequestBody) -> int:
    """Tokens that the speech which a request asks for has at most, at the slowest speed."""
    return _SLOWEST * _usual_tokens(request)


def spoken_text(request: RequestBody) -> str | None:
    """The text that is to be read aloud; `None` where there is none that can be read."""
    text = request.decoded("input")
    return text if isinstance(text, str) else None


def _usual_tokens(request: RequestBody) -> int:
    text = spoken_text(request)
    size = len(request.data) if text is None else len(text.encode(errors="replace"))
    return _divide_up(size * TOKENS_PER_MINUTE, _BYTES_PER_S * 60)


def _divide_up(amount: int, by: int) -> int:
    return -(-amount // by)


SPEECH: Final[Shape] = Shape(
    name="speech",
    read_usage=partial(openai_usage.read_body, output=openai_usage.SPEECH),
    read_event=partial(openai_usage.read_event, output=openai_usage.SPEECH),
    count_audio=spoken_tokens,
    events=SPEECH_EVENTS,
)
TRANSCRIPTIONS: Final[Shape] = Shape(name="transcriptions", events=TRANSCRIPTION_EVENTS)
