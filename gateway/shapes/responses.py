"""OpenAI's Responses (https://platform.openai.com/docs/api-reference/responses).

`mcp_list_tools` is what a server is said to have listed before: the model calls by it, and the server is not asked
again. Calls, approvals, `tool_choice` and references only point at what is declared.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from gateway.errors import GatewayError
from gateway.shapes import dialects, media_members, state
from gateway.shapes.declares import END_USER, PLAIN, Declares, Kind, Place, Row, Says
from gateway.shapes.ending import CLOSES, CONTENT, ENDS, FAILS, OPENING, TEXT, Events, How, Stop
from gateway.shapes.progress import Progress
from gateway.shapes.shape import Shape
from gateway.shapes.told import Begun

_MESSAGE: Final = Row(places=(Place("content[]", "part", bulk=True),))
_OUTPUT: Final = Row(places=(Place("output[]", "part", bulk=True),))
_ITEM: Final = Kind(
    known={
        None: _MESSAGE,
        "message": _MESSAGE,
        "function_call_output": _OUTPUT,
        "custom_tool_call_output": _OUTPUT,
        "additional_tools": Row(places=(Place("tools[]", "tool"),)),
        "tool_search_output": Row(places=(Place("tools[]", "tool"),)),
        "mcp_list_tools": Row(places=(Place("server_label", Says.MCP), Place("tools[]", "listed"))),
        **dict.fromkeys(
            (
                "apply_patch_call",
                "apply_patch_call_output",
                "code_interpreter_call",
                "compaction",
                "compaction_trigger",
                "computer_call",
                "computer_call_output",
                "configuration_update",
                "custom_tool_call",
                "file_search_call",
                "function_call",
                "image_generation_call",
                "item_reference",
                "local_shell_call",
                "local_shell_call_output",
                "mcp_approval_request",
                "mcp_approval_response",
                "mcp_call",
                "program",
                "program_output",
                "reasoning",
                "shell_call",
                "shell_call_output",
                "tool_search_call",
                "web_search_call",
            ),
            PLAIN,
        ),
    },
    every=(Place("tools[]", "tool"),),
    text=Says.NOTHING,
)
_PART: Final = Kind(
    known=dict.fromkeys(
        (
            "input_text",
            "input_image",
            "input_file",
            "input_audio",
            "output_text",
            "refusal",
            "reasoning_text",
            "summary_text",
            "text",
            "computer_screenshot",
        ),
        PLAIN,
    ),
    text=Says.NOTHING,
)
DECLARES: Final = Declares(
    places=(
        *dialects.PLACES,
        Place("moderation.model", Says.MODEL),
        Place("input[]", "item", bulk=True),
    ),
    kinds={**dialects.KINDS, "item": _ITEM, "part": _PART},
    output_caps=("max_output_tokens",),
    end_user=END_USER,
    search_caps=("max_tool_calls",),
    routing=(*dialects.ROUTING, "previous_response_id", "conversation", "prompt", "background"),
)


EVENTS: Final = Events(
    rows={
        "response.created": OPENING,
        "response.queued": OPENING,
        "response.in_progress": OPENING,
        "keepalive": OPENING,
        "response.steer.accepted": OPENING,
        "response.steer.pending": OPENING,
        "response.steer.failed": OPENING,
        "response.output_item.added": CONTENT,
        "response.output_item.done": CLOSES,
        "response.content_part.added": CONTENT,
        "response.content_part.done": CLOSES,
        "response.output_text.delta": TEXT,
        "response.output_text.done": CLOSES,
        "response.output_text.annotation.added": CONTENT,
        "response.refusal.delta": TEXT,
        "response.refusal.done": CLOSES,
        "response.reasoning_text.delta": TEXT,
        "response.reasoning_text.done": CONTENT,
        "response.reasoning_summary_part.added": CONTENT,
        "response.reasoning_summary_part.done": CONTENT,
        "response.reasoning_summary_text.delta": TEXT,
        "response.reasoning_summary_text.done": CONTENT,
        "response.function_call_arguments.delta": TEXT,
        "response.function_call_arguments.done": CLOSES,
        "response.custom_tool_call_input.delta": TEXT,
        "response.custom_tool_call_input.done": CLOSES,
        "response.audio.delta": CONTENT,
        "response.audio.done": CONTENT,
        "response.audio.transcript.delta": TEXT,
        "response.audio.transcript.done": CONTENT,
        "response.code_interpreter_call.in_progress": CONTENT,
        "response.code_interpreter_call.interpreting": CONTENT,
        "response.code_interpreter_call.completed": CONTENT,
        "response.code_interpreter_call_code.delta": TEXT,
        "response.code_interpreter_call_code.done": CONTENT,
        "response.compaction.compacting": CONTENT,
        "response.file_search_call.in_progress": CONTENT,
        "response.file_search_call.searching": CONTENT,
        "response.file_search_call.completed": CONTENT,
        "response.web_search_call.in_progress": CONTENT,
        "response.web_search_call.searching": CONTENT,
        "response.web_search_call.completed": CONTENT,
        "response.image_generation_call.in_progress": CONTENT,
        "response.image_generation_call.generating": CONTENT,
        "response.image_generation_call.partial_image": CONTENT,
        "response.image_generation_call.completed": CONTENT,
        "response.mcp_call.in_progress": CONTENT,
        "response.mcp_call.completed": CONTENT,
        "response.mcp_call.failed": CONTENT,
        "response.mcp_call_arguments.delta": TEXT,
        "response.mcp_call_arguments.done": CONTENT,
        "response.mcp_list_tools.in_progress": CONTENT,
        "response.mcp_list_tools.completed": CONTENT,
        "response.mcp_list_tools.failed": CONTENT,
        "response.shell_call_command.added": CONTENT,
        "response.shell_call_command.delta": TEXT,
        "response.shell_call_command.done": CONTENT,
        "response.shell_call_output_content.delta": CONTENT,
        "response.shell_call_output_content.done": CONTENT,
        "response.completed": ENDS,
        "response.incomplete": ENDS,
        "response.failed": FAILS,
        "error": FAILS,
    },
    stops={
        "max_output_tokens": Stop.LENGTH,
        "max_messages": Stop.LENGTH,
        "content_filter": Stop.FILTERED,
        "steered": Stop.PAUSED,
    },
    statuses={
        "completed": How.COMPLETE,
        "incomplete": How.COMPLETE,
        "failed": How.FAILED,
        "cancelled": How.FAILED,
        "queued": How.FAILED,
        "in_progress": How.FAILED,
    },
)
"""https://platform.openai.com/docs/api-reference/responses-streaming.

`incomplete` is an answer: it ends where a limit or a filter stopped it, and `incomplete_details.reason` says which.
"""


_CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "context_length_exceeded": ("prompt is too long", "context length", "context_length", "context window"),
    "insufficient_quota": ("insufficient_quota", "credit balance is too low"),
    "rate_limit_exceeded": ("rate_limit", "rate limit", "too many requests"),
}
"""Codes that clients act on, and the words of providers that mean the same."""


def code_in(words: str) -> str | None:
    """The code for what a provider says of its failure, where clients do more on it than to try again."""
    said = words.lower()
    return next((code for code, known in _CODES.items() if any(one in said for one in known)), None)


def failed_event(error: GatewayError, progress: Progress) -> bytes:
    """`response.failed` of the response that was created, or the `error` event where none was."""
    code = code_in(error.message) or error.code
    stated: dict[str, Any] = {"type": error.type, "code": code, "message": error.message, "param": error.param}
    sequence = progress.next_sequence
    begun = progress.begun
    if begun is None:
        # Clients read the error at the top, as the reference has it, or under `error`, as the servers send it.
        event = {**stated, "type": "error", "sequence_number": sequence, "error": stated}
    else:
        event = {"type": "response.failed", "sequence_number": sequence, "response": _failed(begun, stated)}
    return b"event: " + str(event["type"]).encode() + b"\ndata: " + msgspec.json.encode(event) + b"\n\n"


def _failed(begun: Begun, error: dict[str, Any]) -> dict[str, Any]:
    """A response object with every member that the reference requires."""
    return {
        "id": begun.id,
        "object": "response",
        "created_at": begun.created_at,
        "status": "failed",
        "error": error,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": begun.model,
        "output": [],
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None,
    }


RESPONSES: Final = Shape(
    name="responses",
    declares=DECLARES,
    media=media_members.RESPONSES,
    events=EVENTS,
    frame=failed_event,
    state=state.RESPONSES,
    counts_events=True,
)

_POINTS: Final = replace(state.RESPONSES, keeps=state.keeps_nothing)

COMPACT: Final = Shape(name="responses_compact", declares=DECLARES, media=media_members.RESPONSES, state=_POINTS)
"""https://platform.openai.com/docs/api-reference/responses/compact: a conversation in, a shorter one out."""

INPUT_TOKENS: Final = Shape(
    name="responses_input_tokens", declares=DECLARES, media=media_members.RESPONSES, state=_POINTS
)
"""https://platform.openai.com/docs/api-reference/responses/input-tokens."""
