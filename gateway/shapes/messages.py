"""What answers of Anthropic's Messages state (https://docs.anthropic.com/en/api/messages, the SDK's `BetaUsage`).

`input_tokens` there leaves cache reads and writes out; `Usage.input_tokens` has them in. In a stream `message_start`
states the input and each `message_delta` cumulative figures; a later figure wins over an earlier one.

`iterations` says what each step on the provider's side consumed, and their sum is what is billed
(https://platform.claude.com/docs/en/build-with-claude/compaction, and the pages of the advisor tool and of fallbacks):
the figures beside it leave compactions and advisors out, and may leave out later turns of the same model. So the usage
of the answer is the sum of its own model's steps, and never less than what stands beside them.

A price by the length of the prompt is that of the longest of these steps' prompts, cached parts included, and holds for
all of them: https://platform.claude.com/docs/en/about-claude/pricing#long-context-pricing speaks of a prompt's length,
and of all tokens of the request. An answer that states nothing but the sum of its steps is priced by the sum.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from gateway.errors import GatewayError
from gateway.shapes import anthropic_request, media_members, state
from gateway.shapes.ending import CLOSES, CONTENT, ENDS, FAILS, OPENING, TEXT, Event, Events, Stage, Stop
from gateway.shapes.figures import (
    ABSENT,
    Figure,
    Unbilled,
    Unread,
    name_said,
    read_figures,
    stated_as,
    table_of,
    usage_of,
)
from gateway.shapes.progress import Progress
from gateway.shapes.shape import Shape
from gateway.shapes.stated_cost import with_stated_cost
from gateway.shapes.vendor import Vendor
from gateway.usage import Iteration, Served, Stated, Usage
from gateway.wire.unreadable import UNREADABLE

_FRESH: Final = "input_tokens"
_READ: Final = "cache_read_tokens"
_WRITTEN: Final = "cache_write_tokens"

ROWS: Final = (
    Figure("input_tokens", _FRESH),
    Figure("output_tokens", "output_tokens"),
    Figure("cache_read_input_tokens", _READ),
    Figure("cache_creation_input_tokens", _WRITTEN),
    Figure("cache_creation.ephemeral_1h_input_tokens", "cache_write_1h_tokens"),
    Figure("output_tokens_details.thinking_tokens", "reasoning_tokens"),
    Figure("server_tool_use.web_search_requests", "web_searches"),
)
"""Every figure of `usage`, and of an iteration, that is billed; the first without what the cache was used for."""

UNBILLED: Final = (
    Unbilled("cache_creation.ephemeral_5m_input_tokens", "the rest of the cache writes"),
    Unbilled("server_tool_use.web_fetch_requests", "fetching is free; what it brings is input"),
    Unbilled("fallback_credit", "what was granted is in the figures: the retry bills cache reads for writes"),
    Unbilled("service_tier", "no figure: how the request was served"),
    Unbilled("speed", "no figure: how the request was served"),
    Unbilled("inference_geo", "no figure: how the request was served"),
    Unbilled("iterations", "read step by step, by the same rows"),
)
"""What the reference has besides."""

OWN_STEPS: Final = frozenset(("message", "fallback_message"))
"""Types of iterations in which a model worked on the answer itself."""

_MUCH: Final = 10**9
_TABLE: Final = table_of(ROWS)


class _Message(msgspec.Struct, gc=False):
    usage: Any = None
    model: Any = None


class _Answer(msgspec.Struct, gc=False):
    """A whole body, or an event; `message_start` has the usage inside its message."""

    usage: Any = None
    model: Any = None
    message: msgspec.Raw = ABSENT


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_message = msgspec.json.Decoder(_Message).decode


def read_body(body: bytes) -> Stated | None:
    """What a whole response states; `None` where it states no usage that can be read."""
    return read_event(None, body)


def read_event(known: Stated | None, data: bytes) -> Stated | None:
    """What is known so far with the figures of this event put in."""
    try:
        answer = _decode_answer(data)
        usage, model = answer.usage, answer.model
        if usage is None and answer.message is not ABSENT:
            message = _decode_message(answer.message)
            usage, model = message.usage, message.model
        if type(usage) is not dict:
            return known
        stated = _put_in(known, usage, model)
        return with_stated_cost(stated, usage) if stated is not None and "cost" in usage else stated
    except UNREADABLE:
        return known


def _put_in(known: Stated | None, stated: dict[str, Any], model: Any) -> Stated | None:
    if known is not None and len(stated) == 1 and not known.unread:
        # PERF: many a stream states nothing more at its end than how much was said.
        said, before, its = stated.get("output_tokens"), known.usage, known.served
        if its is not None and its.stated_cost is not None:
            # A cost that was stated before the end is not that of the whole.
            its = msgspec.structs.replace(its, stated_cost=None)
        if type(said) is int and before.output_tokens <= said <= _MUCH:
            return Stated(
                usage=Usage(
                    input_tokens=before.input_tokens,
                    output_tokens=said,
                    cache_read_tokens=before.cache_read_tokens,
                    cache_write_tokens=before.cache_write_tokens,
                    reasoning_tokens=before.reasoning_tokens,
                    further=before.further,
                ),
                served=its,
            )
    figures: dict[str, int] = {}
    unread: Unread = []
    read_figures(stated, _TABLE, figures, unread, "usage")
    if not figures:
        return known
    iterations = stated.get("iterations")
    if known is None:
        _count_cache_in(figures)
    else:
        figures = _later(known.usage, figures)
        if known.unread and known.served is not None:
            kept = zip(known.unread, known.served.unreadable, strict=True)
            unread += [one for one in kept if one[0] not in figures or not figures[one[0]]]
    earlier = None if known is None else known.served
    if iterations:
        return _with_steps(figures, unread, iterations, model, stated, earlier)
    usage = usage_of(figures)
    if earlier is None:
        return stated_as(
            usage,
            unread,
            model=model,
            service_tier=stated.get("service_tier"),
            speed=stated.get("speed"),
            region=stated.get("inference_geo"),
        )
    is_same_input = known is not None and usage.input_tokens == known.usage.input_tokens
    return stated_as(
        usage,
        unread,
        model=model or earlier.model,
        service_tier=stated.get("service_tier") or earlier.service_tier,
        speed=stated.get("speed") or earlier.speed,
        region=stated.get("inference_geo") or earlier.region,
        iterations=earlier.iterations,
        longest_prompt=earlier.longest_prompt if is_same_input else None,
    )


def _count_cache_in(figures: dict[str, int]) -> None:
    cached = figures.get(_READ, 0) + figures.get(_WRITTEN, 0)
    if cached or _FRESH in figures:
        figures[_FRESH] = figures.get(_FRESH, 0) + cached


def _later(before: Usage, figures: dict[str, int]) -> dict[str, int]:
    """The figures of before with the later ones put in; a part of the input that is stated anew changes the whole.

    They are cumulative, so a later zero takes nothing back: some servers state the input at the beginning alone.
    """
    merged = {name: getattr(before, name) for name in _FIELDS}
    if before.further is not msgspec.UNSET:
        merged.update(before.further)
    fresh = before.input_tokens - before.cache_read_tokens - before.cache_write_tokens
    merged.update((kind, count) for kind, count in figures.items() if count)
    merged[_FRESH] = (figures.get(_FRESH) or fresh) + merged[_READ] + merged[_WRITTEN]
    return merged


_FIELDS: Final = ("input_tokens", "output_tokens", _READ, _WRITTEN, "reasoning_tokens")


def _with_steps(
    figures: dict[str, int],
    unread: Unread,
    written: Any,
    model: Any,
    stated: dict[str, Any],
    before: Served | None,
) -> Stated:
    """The account of an answer that says what each step consumed.

    Where its steps name a single model, that is the answer's, however either of them spells it.
    """
    steps = written if isinstance(written, list) else []
    if not isinstance(written, list):
        unread.append((_FRESH, "usage.iterations"))
    fallbacks = [one.get("model") for one in steps if isinstance(one, dict) and one.get("type") == "fallback_message"]
    own = name_said(fallbacks[-1] if fallbacks else model) or (None if before is None else before.model)
    worked = {name_said(one.get("model")) for one in steps if isinstance(one, dict) and _is_own_step(one)}
    summed: dict[str, int] = {}
    longest = 0
    others: list[Iteration] = []
    for index, step in enumerate(steps):
        if not isinstance(step, dict):
            unread.append((_FRESH, f"usage.iterations[{index}]"))
            continue
        counted: dict[str, int] = {}
        read_figures(step, _TABLE, counted, unread, f"usage.iterations[{index}]")
        _count_cache_in(counted)
        ran_on = name_said(step.get("model"))
        if _is_own_step(step) and (ran_on is None or own is None or ran_on == own or len(worked) == 1):
            _add(summed, counted.items())
            longest = max(longest, counted.get(_FRESH, 0))
        elif any(counted.values()):
            others.append(Iteration(name_said(step.get("type")) or "unknown", usage_of(counted), ran_on))
    for kind, count in summed.items():
        figures[kind] = max(figures.get(kind, 0), count)
    prompts = figures.get(_FRESH, 0)
    # What stands in none of the steps may have been one prompt.
    longest = max(longest, prompts - summed.get(_FRESH, 0))
    return stated_as(
        usage_of(figures),
        unread,
        model=own,
        service_tier=stated.get("service_tier") or (before and before.service_tier),
        speed=stated.get("speed") or (before and before.speed),
        region=stated.get("inference_geo") or (before and before.region),
        iterations=tuple(others),
        longest_prompt=None if unread or longest == prompts else longest,
    )


def _is_own_step(step: dict[str, Any]) -> bool:
    kind = step.get("type")
    return isinstance(kind, str) and kind in OWN_STEPS


def _add(figures: dict[str, int], more: Iterable[tuple[str, int]]) -> None:
    for kind, count in more:
        figures[kind] = figures.get(kind, 0) + count


EVENTS: Final = Events(
    rows={
        "message_start": OPENING,
        "ping": OPENING,
        "content_block_start": CONTENT,
        "content_block_delta": TEXT,
        "content_block_stop": CLOSES,
        "message_delta": Event(Stage.COMPLETE, stating="stop_reason"),
        "message_stop": ENDS,
        "error": FAILS,
    },
    stops={
        "end_turn": Stop.FINISHED,
        "stop_sequence": Stop.FINISHED,
        "max_tokens": Stop.LENGTH,
        "model_context_window_exceeded": Stop.LENGTH,
        "tool_use": Stop.TOOL_CALL,
        "pause_turn": Stop.PAUSED,
        "compaction": Stop.PAUSED,
        "refusal": Stop.FILTERED,
    },
)
"""https://docs.anthropic.com/en/api/messages-streaming."""


def error_event(error: GatewayError, _progress: Progress) -> bytes:
    """The `error` event of https://docs.anthropic.com/en/api/errors#streaming."""
    return b"event: error\ndata: " + envelope(error) + b"\n\n"


def envelope(error: GatewayError) -> bytes:
    """The body of an error as Anthropic's SDK expects it."""
    return error.envelope(anthropic=True)


MESSAGES: Final = Shape(
    name="messages",
    vendor=Vendor.ANTHROPIC,
    read_usage=read_body,
    read_event=read_event,
    declares=anthropic_request.DECLARES,
    media=media_members.MESSAGES,
    events=EVENTS,
    frame=error_event,
    envelope=envelope,
    keepalive=b'event: ping\ndata: {"type": "ping"}\n\n',
    state=state.MESSAGES,
)

COUNT_TOKENS: Final = Shape(
    name="count_tokens",
    vendor=Vendor.ANTHROPIC,
    read_usage=read_body,
    read_event=read_event,
    declares=anthropic_request.DECLARES,
    media=media_members.MESSAGES,
    envelope=envelope,
    state=state.MESSAGES,
)
"""https://docs.anthropic.com/en/api/messages-count-tokens."""
