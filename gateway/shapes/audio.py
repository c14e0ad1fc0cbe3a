"""OpenAI's speech and transcriptions (https://platform.openai.com/docs/api-reference/audio)."""

from functools import partial
from typing import Final

from gateway.shapes import openai_usage
from gateway.shapes.ending import CONTENT, ENDS, FAILS, TEXT, Events
from gateway.shapes.shape import Shape

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

SPEECH: Final = Shape(
    name="speech",
    read_usage=partial(openai_usage.read_body, output=openai_usage.SPEECH),
    read_event=partial(openai_usage.read_event, output=openai_usage.SPEECH),
    events=SPEECH_EVENTS,
)
TRANSCRIPTIONS: Final = Shape(name="transcriptions", events=TRANSCRIPTION_EVENTS)
