"""What answers in OpenAI's shapes state: chat, completions, embeddings, responses, images, audio.

Source: https://platform.openai.com/docs/api-reference, and the SDK's `CompletionUsage`, `ResponseUsage`,
`Response.tool_usage`, `ImagesResponse` and `Transcription`. Rows with `said_by` are spellings of servers that are
compatible with OpenAI's:

- https://api-docs.deepseek.com/api/create-chat-completion, https://docs.x.ai/docs/api-reference
- https://docs.mistral.ai/api, https://platform.moonshot.ai/docs/api/chat, https://docs.together.ai/reference
- https://openrouter.ai/docs/api-reference, https://docs.perplexity.ai/api-reference, https://docs.databricks.com
- https://console.groq.com/docs/api-reference, https://docs.voyageai.com/reference

Thoughts that stand in no figure but the total, as with Gemini and xAI, are output: the total is the prompt and all
that the model made. What a model of pictures or of speech put out is of its own kind where no details say otherwise.
"""

from typing import Any, Final, NamedTuple

import msgspec

from gateway.shapes.figures import (
    ABSENT,
    LONGEST_NAME,
    Figure,
    Unbilled,
    Unread,
    name_said,
    read_figures,
    stated_as,
    table_of,
    usage_of,
    whole,
)
from gateway.shapes.openai_answer import Answer, Item, decode_answer, decode_items, decode_tools, decode_usage
from gateway.shapes.stated_cost import with_stated_cost
from gateway.usage import Iteration, Served, Stated, Usage
from gateway.wire.unreadable import UNREADABLE

ROWS: Final = (
    Figure("prompt_tokens", "input_tokens"),
    Figure("input_tokens", "input_tokens"),
    Figure("completion_tokens", "output_tokens"),
    Figure("output_tokens", "output_tokens"),
    Figure("prompt_tokens_details.cached_tokens", "cache_read_tokens"),
    Figure("prompt_tokens_details.cache_write_tokens", "cache_write_tokens"),
    Figure("prompt_tokens_details.audio_tokens", "input_audio_tokens"),
    Figure("prompt_tokens_details.image_tokens", "input_image_tokens"),
    Figure("completion_tokens_details.reasoning_tokens", "reasoning_tokens"),
    Figure("completion_tokens_details.audio_tokens", "output_audio_tokens"),
    Figure("input_tokens_details.cached_tokens", "cache_read_tokens"),
    Figure("input_tokens_details.cache_write_tokens", "cache_write_tokens"),
    Figure("input_tokens_details.audio_tokens", "input_audio_tokens"),
    Figure("input_tokens_details.image_tokens", "input_image_tokens"),
    Figure("output_tokens_details.reasoning_tokens", "reasoning_tokens"),
    Figure("output_tokens_details.audio_tokens", "output_audio_tokens"),
    Figure("output_tokens_details.image_tokens", "output_image_tokens"),
    Figure("input_token_details.audio_tokens", "input_audio_tokens"),
    Figure("input_token_details.cached_tokens", "cache_read_tokens"),
    Figure("input_token_details.image_tokens", "input_image_tokens"),
    Figure("seconds", "input_audio_ms", times=1000),
    Figure("prompt_tokens_details.cached_tokens_details.audio_tokens", "cache_audio_read_tokens"),
    Figure("prompt_tokens_details.cached_tokens_details.image_tokens", "cache_image_read_tokens"),
    Figure("input_tokens_details.cached_tokens_details.audio_tokens", "cache_audio_read_tokens"),
    Figure("input_tokens_details.cached_tokens_details.image_tokens", "cache_image_read_tokens"),
    Figure("input_token_details.cached_tokens_details.audio_tokens", "cache_audio_read_tokens"),
    Figure("input_token_details.cached_tokens_details.image_tokens", "cache_image_read_tokens"),
    Figure("prompt_tokens_details.video_tokens", "input_video_tokens", said_by="compatible servers of Google's"),
    Figure("completion_tokens_details.image_tokens", "output_image_tokens", said_by="openrouter"),
    Figure("completion_tokens_details.video_tokens", "output_video_tokens", said_by="openrouter"),
    Figure("prompt_cache_hit_tokens", "cache_read_tokens", said_by="deepseek"),
    Figure("cached_tokens", "cache_read_tokens", said_by="moonshotai, together"),
    Figure("num_cached_tokens", "cache_read_tokens", said_by="mistral"),
    Figure("prompt_token_details.cached_tokens", "cache_read_tokens", said_by="mistral"),
    Figure("prompt_audio_seconds", "input_audio_ms", times=1000, said_by="mistral"),
    Figure("cache_read_input_tokens", "cache_read_tokens", said_by="databricks, and gateways before Claude"),
    Figure("cache_creation_input_tokens", "cache_write_tokens", said_by="databricks, and gateways before Claude"),
    Figure("reasoning_tokens", "reasoning_tokens", said_by="databricks, perplexity"),
    Figure("citation_tokens", "output_citation_tokens", said_by="perplexity"),
    Figure("num_search_queries", "web_searches", said_by="perplexity"),
    Figure("server_tool_use.web_search_requests", "web_searches", said_by="openrouter"),
    Figure("server_side_tool_usage_details.web_search_calls", "web_searches", said_by="x-ai"),
    Figure("server_side_tool_usage_details.x_search_calls", "social_searches", said_by="x-ai"),
    Figure("server_side_tool_usage_details.file_search_calls", "file_searches", said_by="x-ai"),
    Figure("server_side_tool_usage_details.document_search_calls", "file_searches", said_by="x-ai"),
    Figure("server_side_tool_usage_details.code_interpreter_calls", "code_executions", said_by="x-ai"),
    Figure("num_sources_used", "web_searches", said_by="x-ai"),
)
"""Every figure of `usage` that is billed."""

UNBILLED: Final = (
    Unbilled("total_tokens", "the sum of the others; what it has beyond them is output"),
    Unbilled("prompt_tokens_details.text_tokens", "the rest of the prompt"),
    Unbilled("input_tokens_details.text_tokens", "the rest of the prompt"),
    Unbilled("input_token_details.text_tokens", "the rest of the prompt"),
    Unbilled("completion_tokens_details.text_tokens", "the rest of the output"),
    Unbilled("output_tokens_details.text_tokens", "the rest of the output"),
    Unbilled("completion_tokens_details.accepted_prediction_tokens", "part of the output, at its rate"),
    Unbilled("completion_tokens_details.rejected_prediction_tokens", "part of the output, at its rate"),
    Unbilled(
        "input_tokens_details.cache_write_tokens_details.ttl_30m_tokens",
        "cache writes have one rate, whatever the time",
    ),
    Unbilled(
        "input_tokens_details.cache_write_tokens_details.ttl_12h_tokens",
        "cache writes have one rate, whatever the time",
    ),
    Unbilled(
        "input_tokens_details.cached_tokens_details.cached_text_tokens", "the rest of what the cache was read for"
    ),
    Unbilled("type", "which of two forms it is"),
)
"""What the reference has besides."""

IMAGE_TOOL_ROWS: Final = (
    Figure("input_tokens", "input_tokens"),
    Figure("output_tokens", "output_tokens"),
    Figure("cached_tokens", "cache_read_tokens"),
    Figure("cached_tokens_details.cached_image_tokens", "cache_image_read_tokens"),
    Figure("input_tokens_details.image_tokens", "input_image_tokens"),
    Figure("output_tokens_details.image_tokens", "output_image_tokens"),
    Figure("reasoning_tokens", "reasoning_tokens"),
)
"""`tool_usage.image_gen` of Responses, and `svg_usage` of images: work of another model, beside `usage`."""

CALLS: Final = {
    "web_search_call": "web_searches",
    "file_search_call": "file_searches",
    "code_interpreter_call": "code_executions",
}
"""Items of a response's `output` that stand for a billed call each."""


class Output(NamedTuple):
    """What a model's output is where it is not said to be text: a kind of figure, and its member of the details."""

    kind: str
    member: str


PICTURES: Final = Output("output_image_tokens", "image_tokens")
SPEECH: Final = Output("output_audio_tokens", "audio_tokens")

_TABLE: Final = table_of(ROWS)
_IMAGE_TABLE: Final = table_of(IMAGE_TOOL_ROWS)
IMAGE_MODEL: Final = "gpt-image-1"
"""What the tool of Responses draws with where the request names none."""

_FREE_ACTIONS: Final = frozenset(("open_page", "find_in_page", "find"))
"""What a call of the web search does besides searching; OpenAI bills searches alone."""


def read_body(body: bytes, output: Output | None = None) -> Stated | None:
    """What a whole response states; `None` where it states no usage that can be read."""
    try:
        answer = decode_answer(body)
        if answer.usage is None and answer.response is not ABSENT:
            answer = decode_answer(answer.response)
        return _stated(answer, output)
    except UNREADABLE:
        return None


def read_event(known: Stated | None, data: bytes, output: Output | None = None) -> Stated | None:
    """What is known so far, or what this event states: the last report is the whole one.

    Args:
        known: Of earlier events.
        data: The event's data, or a whole body.
        output: What the output is where it is not said to be text.
    """
    return read_body(data, output) or known


def read_usage_object(data: bytes) -> Usage | None:
    """The usage in the object that stands behind `"usage":`."""
    try:
        stated = _stated(Answer(usage=decode_usage(data)))
    except UNREADABLE:
        return None
    return None if stated is None else stated.usage


def _stated(answer: Answer, output: Output | None = None) -> Stated | None:
    usage = answer.usage
    if usage is None and answer.x_groq is not None:
        usage = answer.x_groq.get("usage") if isinstance(answer.x_groq, dict) else None
    if type(usage) is not dict:
        return None
    if output is None:
        plain = _plain(answer, usage)
        if plain is not None:
            return plain
    figures: dict[str, int] = {}
    unread: Unread = []
    read_figures(usage, _TABLE, figures, unread, "usage")
    total = whole(usage.get("total_tokens"))
    if total is not None:
        _put_in_total(figures, unread, total)
    if not figures:
        return None
    if output is not None:
        _put_in_rest(usage, output, figures, unread)
    iterations: tuple[Iteration, ...] = ()
    if answer.output is not ABSENT or answer.tool_usage is not None or answer.svg_usage is not None:
        _count_calls(answer, figures, unread)
        iterations = _drawn(answer, unread)
    if "output_citation_tokens" in figures:
        _put_in_research(figures)
    stated = stated_as(
        usage_of(figures), unread, model=answer.model, service_tier=answer.service_tier, iterations=iterations
    )
    return with_stated_cost(stated, usage) if "cost" in usage else stated


def _plain(answer: Answer, usage: dict[str, Any]) -> Stated | None:
    """PERF: most answers state the prompt, the output and their sum, and nothing else of what is billed."""
    if len(usage) != _PLAIN or answer.output is not ABSENT or answer.service_tier not in _USUAL:
        return None
    given, said = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if type(given) is not int or type(said) is not int or given < 0 or said < 0:
        return None
    if usage.get("total_tokens") != given + said or given + said > _MUCH:
        return None
    model = answer.model
    served = Served(model=model) if type(model) is str and 0 < len(model) <= LONGEST_NAME else None
    return Stated(usage=Usage(input_tokens=given, output_tokens=said), served=served)


_PLAIN: Final = 3
_MUCH: Final = 10**9
_USUAL: Final = (None, "default", "standard")


def _put_in_total(figures: dict[str, int], unread: Unread, total: int) -> None:
    """What a total has beyond the prompt is output; a total alone is that of a prompt, as embeddings state it."""
    prompt = figures.get("input_tokens")
    if prompt is not None:
        output = figures.get("output_tokens", 0)
        if total - prompt > output:
            figures["output_tokens"] = total - prompt
            figures["reasoning_tokens"] = max(figures.get("reasoning_tokens", 0), total - prompt - output)
            if unread:
                unread[:] = [one for one in unread if one[0] != "output_tokens"]
    elif not figures and not unread:
        figures["input_tokens"] = total


def _put_in_rest(usage: dict[str, Any], output: Output, figures: dict[str, int], unread: Unread) -> None:
    """Output of which no details say whether it is text is of the model's own kind."""
    details = usage.get("output_tokens_details")
    details = details if isinstance(details, dict) else {}
    if details.get(output.member) is None:
        unread += [(output.kind, at) for kind, at in unread if kind == "output_tokens"]
        figures[output.kind] = max(figures.get("output_tokens", 0) - (whole(details.get("text_tokens")) or 0), 0)


def _put_in_research(figures: dict[str, int]) -> None:
    """Perplexity states the reasoning and the citations of its research beside the output, not in it."""
    beside = figures["output_citation_tokens"] + figures.get("reasoning_tokens", 0)
    figures["output_tokens"] = figures.get("output_tokens", 0) + beside


def _count_calls(answer: Answer, figures: dict[str, int], unread: Unread) -> None:
    """Searches and the like: as `tool_usage` counts them, else one for each item of the output."""
    output = bytes(answer.output)
    if b"_call" in output:
        try:
            items = decode_items(output)
        except UNREADABLE:
            items = []
        for item in items:
            kind = CALLS.get(item.type) if isinstance(item.type, str) else None
            if kind is not None and not _is_free(item):
                figures[kind] = figures.get(kind, 0) + 1
    if not isinstance(answer.tool_usage, dict):
        return
    searches = answer.tool_usage.get("web_search")
    stated = searches.get("num_requests") if isinstance(searches, dict) else None
    if stated is not None:
        count = whole(stated)
        if count is None:
            unread.append(("web_searches", "tool_usage.web_search.num_requests"))
        else:
            figures["web_searches"] = count


def _is_free(item: Item) -> bool:
    kind = item.action.get("type") if isinstance(item.action, dict) else None
    return isinstance(kind, str) and kind in _FREE_ACTIONS


def _drawn(answer: Answer, unread: Unread) -> tuple[Iteration, ...]:
    """What other models drew on the way."""
    iterations: list[Iteration] = []
    if isinstance(answer.tool_usage, dict) and isinstance(drawn := answer.tool_usage.get("image_gen"), dict):
        usage = _other_usage(drawn, unread, "tool_usage.image_gen", PICTURES)
        if usage.total_tokens:
            iterations.append(Iteration("image_generation", usage, _image_model(answer.tools)))
    if isinstance(answer.svg_usage, dict):
        usage = _other_usage(answer.svg_usage, unread, "svg_usage")
        iterations.append(Iteration("svg", usage, name_said(answer.svg_usage.get("model"))))
    return tuple(iterations)


def _other_usage(stated: dict[str, Any], unread: Unread, at: str, output: Output | None = None) -> Usage:
    figures: dict[str, int] = {}
    own: Unread = []
    read_figures(stated, _IMAGE_TABLE, figures, own, at)
    if output is not None:
        _put_in_rest(stated, output, figures, own)
    unread += own
    return usage_of(figures)


def _image_model(tools: msgspec.Raw) -> str:
    try:
        declared = decode_tools(tools) if tools is not ABSENT else []
    except UNREADABLE:
        declared = []
    named = (one.model for one in declared if one.type == "image_generation")
    return next((model for model in named if isinstance(model, str)), IMAGE_MODEL)
