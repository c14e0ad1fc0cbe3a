"""Requests that Anthropic would refuse if they crossed as they came, and generated ones, judged by Anthropic's SDK."""

import json
from itertools import pairwise
from typing import Any

import pytest
from anthropic.types import ContentBlockParam, OutputConfigParam, ThinkingConfigParam, ToolChoiceParam, ToolParam
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict

from gateway.errors import GatewayError
from gateway.lanes.messages.reasoning import Family, Reasoning, family_of
from gateway.lanes.pairs import OPENAI_TO_ANTHROPIC

BUDGETED, ADAPTIVE, THINKER = "claude-sonnet-4-5-20250929", "claude-opus-4-6", "claude-opus-5-5"
HI = {"role": "user", "content": "Hi"}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
REDACTED = {"type": "redacted_thinking", "data": "eA=="}


def tool(name):
    return {"type": "function", "function": {"name": name}}


def translated(model=BUDGETED, *, strict=False, **members):
    return OPENAI_TO_ANTHROPIC.request({"messages": [HI], **members}, model=model, strict=strict)


ONLY = {"mode": "required", "tools": [tool("other")]}


@pytest.mark.parametrize(
    "members",
    [
        {"tool_choice": "required"},
        {"tool_choice": "required", "tools": []},
        {"tool_choice": tool("weather")},
        {"tool_choice": tool("other"), "tools": [tool("weather")]},
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": ONLY}, "tools": [tool("weather")]},
    ],
)
def test_a_forced_call_of_no_tool_is_refused_and_not_forgotten(members):
    with pytest.raises(GatewayError) as caught:
        translated(**members)

    assert (caught.value.type, caught.value.param) == ("bad_request", "tool_choice")


@pytest.mark.parametrize("choice", ["auto", "none", None])
def test_a_choice_that_forces_nothing_needs_no_tools(choice):
    assert "tool_choice" not in translated(tool_choice=choice).body


@pytest.mark.parametrize("thoughts", [[THOUGHT], [REDACTED], [THOUGHT, REDACTED]])
@pytest.mark.parametrize("mark", [{}, {"cache_control": {"type": "ephemeral"}}])
def test_a_turn_that_was_cut_short_while_thinking_is_left_out(thoughts, mark):
    cut = {"role": "assistant", "content": None, "thinking_blocks": thoughts, **mark}

    done = translated(messages=[HI, cut, {"role": "user", "content": "Go on"}])

    said = [{"type": "text", "text": "Hi"}, {"type": "text", "text": "Go on"}]
    assert done.body["messages"] == [{"role": "user", "content": said}]


@pytest.mark.parametrize("mark", [{}, {"cache_control": {"type": "ephemeral"}}])
def test_thoughts_stay_unmarked_where_the_turn_says_something_after_them(mark):
    thinking = {"role": "assistant", "content": None, "thinking_blocks": [THOUGHT], **mark}

    done = translated(messages=[HI, thinking, {"role": "assistant", "content": "Well"}, HI])

    assert done.body["messages"][1]["content"] == [THOUGHT, {"type": "text", "text": "Well"}]


def test_thoughts_alone_are_no_conversation():
    with pytest.raises(GatewayError) as caught:
        translated(messages=[{"role": "assistant", "thinking_blocks": [THOUGHT]}])

    assert caught.value.param == "messages"


EFFORTS = {
    "half of our own limit stays for the answer": (BUDGETED, {"reasoning_effort": "high"}, 4096, None, ()),
    "a small budget fits": (BUDGETED, {"reasoning_effort": "low"}, 2048, None, ()),
    "the client's limit is its own": (
        BUDGETED,
        {"reasoning_effort": "high", "max_completion_tokens": 20_000},
        16_384,
        None,
        (),
    ),
    "not with an answer begun": (
        BUDGETED,
        {"reasoning_effort": "high", "messages": [HI, {"role": "assistant", "content": "The"}]},
        None,
        None,
        ("reasoning_effort",),
    ),
    "4.6 has no xhigh": (ADAPTIVE, {"reasoning_effort": "xhigh"}, "adaptive", "high", ("reasoning_effort",)),
    "4.6 has max": (ADAPTIVE, {"reasoning_effort": "max"}, "adaptive", "max", ()),
    "4.7 has xhigh": ("claude-opus-4-7", {"reasoning_effort": "xhigh"}, "adaptive", "xhigh", ()),
    "the least where it always thinks": (THINKER, {"reasoning_effort": "none"}, None, "low", ()),
    "none where it thinks only if asked": (ADAPTIVE, {"reasoning_effort": "none"}, None, None, ()),
    "none of a name that says nothing": ("our-own-model", {"reasoning_effort": "none"}, None, None, ()),
}


@pytest.mark.parametrize(("model", "members", "thinking", "effort", "dropped"), EFFORTS.values(), ids=EFFORTS.keys())
def test_reasoning(model, members, thinking, effort, dropped):
    done = translated(model, **members)

    sent = done.body.get("thinking", {})
    assert sent.get("budget_tokens", sent.get("type")) == thinking
    assert done.body.get("output_config", {}).get("effort") == effort
    assert done.dropped == dropped


NAMES = {
    "claude-3-haiku-20240307": Reasoning.NONE,
    "claude-3-5-sonnet-latest": Reasoning.NONE,
    "anthropic/claude-3.5-sonnet": Reasoning.NONE,
    "claude-3-7-sonnet-latest": Reasoning.BUDGET,
    "anthropic/claude-3.7-sonnet": Reasoning.BUDGET,
    "claude-sonnet-4": Reasoning.BUDGET,
    "claude-sonnet-4@20250514": Reasoning.BUDGET,
    "claude-sonnet-4-0": Reasoning.BUDGET,
    "claude-opus-4-1-20250805": Reasoning.BUDGET,
    "claude-sonnet-4-5-latest": Reasoning.BUDGET,
    "anthropic/claude-sonnet-4.5": Reasoning.BUDGET,
    "us.anthropic.claude-haiku-4-5-20251001-v1:0": Reasoning.BUDGET,
    "claude-opus-4-6": Reasoning.ADAPTIVE,
    "anthropic/claude-opus-4.6": Reasoning.ADAPTIVE,
    "claude-opus-4-10": Reasoning.ADAPTIVE,
    "claude-opus-4-8": Reasoning.ADAPTIVE,
    "claude-sonnet-5": Reasoning.ADAPTIVE,
    "claude-fable-5-1": Reasoning.ADAPTIVE,
}


@pytest.mark.parametrize(("name", "reasoning"), NAMES.items())
def test_how_a_model_reasons_is_told_by_its_name_however_it_is_spelt(name, reasoning):
    assert family_of(name).reasoning is reasoning


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("claude-opus-4.6", Family(Reasoning.ADAPTIVE, True, 8192, has_xhigh=False)),
        ("claude-opus-4-8", Family(Reasoning.ADAPTIVE, False, 8192)),
        ("claude-haiku-5-5", Family(Reasoning.ADAPTIVE, False, 8192, thinks_unasked=True)),
    ],
)
def test_families(name, family):
    assert family_of(name) == family


# Pydantic reads `Iterable` only when it is iterated, so the members are judged one by one.
_BLOCK = TypeAdapter(ContentBlockParam)
_TOOL = TypeAdapter(ToolParam)


@with_config(ConfigDict(extra="forbid"))
class _Rest(TypedDict, total=False):
    model: str
    max_tokens: int
    stream: bool
    thinking: ThinkingConfigParam
    output_config: OutputConfigParam
    tool_choice: ToolChoiceParam
    temperature: float
    top_p: float
    stop_sequences: list[str]


_REST = TypeAdapter(_Rest)


def judge(body):
    """Fails where Anthropic's types or the rules of its conversations are broken."""
    rest = {name: value for name, value in body.items() if name not in ("messages", "system", "tools")}
    assert _REST.validate_python(rest) == rest
    for block in (*body.get("system", ()), *(block for turn in body["messages"] for block in turn["content"])):
        checked = _BLOCK.validate_python(block)
        assert "thinking" not in block["type"] or "cache_control" not in block
        for inner in checked.get("content", ()):
            assert inner["type"] in ("text", "image", "document")
    for one in body.get("tools", ()):
        _TOOL.validate_python(one)
    roles = [turn["role"] for turn in body["messages"]]
    assert all(first != second for first, second in pairwise(roles))
    for turn in body["messages"]:
        kinds = [block["type"] for block in turn["content"]]
        assert kinds
        if turn["role"] == "assistant":
            assert "thinking" not in kinds[-1]
        else:
            assert kinds == sorted(kinds, key=lambda kind: kind != "tool_result")
    if body.get("thinking", {}).get("type") == "enabled":
        assert 1024 <= body["thinking"]["budget_tokens"] < body["max_tokens"]
    if "thinking" in body:
        assert body.get("tool_choice", {}).get("type") not in ("any", "tool")
        assert "temperature" not in body


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=9)
MARK = st.sampled_from([{}, {"cache_control": {"type": "ephemeral"}}])
PART = st.one_of(
    st.builds(lambda text, mark: {"type": "text", "text": text, **mark}, TEXT, MARK),
    st.just({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
    st.just({"type": "image_url", "image_url": {"url": "data:image/jpg;base64,iVBORw0KGgo="}}),
    st.just({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"}}),
    st.just({"type": "file", "file": {"file_data": "data:text/plain,a%20b"}}),
)
SYSTEM = st.builds(
    lambda role, content, mark: {"role": role, "content": content, **mark},
    st.sampled_from(["system", "developer"]),
    TEXT,
    MARK,
)
USER = st.builds(
    lambda content, mark: {"role": "user", "content": content, **mark}, TEXT | st.lists(PART, max_size=3), MARK
)
ASSISTANT = st.builds(
    lambda content, thoughts, mark: {"role": "assistant", "content": content, "thinking_blocks": thoughts, **mark},
    st.none() | TEXT,
    st.lists(st.sampled_from([THOUGHT, REDACTED, {"type": "thinking", "thinking": "unsigned"}]), max_size=2),
    MARK,
)


@st.composite
def calls(draw):
    """A turn that calls tools, and what they returned in any order, perhaps with the user speaking in between."""
    ids = draw(st.lists(st.sampled_from(["call_1", "call_2", "a.b:c", "é"]), min_size=1, max_size=3, unique=True))
    said = draw(ASSISTANT)
    said["tool_calls"] = [
        {"id": identifier, "type": "function", "function": {"name": "weather", "arguments": "{}"}} for identifier in ids
    ]
    results = [{"role": "tool", "tool_call_id": one, "content": draw(TEXT)} for one in draw(st.permutations(ids))]
    return [said, *draw(st.lists(USER, max_size=1)), *results]


CONVERSATION = st.lists(
    st.one_of(calls(), st.builds(lambda one: [one], st.one_of(SYSTEM, USER, ASSISTANT))), max_size=5
).map(lambda turns: [HI, *(message for turn in turns for message in turn)])
MEMBERS = st.fixed_dictionaries(
    {"messages": CONVERSATION},
    optional={
        "tools": st.just([tool("weather"), tool("now")]),
        "tool_choice": st.sampled_from(["auto", "none", "required", tool("now")]),
        "parallel_tool_calls": st.booleans(),
        "reasoning_effort": st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
        "max_tokens": st.integers(1, 50_000),
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "stop": st.sampled_from(["END", ["a", " "], None]),
        "stream": st.booleans(),
        "response_format": st.just({"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}),
    },
)


@given(body=MEMBERS, model=st.sampled_from(["claude-3-5-haiku-latest", BUDGETED, ADAPTIVE, THINKER]))
def test_generated_requests_are_ones_that_anthropic_takes(body, model):
    forced = body.get("tool_choice") in ("required", tool("now"))
    body = {name: value for name, value in body.items() if name != "tool_choice" or "tools" in body or not forced}
    written = json.dumps(body)

    done = OPENAI_TO_ANTHROPIC.request(body, model=model, strict=False)

    judge(done.body)
    assert json.dumps(body) == written
    used = [block["id"] for turn in done.body["messages"] for block in turn["content"] if block["type"] == "tool_use"]
    returned = [
        block["tool_use_id"]
        for turn in done.body["messages"]
        for block in turn["content"]
        if block["type"] == "tool_result"
    ]
    assert sorted(used) == sorted(returned)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "role", "content", "function", "name", "text", "url", "id", "tools"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
PLACES = [
    lambda odd: {"messages": odd},
    lambda odd: {"messages": [HI, odd]},
    lambda odd: {"messages": [{"role": "user", "content": [odd]}]},
    lambda odd: {"messages": [HI, {"role": "assistant", "tool_calls": odd, "thinking_blocks": odd}]},
    lambda odd: {"messages": [HI, {"role": "assistant", "thinking_blocks": [odd]}]},
    lambda odd: {"messages": [HI, {"role": "tool", "tool_call_id": odd, "content": odd}]},
    *(
        (lambda odd, name=name: {"messages": [HI], name: odd})
        for name in (
            "tools",
            "tool_choice",
            "stop",
            "stream",
            "stream_options",
            "response_format",
            "reasoning_effort",
            "service_tier",
            "user",
            "max_tokens",
            "temperature",
            "top_p",
            "n",
            "modalities",
            "parallel_tool_calls",
        )
    ),
    lambda odd: {"messages": [HI], "tools": [odd], "tool_choice": odd},
    lambda odd: {"messages": [HI], "tools": [{"type": "function", "function": odd}]},
    lambda odd: {"messages": [HI], "tool_choice": {"type": "allowed_tools", "allowed_tools": odd}},
    lambda odd: {"messages": [HI], "response_format": {"type": "json_schema", "json_schema": odd}},
]


@given(place=st.sampled_from(PLACES), odd=JSON, strict=st.booleans())
def test_any_json_in_any_place_is_translated_or_refused_with_its_path(place, odd, strict):
    refusal = None
    try:
        OPENAI_TO_ANTHROPIC.request(place(odd), model=BUDGETED, strict=strict)
    except GatewayError as error:
        refusal = (error.type, bool(error.param))

    assert refusal in (None, ("bad_request", True), ("unsupported_parameter", True))
