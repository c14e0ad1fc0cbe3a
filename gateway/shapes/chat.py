"""OpenAI's chat completions (https://platform.openai.com/docs/api-reference/chat), and the older completions.

Tools in messages are those of servers that let a conversation bring more of them on its way.
"""

from typing import Final

from gateway.shapes import dialects, media_members, state
from gateway.shapes.declares import END_USER, PLAIN, Declares, Kind, Place, Row, Says
from gateway.shapes.ending import ENDS, FAILS, Events, Stop
from gateway.shapes.shape import Shape

_MESSAGE: Final = Kind(
    known={None: Row(places=(Place("content[]", "part", bulk=True),))},
    every=(Place("tools[]", "tool"), Place("functions[]", "function")),
    tag="",
    text=Says.NOTHING,
)
_PART: Final = Kind(
    known=dict.fromkeys(("text", "image_url", "input_audio", "file", "refusal"), PLAIN), text=Says.NOTHING
)
DECLARES: Final = Declares(
    places=(
        *dialects.PLACES,
        Place("moderation.model", Says.MODEL),
        Place("messages[]", "message", bulk=True),
    ),
    kinds={**dialects.KINDS, "message": _MESSAGE, "part": _PART},
    output_caps=("max_completion_tokens", "max_tokens"),
    choices=("n", "best_of"),
    end_user=END_USER,
    routing=(*dialects.ROUTING, "stream_options"),
)


EVENTS: Final = Events(
    rows={"[DONE]": ENDS, "error": FAILS},
    stops={
        "stop": Stop.FINISHED,
        "length": Stop.LENGTH,
        "tool_calls": Stop.TOOL_CALL,
        "function_call": Stop.TOOL_CALL,
        "content_filter": Stop.FILTERED,
        # Of servers that are made after it: Mistral, OpenRouter, DeepSeek.
        "model_length": Stop.LENGTH,
        "error": Stop.FAILED,
        "insufficient_system_resource": Stop.FAILED,
    },
    needs_end=False,
)
"""A stream is of chunks without a type: what is in a chunk says what it is, see `Progress`."""

CHAT: Final = Shape(
    name="chat",
    declares=DECLARES,
    media=media_members.CHAT,
    include_usage=True,
    events=EVENTS,
    state=state.CHAT,
)

COMPLETIONS: Final = Shape(
    name="completions",
    declares=Declares(
        places=dialects.PLACES,
        kinds=dialects.KINDS,
        output_caps=("max_tokens",),
        choices=("n", "best_of"),
        end_user=END_USER,
        routing=(*dialects.ROUTING, "stream_options", "prompt"),
    ),
    include_usage=True,
    events=EVENTS,
)
"""https://platform.openai.com/docs/api-reference/completions."""
