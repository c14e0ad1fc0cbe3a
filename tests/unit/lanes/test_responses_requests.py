"""Requests for Responses, read as a conversation."""

import pytest

from gateway.errors import GatewayError
from gateway.lanes.conversation import (
    Audio,
    Call,
    Choice,
    Document,
    Given,
    Image,
    Inline,
    Linked,
    Opaque,
    PlainText,
    Result,
    Role,
    Text,
    Thought,
)
from gateway.lanes.losses import Losses, Parameter, Treatment, lane_table
from gateway.lanes.pairs import CLIENTS
from gateway.lanes.responses.read_items import beside_call
from gateway.lanes.sealing import Seal

CLIENT = CLIENTS["responses"]

SEAL = Seal((b"k" * 32,))
FORGED = Seal((b"f" * 32,))
CLAUDE = Opaque("anthropic", {"signature": "SIG"})


class EveryFeature(dict):
    """A target that takes everything."""

    def __missing__(self, feature):
        return Parameter(Treatment.MAPPED, "")


TABLE = lane_table("openai responses -> all", CLIENT.table, EveryFeature())


def read(strict=False, seal=SEAL, **members):
    """The conversation, and the names of what was lost."""
    losses = Losses(TABLE, strict=strict)
    body = {"model": "m", "input": "hi", **members}
    losses.judge(body, "", "")
    return CLIENT.read_request(body, losses, seal), losses.names


def said(*items):
    """Who says what in the turns that items make, each part as its kind and its words."""
    turns = read(input=list(items))[0].turns
    return [(turn.role.value, [shown(part) for part in turn.parts]) for turn in turns]


def shown(part):
    if isinstance(part, Text):
        return part.text
    if isinstance(part, Thought):
        return ("thought", part.text, None if part.opaque is None else part.opaque.origin)
    if isinstance(part, Call):
        return ("call", part.id, part.name, part.arguments)
    assert isinstance(part, Result)
    return ("result", part.call_id, [shown(one) for one in part.parts])


def user(text):
    return {"role": "user", "content": text}


def call(identifier, name="look", arguments="{}"):
    return {"type": "function_call", "id": "fc_1", "call_id": identifier, "name": name, "arguments": arguments}


def output(identifier, text="done"):
    return {"type": "function_call_output", "call_id": identifier, "output": text}


def answer(text):
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


def thought(text, envelope=None):
    summary = [{"type": "summary_text", "text": text}] if text else []
    return {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": envelope}


CONVERSATIONS = {
    "a string": (lambda: [(turn.role.value, turn.parts[0].text) for turn in read()[0].turns], [("user", "hi")]),
    "roles": (
        lambda: said({"role": "developer", "content": "d"}, {"role": "system", "content": "s"}, user("u"), answer("a")),
        [("system", ["d", "s"]), ("user", ["u"]), ("assistant", ["a"])],
    ),
    "text, calls and what they returned": (
        lambda: said(user("u"), answer("a"), call("1"), call("2"), output("2"), output("1"), user("v")),
        [
            ("user", ["u"]),
            ("assistant", ["a", ("call", "1", "look", "{}"), ("call", "2", "look", "{}")]),
            ("user", [("result", "2", ["done"]), ("result", "1", ["done"]), "v"]),
        ],
    ),
    "one call after another": (
        lambda: said(user("u"), call("1"), output("1"), call("2"), output("2")),
        [
            ("user", ["u"]),
            ("assistant", [("call", "1", "look", "{}")]),
            ("user", [("result", "1", ["done"])]),
            ("assistant", [("call", "2", "look", "{}")]),
            ("user", [("result", "2", ["done"])]),
        ],
    ),
    "an output that comes late": (
        lambda: said(call("1"), user("wait"), output("1")),
        [("assistant", [("call", "1", "look", "{}")]), ("user", [("result", "1", ["done"]), "wait"])],
    ),
    "an output that comes twice": (
        lambda: said(call("1"), output("1", "old"), output("1", "new")),
        [("assistant", [("call", "1", "look", "{}")]), ("user", [("result", "1", ["new"])])],
    ),
    "a call that comes twice": (
        lambda: said(call("1"), call("1"), output("1")),
        [("assistant", [("call", "1", "look", "{}")]), ("user", [("result", "1", ["done"])])],
    ),
    "a custom call": (
        lambda: said(
            {"type": "custom_tool_call", "call_id": "1", "name": "patch", "input": "*** x"},
            {"type": "custom_tool_call_output", "call_id": "1", "output": "ok"},
        ),
        [("assistant", [("call", "1", "patch", "*** x")]), ("user", [("result", "1", ["ok"])])],
    ),
    "tools that OpenAI defines": (
        lambda: said(
            {"type": "apply_patch_call", "call_id": "1", "operation": {"type": "delete_file", "path": "a"}},
            {"type": "apply_patch_call_output", "call_id": "1", "status": "failed"},
            {"type": "shell_call", "call_id": "2", "action": {"commands": ["ls"], "timeout_ms": None}},
            {"type": "shell_call_output", "call_id": "2", "output": [{"stdout": "a"}]},
            {"type": "local_shell_call", "id": "3", "call_id": "3", "action": {"type": "exec", "command": ["ls"]}},
            {"type": "local_shell_call_output", "id": "3", "output": "b"},
        ),
        [
            ("assistant", [("call", "1", "apply_patch", '{"type":"delete_file","path":"a"}')]),
            ("user", [("result", "1", ["failed"])]),
            ("assistant", [("call", "2", "shell", '{"commands":["ls"]}')]),
            ("user", [("result", "2", ['[{"stdout":"a"}]'])]),
            ("assistant", [("call", "3", "local_shell", '{"command":["ls"]}')]),
            ("user", [("result", "3", ["b"])]),
        ],
    ),
    "blank texts": (lambda: said(user(" "), user("u"), answer("")), [("user", ["u"])]),
    "a refusal": (
        lambda: said(user("u"), {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}),
        [("user", ["u"]), ("assistant", ["No."])],
    ),
    "a thought with its envelope": (
        lambda: said(user("u"), thought("hm", SEAL.sealed(CLAUDE, "hm")), answer("a")),
        [("user", ["u"]), ("assistant", [("thought", "hm", "anthropic"), "a"])],
    ),
    "a thought that nobody sealed here": (
        lambda: said(user("u"), thought("hm", "gAAAAA"), thought("", "gAAAAA"), answer("a")),
        [("user", ["u"]), ("assistant", [("thought", "hm", None), "a"])],
    ),
    "a forged envelope": (
        lambda: said(user("u"), thought("hm", FORGED.sealed(CLAUDE, "hm")), answer("a")),
        [("user", ["u"]), ("assistant", [("thought", "hm", None), "a"])],
    ),
    "an envelope beside another thought": (
        lambda: said(user("u"), thought("other", SEAL.sealed(CLAUDE, "hm")), answer("a")),
        [("user", ["u"]), ("assistant", [("thought", "other", None), "a"])],
    ),
    "an envelope that nobody wants back": (
        lambda: said(user("u"), thought("hm", SEAL.sealed(Opaque("", {}), "hm")), answer("a")),
        [("user", ["u"]), ("assistant", [("thought", "hm", None), "a"])],
    ),
    "what tools of OpenAI's did": (
        lambda: said(user("u"), {"type": "web_search_call", "id": "ws_1", "status": "completed"}, answer("a")),
        [("user", ["u"]), ("assistant", ["a"])],
    ),
}


@pytest.mark.parametrize("case", CONVERSATIONS)
def test_turns(case):
    given, expected = CONVERSATIONS[case]

    assert given() == expected


def test_an_envelope_behind_a_call_belongs_to_the_call():
    envelope = SEAL.sealed(Opaque("gemini", {"thoughtSignature": "T"}), beside_call("1", "look", "{}"))
    items = [call("1"), thought("", envelope), call("2"), thought("", envelope), output("1"), output("2")]
    calls = [part for part in read(input=items)[0].turns[0].parts if isinstance(part, Call)]

    assert [None if one.opaque is None else one.opaque.origin for one in calls] == ["gemini", None]


def test_parts():
    png = "data:image/png;base64,aGk="
    content = [
        {"type": "input_text", "text": "look", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
        {"type": "input_image", "image_url": png, "detail": "high"},
        {"type": "input_image", "image_url": "https://a.example/b.png", "detail": "auto"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"},
        {"type": "input_file", "file_data": "data:text/plain,hello", "filename": "a.txt"},
        {"type": "input_file", "file_url": "https://a.example/a.pdf"},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
    ]
    (turn,) = read(input=[{"role": "user", "content": content}])[0].turns
    at = [f"input[0].content[{index}]" for index in range(len(content))]

    assert turn.role is Role.USER
    assert list(turn.parts) == [
        Text(path=at[0], text="look", cache={"type": "ephemeral", "ttl": "1h"}),
        Image(path=at[1], source=Inline("image/png", "aGk="), detail="high"),
        Image(path=at[2], source=Linked("https://a.example/b.png"), detail="auto"),
        Document(path=at[3], source=Inline("application/pdf", "aGk="), name="a.pdf"),
        Document(path=at[4], source=PlainText("hello"), name="a.txt"),
        Document(path=at[5], source=Linked("https://a.example/a.pdf")),
        Audio(path=at[6], source=Inline("audio/mpeg", "aGk=")),
    ]


def test_pictures_that_tools_returned():
    items = [call("1"), {**output("1"), "output": [{"type": "input_image", "image_url": "https://a.example/b.png"}]}]

    assert isinstance(read(input=items)[0].turns[1].parts[0].parts[0], Image)


def test_tools():
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: x"}
    hoisted = [{"type": "function", "name": "look"}, {"type": "function", "name": "late", "strict": True}]
    tools = [
        {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}},
        {"type": "custom", "name": "patch", "format": grammar},
        {"type": "custom", "name": "say"},
        {"type": "namespace", "name": "team", "description": "Helpers.", "tools": [{"type": "function", "name": "go"}]},
        {"type": "apply_patch"},
        {"type": "web_search", "external_web_access": False},
    ]
    items = [{"type": "additional_tools", "role": "developer", "tools": hoisted}, user("u")]
    conversation, lost = read(tools=tools, input=items)

    assert [(tool.name, tool.group, tool.strict, tool.grammar) for tool in conversation.tools] == [
        ("look", "", None, None),
        ("patch", "", None, grammar),
        ("say", "", None, {}),
        ("go", "team", None, None),
        ("apply_patch", "", None, None),
        ("late", "", True, None),
    ]
    assert conversation.tools[0].description == "Looks."
    assert conversation.tools[3].description == "Helpers."
    assert conversation.tools[-1].path == "input[0].tools[1]"
    assert lost == ("tools[type=web_search]",)


CHOICES = [
    ("auto", Choice("auto", "tool_choice")),
    ("required", Choice("required", "tool_choice")),
    ({"type": "function", "name": "look"}, Choice("required", "tool_choice", "look")),
    ({"type": "custom", "name": "patch"}, Choice("required", "tool_choice", "patch")),
    ({"type": "apply_patch"}, Choice("required", "tool_choice", "apply_patch")),
    (
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]},
        Choice("auto", "tool_choice", None, ("look",)),
    ),
]


@pytest.mark.parametrize(("given", "expected"), CHOICES)
def test_choices(given, expected):
    assert read(tool_choice=given)[0].choice == expected


def test_members():
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    conversation, lost = read(
        instructions="Be brief.",
        max_output_tokens=9,
        temperature=0.5,
        top_p=0.9,
        parallel_tool_calls=False,
        reasoning={"effort": "high", "summary": "auto"},
        text={"format": {"type": "json_schema", "name": "out", "schema": schema}, "verbosity": "low"},
        metadata={"team": "blue"},
        user="jo",
        prompt_cache_key="k",
        service_tier="flex",
        stream=True,
        store=False,
        include=["reasoning.encrypted_content"],
        client_metadata={"a": 1},
        truncation="disabled",
    )

    assert conversation.instructions == (Text(path="instructions", text="Be brief."),)
    assert conversation.output_limit == Given(9, "max_output_tokens")
    assert (conversation.temperature, conversation.top_p) == (Given(0.5, "temperature"), Given(0.9, "top_p"))
    assert conversation.parallel == Given(False, "parallel_tool_calls")
    assert conversation.reasoning.effort == Given("high", "reasoning.effort")
    assert conversation.reasoning.shown == Given("auto", "reasoning.summary")
    assert (conversation.format.schema, conversation.format.name, conversation.format.strict) == (schema, "out", True)
    assert conversation.verbosity == Given("low", "text.verbosity")
    assert conversation.metadata == Given({"team": "blue"}, "metadata")
    assert (conversation.end_user, conversation.cache_key) == (Given("jo", "user"), Given("k", "prompt_cache_key"))
    assert conversation.service_tier == Given("flex", "service_tier")
    assert conversation.streams
    assert lost == ()


LOSSES = [
    ({"include": ["message.output_text.logprobs"]}, "include[]"),
    ({"truncation": "auto"}, "truncation"),
    ({"top_logprobs": 3}, "top_logprobs"),
    ({"context_management": [{"type": "compaction"}]}, "context_management"),
    ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
    ({"hm": 1}, "hm"),
    ({"input": [user("u"), {"type": "mcp_call", "id": "mcp_1"}]}, "input[type=mcp_call]"),
    ({"input": [user("u"), {"type": "hm"}]}, "input[].type"),
    ({"input": [user("u"), {**call("1"), "hm": 1}, output("1")]}, "input[type=function_call].hm"),
]


@pytest.mark.parametrize(("members", "name"), LOSSES)
def test_what_is_lost_is_told_or_refused_where_the_client_wants_that(members, name):
    assert read(**members)[1] == (name,)
    with pytest.raises(GatewayError) as refused:
        read(strict=True, **members)
    assert refused.value.code == "unsupported_parameter"


REFUSED = [
    ({"previous_response_id": "resp_1"}, "previous_response_id"),
    ({"conversation": "conv_1"}, "conversation"),
    ({"prompt": {"id": "pmpt_1"}}, "prompt"),
    ({"background": True}, "background"),
    ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].type"),
    ({"input": [{"id": "msg_1"}]}, "input[0].type"),
    ({"input": [{"type": "compaction_trigger"}]}, "input[0].type"),
    ({"input": [{"type": "computer_call", "call_id": "1"}]}, "input[0].type"),
    (
        {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file-1", "detail": "auto"}]}]},
        "input[0].content[0].file_id",
    ),
    ({"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}, "tools[0].type"),
    ({"tools": [{"type": "mcp", "server_label": "a"}]}, "tools[0].type"),
    ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ({"tools": [{"type": "apply_patch"}], "tool_choice": {"type": "web_search_preview"}}, "tool_choice.type"),
    ({"tool_choice": {"type": "mcp", "server_label": "a"}}, "tool_choice.server_label"),
]


@pytest.mark.parametrize(("members", "path"), REFUSED)
def test_what_only_openai_can_do_is_refused_by_name(members, path):
    with pytest.raises(GatewayError) as refused:
        read(**members)
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", path)


WRONG = [
    ({"input": None}, "input"),
    ({"input": []}, "input"),
    ({"input": " "}, "input"),
    ({"input": [1]}, "input[0]"),
    ({"input": [{"role": "robot", "content": "a"}]}, "input[0].role"),
    ({"input": [{"role": "user", "content": 1}]}, "input[0].content"),
    ({"input": [{"role": "user", "content": [{"type": "image"}]}]}, "input[0].content[0].type"),
    ({"input": [output("1")]}, "input[0].call_id"),
    ({"input": [call("1"), user("u")]}, "input[0]"),
    ({"input": [call("1"), call("1", "other"), output("1")]}, "input[1].call_id"),
    ({"input": [{**call("1"), "name": 1}]}, "input[0].name"),
    ({"input": [{"type": "reasoning", "summary": "hm"}]}, "input[0].summary"),
    ({"instructions": 1}, "instructions"),
    ({"max_output_tokens": 0}, "max_output_tokens"),
    ({"temperature": 3}, "temperature"),
    ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
    ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
    ({"text": {"format": {"type": "json_schema", "name": "a"}}}, "text.format.schema"),
    ({"text": {"verbosity": "chatty"}}, "text.verbosity"),
    ({"tools": {}}, "tools"),
    ({"tools": [{"type": "function", "name": "a b"}]}, "tools[0].name"),
    ({"tools": [{"type": "namespace", "name": "a", "tools": [{"type": "mcp"}]}]}, "tools[0].tools[0].type"),
    ({"tool_choice": "some"}, "tool_choice"),
    ({"metadata": {"a": 1}}, "metadata.a"),
    ({"stream": "yes"}, "stream"),
]


@pytest.mark.parametrize(("members", "path"), WRONG)
def test_bad_input_is_told_with_its_place(members, path):
    with pytest.raises(GatewayError) as refused:
        read(**members)
    assert (refused.value.code, refused.value.param) == ("bad_request", path)
