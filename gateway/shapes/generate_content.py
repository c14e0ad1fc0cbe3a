"""Gemini's own API, of Google AI and of Vertex AI (https://ai.google.dev/api/generate-content).

`promptTokenCount` has cached tokens in and the tools' share out; thoughts stand beside `candidatesTokenCount`. So the
input is prompt and `toolUsePromptTokenCount` together, and the output is candidates and thoughts, or whatever the total
has beyond the input. Each chunk of a stream is a whole `GenerateContentResponse` whose figures are cumulative; the last
of them is no event of its own, so a stream that has no reason left to be waited for may end.

Google Search is billed by the prompt for models before Gemini 3 and by the query from there on
(https://ai.google.dev/gemini-api/docs/pricing).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.errors import GatewayError
from gateway.shapes import google_request, google_state, media_members
from gateway.shapes.declares import Declares
from gateway.shapes.ending import COMPLETES, FAILS, Events, Stop
from gateway.shapes.figures import Figure, Unbilled, Unread, read_figures, stated_as, table_of, usage_of, whole
from gateway.shapes.progress import Progress
from gateway.shapes.shape import Shape
from gateway.shapes.vendor import Vendor
from gateway.usage import Stated
from gateway.wire.unreadable import UNREADABLE

ROWS: Final = (
    Figure("promptTokenCount", "input_tokens"),
    Figure("candidatesTokenCount", "output_tokens"),
    Figure("responseTokenCount", "output_tokens"),
    Figure("cachedContentTokenCount", "cache_read_tokens"),
    Figure("thoughtsTokenCount", "reasoning_tokens"),
)
"""Every figure of `usageMetadata` that is billed, beside the tools' share of the prompt and the lists by modality."""

TOOLS_PROMPT: Final = Figure("toolUsePromptTokenCount", "input_tokens")
"""What tools of Google's brought into the prompt; it stands in no other figure."""

MODALITIES: Final[Mapping[str, Mapping[str, str]]] = {
    "promptTokensDetails": {
        "AUDIO": "input_audio_tokens",
        "IMAGE": "input_image_tokens",
        "VIDEO": "input_video_tokens",
    },
    "toolUsePromptTokensDetails": {
        "AUDIO": "input_audio_tokens",
        "IMAGE": "input_image_tokens",
        "VIDEO": "input_video_tokens",
    },
    "cacheTokensDetails": {"AUDIO": "cache_audio_read_tokens", "IMAGE": "cache_image_read_tokens"},
    "candidatesTokensDetails": {
        "AUDIO": "output_audio_tokens",
        "IMAGE": "output_image_tokens",
        "VIDEO": "output_video_tokens",
    },
    "responseTokensDetails": {
        "AUDIO": "output_audio_tokens",
        "IMAGE": "output_image_tokens",
        "VIDEO": "output_video_tokens",
    },
}
"""The lists of `usageMetadata` by modality, and the kind that each modality is of; the others are text."""

UNBILLED: Final = (
    Unbilled("totalTokenCount", "the sum of the others; what it has beyond them is output"),
    Unbilled("trafficType", "no figure: how the request was served"),
    Unbilled("serviceTier", "no figure: how the request was served"),
)
"""What the reference has besides."""

TRAFFIC: Final[Mapping[str, str | None]] = {
    "TRAFFIC_TYPE_UNSPECIFIED": None,
    "ON_DEMAND": None,
    "ON_DEMAND_PRIORITY": "priority",
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_OFFPEAK": "offpeak",
    "PROVISIONED_THROUGHPUT": "provisioned_throughput",
}
"""The tier that each `trafficType` of Vertex AI is."""

TIER_HEADER: Final = b"x-vertex-ai-llm-shared-request-type"
"""Where clients of Vertex AI ask for a tier (https://cloud.google.com/vertex-ai/generative-ai/docs/priority-paygo)."""

_TABLE: Final = table_of(ROWS)
_BY_THE_PROMPT: Final = re.compile(r"gemini-[12](?:\.|-|\Z)")


class _Found(msgspec.Struct, gc=False):
    grounding: Any = msgspec.field(name="groundingMetadata", default=None)


class _Answer(msgspec.Struct, gc=False):
    usage: Any = msgspec.field(name="usageMetadata", default=None)
    model: Any = msgspec.field(name="modelVersion", default=None)
    candidates: list[_Found] | None = None


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_answers = msgspec.json.Decoder(list[msgspec.Raw]).decode


def read_body(body: bytes) -> Stated | None:
    """What a whole response states, or all chunks of one that came as a JSON array; `None` without a report of usage.

    That is also what a response has whose usage cannot be read.
    """
    if not body.lstrip().startswith(b"["):
        return read_event(None, body)
    stated: Stated | None = None
    try:
        for chunk in _decode_answers(body):
            stated = read_event(stated, bytes(chunk))
    except UNREADABLE:
        return stated
    return stated


def read_event(known: Stated | None, data: bytes) -> Stated | None:
    """What is known so far, or what this chunk states: of two reports, which are cumulative, that of more tokens."""
    try:
        answer = _decode_answer(data)
    except UNREADABLE:
        return known
    usage = answer.usage
    if type(usage) is not dict:
        return known
    figures: dict[str, int] = {}
    unread: Unread = []
    read_figures(usage, _TABLE, figures, unread, "usageMetadata")
    if not figures and not unread:
        return known
    _count_prompt_of_tools(usage, figures, unread)
    figures["output_tokens"] = figures.get("output_tokens", 0) + figures.get("reasoning_tokens", 0)
    _put_in_total(usage, figures)
    for name, kinds in MODALITIES.items():
        if name in usage:
            _read_modalities(usage[name], kinds, figures, unread, f"usageMetadata.{name}")
    searches = _searches(answer.candidates or (), answer.model)
    if known is not None and known.usage.further is not msgspec.UNSET:
        searches = max(searches, known.usage.further.get("web_searches", 0))
    if searches:
        figures["web_searches"] = searches
    traffic = usage.get("trafficType")
    tier = usage.get("serviceTier")
    if tier is None and traffic is not None:
        tier = TRAFFIC.get(traffic, traffic) if isinstance(traffic, str) else traffic
    stated = stated_as(usage_of(figures), unread, model=answer.model, service_tier=tier)
    return known if known is not None and known.total_tokens > stated.total_tokens else stated


def _count_prompt_of_tools(usage: Mapping[str, Any], figures: dict[str, int], unread: Unread) -> None:
    written = usage.get(TOOLS_PROMPT.path)
    if not written:
        return
    count = whole(written)
    if count is None:
        unread.append((TOOLS_PROMPT.kind, f"usageMetadata.{TOOLS_PROMPT.path}"))
    else:
        figures["input_tokens"] = figures.get("input_tokens", 0) + count


def _put_in_total(usage: Mapping[str, Any], figures: dict[str, int]) -> None:
    """What a total has beyond the input is output; a total alone is that of a prompt."""
    total = whole(usage.get("totalTokenCount"))
    if total is None:
        return
    beyond = total - figures.get("input_tokens", 0) - figures["output_tokens"]
    if beyond > 0:
        figures["output_tokens"] += beyond
        figures["reasoning_tokens"] = figures.get("reasoning_tokens", 0) + beyond


def _read_modalities(stated: Any, kinds: Mapping[str, str], figures: dict[str, int], unread: Unread, at: str) -> None:
    for index, entry in enumerate(stated if isinstance(stated, list) else [stated]):
        modality = entry.get("modality") if isinstance(entry, dict) else None
        kind = kinds.get(modality) if isinstance(modality, str) else None
        if kind is None:
            continue
        # What is zero is left out of Google's JSON.
        count = whole(entry.get("tokenCount", 0))
        if count is None:
            unread.append((kind, f"{at}[{index}].tokenCount"))
        else:
            figures[kind] = figures.get(kind, 0) + count


def _searches(candidates: Any, model: Any) -> int:
    """Searches of the web that are billed: queries, or one for the prompt."""
    queries = 0
    for one in candidates:
        asked = one.grounding.get("webSearchQueries") if isinstance(one.grounding, dict) else None
        queries += len(asked) if isinstance(asked, list) else 0
    if queries and isinstance(model, str) and _BY_THE_PROMPT.match(model):
        return 1
    return queries


EVENTS: Final = Events(
    rows={"error": FAILS},
    stops={
        "STOP": Stop.FINISHED,
        "MAX_TOKENS": Stop.LENGTH,
        "MALFORMED_FUNCTION_CALL": Stop.MALFORMED,
        "MALFORMED_RESPONSE": Stop.MALFORMED,
        "MISSING_THOUGHT_SIGNATURE": Stop.MALFORMED,
        "NO_IMAGE": Stop.MALFORMED,
        "UNEXPECTED_TOOL_CALL": Stop.MALFORMED,
        "CONTINUATION": Stop.PAUSED,
        "TOO_MANY_TOOL_CALLS": Stop.PAUSED,
        **dict.fromkeys(
            (
                "BLOCKLIST",
                "ESCALATION",
                "IMAGE_OTHER",
                "IMAGE_PROHIBITED_CONTENT",
                "IMAGE_RECITATION",
                "IMAGE_SAFETY",
                "LANGUAGE",
                "MODEL_ARMOR",
                "OTHER",
                "PROHIBITED_CONTENT",
                "PUP_LIMITED_DISABLED",
                "RECITATION",
                "SAFETY",
                "SPII",
            ),
            Stop.FILTERED,
        ),
    },
    needs_end=False,
    # It holds a picture, and may state the reason why it stopped.
    large=COMPLETES,
)
"""A stream is of chunks without a type: what is in a chunk says what it is, see `Progress`."""

STATUSES: Final[Mapping[int, str]] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "INVALID_ARGUMENT",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    431: "INVALID_ARGUMENT",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""The canonical name for an HTTP status (https://cloud.google.com/apis/design/errors#handling_errors)."""

_TYPES: Final = "type.googleapis.com/google.rpc."


def envelope(error: GatewayError) -> bytes:
    """The body of an error as Google's APIs write it, `google.rpc.Status`.

    What the gateway's own envelope says besides is in the details: type and code, the path at fault, when to ask again.
    """
    said: dict[str, str] = {"type": error.type}
    said.update({name: _text(value) for name, value in (error.meta or {}).items()})
    details: list[dict[str, Any]] = [
        {"@type": f"{_TYPES}ErrorInfo", "reason": error.code.upper(), "domain": "gateway", "metadata": said}
    ]
    if error.param is not None:
        violation = {"field": error.param, "description": error.message}
        details.append({"@type": f"{_TYPES}BadRequest", "fieldViolations": [violation]})
    wait = error.headers.get("retry-after", "")
    if wait.isdigit():
        details.append({"@type": f"{_TYPES}RetryInfo", "retryDelay": f"{wait}s"})
    return msgspec.json.encode({"error": {**status(error.status, error.message), "details": details}})


def status(code: int, message: str) -> dict[str, Any]:
    """A `google.rpc.Status` as JSON has it, without details."""
    return {"code": code, "message": message, "status": STATUSES.get(code, "UNKNOWN")}


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def error_event(error: GatewayError, _progress: Progress) -> bytes:
    """The chunk that Google's servers end a stream with that broke; it has no name, and clients read data alone."""
    return b"data: " + error_element(error) + b"\n\n"


def error_element(error: GatewayError) -> bytes:
    """The same in a stream that is one array."""
    return msgspec.json.encode({"error": status(error.status, error.message)})


def _shape(name: str, declares: Declares, media: media_members.MediaMembers) -> Shape:
    return Shape(
        name=name,
        vendor=Vendor.GOOGLE,
        read_usage=read_body,
        read_event=read_event,
        declares=declares,
        media=media,
        events=EVENTS,
        frame=error_event,
        envelope=envelope,
        element=error_element,
        # Google's own SDK takes a comment for JSON.
        keepalive=b"\n\n",
        state=google_state.STATE,
    )


GENERATE_CONTENT: Final = _shape("generate_content", google_request.DECLARES, media_members.GENERATE_CONTENT)
COUNT_TOKENS: Final = _shape("google_count_tokens", google_request.COUNT_DECLARES, media_members.GENERATE_CONTENT)
EMBED_CONTENT: Final = _shape("embed_content", google_request.EMBED_DECLARES, media_members.EMBED_CONTENT)
"""https://ai.google.dev/api/embeddings, one content or a batch of them."""
