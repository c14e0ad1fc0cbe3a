"""What requests declare, wherever each API lets them."""

import json
from dataclasses import replace

import pytest

from gateway.errors import GatewayError
from gateway.shapes.chat import CHAT
from gateway.shapes.converse import CONVERSE
from gateway.shapes.declares import OF_MCP, OF_MODELS, OF_TOOLS, Says, declared
from gateway.shapes.images import IMAGES
from gateway.shapes.messages import MESSAGES
from gateway.shapes.responses import RESPONSES
from gateway.wire.json_body import JsonBody


def found(shape, body, wanted=OF_TOOLS):
    """(path, value) of what is declared; a refusal as (type, param)."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        return [(one.path, one.value) for one in declared(shape.declares, JsonBody(data), wanted)]
    except GatewayError as error:
        return error.type, error.param


def function(name):
    return {"type": "function", "function": {"name": name}}


def nested(tool, times):
    for _ in range(times):
        tool = {"type": "namespace", "name": "n", "tools": [tool]}
    return tool


@pytest.mark.parametrize(
    ("fields", "judged"),
    [
        ({}, []),
        ({"tools": None, "functions": None}, []),
        ({"tools": []}, []),
        ({"tools": [function("a")]}, [("tools[0].function.name", "a")]),
        ({"tools": [{"type": "function", "name": "a"}]}, [("tools[0].name", "a")]),
        ({"tools": [{"name": "a", "input_schema": {}}]}, [("tools[0].name", "a")]),
        ({"tools": [{"type": "custom", "name": "a"}]}, [("tools[0].name", "a")]),
        ({"tools": [{"type": "custom", "custom": {"name": "a"}}]}, [("tools[0].custom.name", "a")]),
        (
            {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
            [("tools[0].name", "web_search"), ("tools[0].type", "web_search_20250305")],
        ),
        ({"tools": [{"type": "web_search"}]}, [("tools[0].type", "web_search")]),
        (
            {"tools": [{"type": "Function", "function": {"name": "a"}}]},
            [("tools[0].function.name", "a"), ("tools[0].type", "Function")],
        ),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, []),
        (
            {"tools": [{**function("a"), "name": "b", "custom": {"name": "c"}}]},
            [("tools[0].function.name", "a"), ("tools[0].custom.name", "c"), ("tools[0].name", "b")],
        ),
        (
            {"tools": [{"type": "namespace", "name": "n", "tools": [function("a"), {"type": "computer"}]}]},
            [("tools[0].name", "n"), ("tools[0].tools[0].function.name", "a"), ("tools[0].tools[1].type", "computer")],
        ),
        ({"functions": [{"name": "a"}, {"name": "b"}]}, [("functions[0].name", "a"), ("functions[1].name", "b")]),
        ({"tools": [function("shell\x00")]}, [("tools[0].function.name", "shell\x00")]),
        ({"web_search_options": {}}, [("web_search_options", "web_search_options")]),
        ({"enable_search": True, "search_parameters": {"mode": "on"}}, ["search_parameters", "enable_search"]),
        ({"enable_search": False, "web_search_options": None}, []),
        ({"plugins": [{"id": "web"}, {"id": "file-parser"}]}, [("plugins[0].id", "web"), ("plugins[1].id", "file-parser")]),
        (
            {"compound_custom": {"tools": {"enabled_tools": ["code_interpreter"]}}},
            [("compound_custom.tools.enabled_tools[0]", "code_interpreter")],
        ),
        ({"messages": [{"role": "system", "tools": [function("a")]}]}, [("messages[0].tools[0].function.name", "a")]),
        ({"messages": [{"role": "tool", "content": "tools"}, {"role": "user", "content": '"tools":'}]}, []),
        ({"tools": [{"type": "openrouter:web_search", "parameters": {}}]}, [("tools[0].type", "openrouter:web_search")]),
        ({"metadata": {"tools": "shell"}, "tool_choice": function("a")}, []),
    ],
)  # fmt: skip
def test_where_tools_are_declared(fields, judged):
    expected = [(one, one) if isinstance(one, str) else one for one in judged]
    assert found(CHAT, fields) == expected


@pytest.mark.parametrize(
    ("item", "judged"),
    [
        ({"type": "additional_tools", "tools": [{"type": "function", "name": "a", "parameters": {}}]}, ["tools[0].name"]),
        ({"type": "additional_tools", "tools": [nested({"type": "shell"}, 1)]}, ["tools[0].name", "tools[0].tools[0].type"]),
        ({"type": "tool_search_output", "tools": [{"type": "custom", "name": "a"}]}, ["tools[0].name"]),
        ({"type": "mcp_list_tools", "server_label": "s", "tools": [{"name": "a", "input_schema": {}}]}, ["tools[0].name"]),
        ({"role": "developer", "content": "x", "tools": [{"type": "shell"}]}, ["tools[0].type"]),
        ({"type": "function_call", "name": "a", "arguments": '{"tools":[]}'}, []),
        ({"type": "mcp_call", "server_label": "s", "name": "a"}, []),
        ({"type": "web_search_call", "action": {"type": "search", "parameters": {}}}, []),
    ],
)  # fmt: skip
def test_tools_that_a_response_input_declares(item, judged):
    paths = found(RESPONSES, {"input": ["x", {"role": "user", "content": "hi"}, item]})

    assert [path for path, _ in paths] == [f"input[2].{path}" for path in judged]


@pytest.mark.parametrize(
    ("block", "judged"),
    [
        (
            {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {"name": "a", "input_schema": {}}}},
            ["tool.definition.name"],
        ),
        (
            {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {"type": "bash_20250124", "name": "bash"}}},
            ["tool.definition.name", "tool.definition.type"],
        ),
        ({"type": "tool_addition", "tool": {"type": "tool_reference", "name": "a"}}, []),
        (
            {"type": "compaction", "tool_changes": [{"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {"name": "a"}}}]},
            ["tool_changes[0].tool.definition.name"],
        ),
        ({"type": "mcp_tool_listing", "mcp_server_name": "s", "tools": [{"name": "a"}]}, ["tools[0].name"]),
        (
            {"type": "tool_result", "content": [{"type": "text", "text": "x"}, {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {"name": "a"}}}]},
            ["content[1].tool.definition.name"],
        ),
        ({"type": "tool_use", "name": "f", "input": {"tools": [{"type": "bash"}], "type": 1, "Type": 2, "type ": 3}}, []),
        ({"type": "text", "text": '"tools":'}, []),
    ],
)  # fmt: skip
def test_tools_that_a_message_declares(block, judged):
    body = {"messages": [{"role": "user", "content": "hi"}, {"role": "system", "content": [block]}]}
    paths = found(MESSAGES, body)

    assert [path for path, _ in paths] == [f"messages[1].content[0].{path}" for path in judged]
    assert [path for path, _ in found(MESSAGES, {"system": [block]})] == [f"system[0].{path}" for path in judged]


def test_tools_that_converse_declares():
    body = {
        "toolConfig": {"tools": [{"toolSpec": {"name": "a"}}, {"systemTool": {"name": "b"}}, {"cachePoint": {}}]},
        "additionalModelRequestFields": {"tools": [{"type": "bash_20250124", "name": "bash"}]},
    }

    assert [value for _, value in found(CONVERSE, body)] == ["a", "b", "bash", "bash_20250124"]


@pytest.mark.parametrize(
    ("shape", "body", "judged"),
    [
        (CHAT, {}, []),
        (
            MESSAGES,
            {"mcp_servers": [{"name": "a", "url": "https://a"}]},
            [("mcp_servers[0].name", "a"), ("mcp_servers[0].url", "https://a")],
        ),
        (
            RESPONSES,
            {"tools": [function("f"), {"type": "mcp", "server_label": "a", "server_url": "u", "connector_id": "c"}]},
            [("tools[1].server_label", "a"), ("tools[1].server_url", "u"), ("tools[1].connector_id", "c")],
        ),
        (
            RESPONSES,
            {"tools": [{"type": "mcp", "server_label": "good", "tunnel_id": "evil"}]},
            [("tools[0].server_label", "good"), ("tools[0].tunnel_id", "evil")],
        ),
        (RESPONSES, {"tools": [nested({"type": "mcp", "server_label": "a"}, 1)]}, [("tools[0].tools[0].server_label", "a")]),
        (
            RESPONSES,
            {"input": [{"type": "additional_tools", "tools": [{"type": "mcp", "server_url": "u"}]}]},
            [("input[0].tools[0].server_url", "u")],
        ),
        (
            RESPONSES,
            {"input": [{"type": "mcp_list_tools", "server_label": "a", "tools": []}]},
            [("input[0].server_label", "a")],
        ),
        (MESSAGES, {"tools": [{"type": "mcp_toolset", "mcp_server_name": "a"}]}, [("tools[0].mcp_server_name", "a")]),
        (
            MESSAGES,
            {"messages": [{"content": [{"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {"type": "mcp_toolset", "mcp_server_name": "a"}}}]}]},
            [("messages[0].content[0].tool.definition.mcp_server_name", "a")],
        ),
    ],
)  # fmt: skip
def test_where_mcp_servers_are_declared(shape, body, judged):
    assert found(shape, body, OF_MCP) == judged


@pytest.mark.parametrize(
    ("shape", "body", "judged"),
    [
        (CHAT, {"model": "m", "messages": [{"content": 'the "model": x'}], "tools": [function("model")]}, []),
        (MESSAGES, {"fallbacks": [{"model": "a"}, {"model": "b", "max_tokens": 5}]}, [("fallbacks[0].model", "a"), ("fallbacks[1].model", "b")]),
        (MESSAGES, {"fallbacks": "default"}, [("fallbacks", "default")]),
        (MESSAGES, {"tools": [{"type": "advisor_20260301", "name": "advisor", "model": "a"}]}, [("tools[0].model", "a")]),
        (
            MESSAGES,
            {"messages": [{"content": [{"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {"type": "advisor_20260301", "name": "x", "model": "a"}}}]}]},
            [("messages[0].content[0].tool.definition.model", "a")],
        ),
        (MESSAGES, {"messages": [{"content": [{"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}}]}]}, []),
        (MESSAGES, {"messages": [{"content": [{"type": "tool_use", "name": "f", "input": {"model": "a"}}]}]}, []),
        (RESPONSES, {"tools": [{"type": "image_generation", "model": "a", "svg": {"model": "b"}}]}, [("tools[0].model", "a"), ("tools[0].svg.model", "b")]),
        (RESPONSES, {"input": [{"type": "additional_tools", "tools": [{"type": "image_generation", "model": "a"}]}]}, [("input[0].tools[0].model", "a")]),
        (RESPONSES, {"moderation": {"model": "a"}}, [("moderation.model", "a")]),
        (RESPONSES, {"tools": [{"type": "function", "name": "f", "parameters": {"properties": {"model": {"type": "string"}}}}]}, []),
        (CHAT, {"models": ["a", "b"], "fallbacks": ["c"], "fallback_models": ["d"]}, [("models[0]", "a"), ("models[1]", "b"), ("fallbacks[0]", "c"), ("fallback_models[0]", "d")]),
        (CHAT, {"plugins": [{"id": "fusion", "model": "a", "analysis_models": ["b"]}]}, [("plugins[0].model", "a"), ("plugins[0].analysis_models[0]", "b")]),
        (CHAT, {"tools": [{"type": "openrouter:fusion", "parameters": {"analysis_models": ["a"]}}]}, [("tools[0].parameters.analysis_models[0]", "a")]),
        (CHAT, {"compound_custom": {"models": {"answering_model": "a", "reasoning_model": "b"}}}, [("compound_custom.models.answering_model", "a"), ("compound_custom.models.reasoning_model", "b")]),
        (IMAGES, {"svg": {"model": "a"}}, [("svg.model", "a")]),
    ],
)  # fmt: skip
def test_every_further_model_that_a_request_names(shape, body, judged):
    assert found(shape, body, OF_MODELS) == judged


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": {"0": function("a")}}, "tools"),
        ({"tools": "a"}, "tools"),
        ({"tools": False}, "tools"),
        ({"tools": ["a"]}, "tools[0]"),
        ({"tools": [None]}, "tools[0]"),
        ({"tools": [{}]}, "tools[0]"),
        ({"tools": [{"type": "function"}]}, "tools[0]"),
        ({"tools": [{"type": "custom"}]}, "tools[0]"),
        ({"tools": [{"type": "function", "Function": {"name": "a"}}]}, "tools[0].Function"),
        ({"tools": [{"type": "function", "name": "a", "Name": "b"}]}, "tools[0].Name"),
        ({"tools": [{"Type": "shell", "name": "a"}]}, "tools[0].Type"),
        ({"tools": [{"type": "function", "function": None}]}, "tools[0]"),
        ({"tools": [{"type": "function", "function": ["a"]}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"Name": "a"}}]}, "tools[0].function.Name"),
        ({"tools": [{"type": "function", "function": {"name": ["a"]}}]}, "tools[0].function.name"),
        ({"tools": [{"type": ["function"], "name": "a"}]}, "tools[0].type"),
        ({"tools": [{"type": "computer", "name": 1}]}, "tools[0].name"),
        ({"tools": [{"type": "namespace", "tools": {}}]}, "tools[0].tools"),
        ({"tools": [nested(function("a"), 9)]}, "tools[0]" + ".tools[0]" * 8),
        ({"functions": {"name": "a"}}, "functions"),
        ({"functions": ["a"]}, "functions[0]"),
        ({"functions": [{"name": None}]}, "functions[0]"),
        ({"plugins": {"id": "web"}}, "plugins"),
        ({"messages": [{"tools": {}}]}, "messages[0].tools"),
        ({"messages": [{"Tools": [function("a")]}]}, "messages[0].Tools"),
        ({"messages": {"tools": []}}, "messages"),
        (b'{"tools":[{"type":"function","function":{"name":"a","name":"b"}}]}', "tools[0].function.name"),
        (b'{"tools":[{"name":"a","na\\u006de":"b"}]}', "tools[0].name"),
        (b'{"tools":[{"name":"a","\\u017ferver_label":"b"}]}', "tools[0].\u017ferver_label"),
        (b'{"messages":[{"too\\u006cs":[],"tools":[]}]}', "messages[0].tools"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_for_certain_is_refused(fields, param):
    assert found(CHAT, fields) == ("bad_request", param)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"mcp_servers": {"name": "a"}}, "mcp_servers"),
        ({"mcp_servers": ["a"]}, "mcp_servers[0]"),
        ({"mcp_servers": [{"URL": "https://evil"}]}, "mcp_servers[0].URL"),
        ({"mcp_servers": [{}]}, "mcp_servers[0]"),
        ({"mcp_servers": [{"name": "a", "url": ["https://evil"]}]}, "mcp_servers[0].url"),
        ({"tools": {"0": {"type": "mcp"}}}, "tools"),
        ({"tools": ["mcp"]}, "tools[0]"),
        ({"tools": [{"type": "mcp"}]}, "tools[0]"),
        ({"tools": [{"type": "mcp", "server_url": {}}]}, "tools[0].server_url"),
    ],
)
def test_mcp_servers_that_cannot_be_judged_are_refused(body, param):
    assert found(CHAT, body, OF_MCP) == ("bad_request", param)


@pytest.mark.parametrize("name", ["tools", "tool", "toolset", "toolsets", "functions", "mcp_servers", "definition",
                                  "input_schema", "parameters", "server_url", "server_label", "connector_id", "tunnel_id"])  # fmt: skip
@pytest.mark.parametrize(
    ("shape", "body", "param"),
    [
        (RESPONSES, {"input": [{"type": "future", "x": [{"NAME": 1}]}]}, "input[0]"),
        (RESPONSES, {"input": [{"role": "user", "content": [{"type": "future", "NAME": 1}]}]}, "input[0].content[0]"),
        (MESSAGES, {"messages": [{"content": [{"type": "future", "x": {"y": {"NAME": 1}}}]}]}, "messages[0].content[0]"),
        (MESSAGES, {"system": [{"type": "future", "NAME": None}]}, "system[0]"),
        (MESSAGES, {"messages": [{"content": [{"type": "tool_addition", "tool": {"type": "future", "NAME": 1}}]}]}, "messages[0].content[0].tool"),
        (CHAT, {"tools": [{"type": "future", "name": "a", "x": {"NAME": 1}}]}, "tools[0]"),
        (CHAT, {"messages": [{"content": [{"type": "future", "x": {"NAME": 1}}]}]}, "messages[0].content[0]"),
    ],
)  # fmt: skip
def test_an_unknown_type_that_could_declare_is_refused(shape, body, param, name):
    written = json.dumps(body)

    for wanted in (OF_TOOLS, OF_MCP):
        for spelt in (name, name.replace("t", "\\u0074"), name.upper()):
            assert found(shape, written.replace("NAME", spelt).encode(), wanted) == ("unsupported_parameter", param)
        assert isinstance(found(shape, written.replace("NAME", f"{name}s_").encode(), wanted), list)


@pytest.mark.parametrize("name", ["model", "models", "fallbacks"])
def test_an_unknown_type_that_could_name_a_model_is_refused(name):
    item, tool = {"type": "future", "x": {name: "m"}}, {"type": "future", "name": "a", "x": [{name: "m"}]}

    assert found(RESPONSES, {"input": [item]}, OF_MODELS) == ("unsupported_parameter", "input[0]")
    assert found(MESSAGES, {"tools": [tool]}, OF_MODELS) == ("unsupported_parameter", "tools[0]")
    assert found(RESPONSES, {"input": [item]}, OF_TOOLS) == []


def test_a_fallback_that_names_its_models_in_another_way_cannot_be_judged():
    body = {"model": "m", "fallbacks": [{"m": ["a", "b"]}]}

    assert found(CHAT, body, OF_MODELS) == ("bad_request", "fallbacks[0]")
    assert found(CHAT, body, OF_TOOLS) == []


@pytest.mark.parametrize("shape", [CHAT, RESPONSES, MESSAGES, CONVERSE, IMAGES])
def test_members_by_which_known_types_of_a_conversation_declare_are_looked_for(shape):
    """What is skipped unseen holds no place that a table knows of."""
    table = shape.declares
    for wanted in (OF_TOOLS, OF_MCP, OF_MODELS):
        for place in table.places:
            if place.bulk and table.leads_to(place, wanted):
                for way in _ways(table, place, wanted, frozenset()):
                    written = json.dumps({way[0]: [{step: 1} for step in way[1:]]}).encode()
                    assert _would_look(table, written, wanted), way


def _ways(table, place, wanted, seen):
    steps = tuple(step for step in place.steps if step != "[]")
    if isinstance(place.holds, Says):
        yield from [steps] if place.holds in wanted else []
        return
    if place.holds in seen:
        return
    for inner in table.kinds[place.holds].places:
        for rest in _ways(table, inner, wanted, seen | {place.holds}):
            yield steps + rest


def _would_look(table, written, wanted):
    return table.reader(wanted)._find.found(written[written.index(b"[") :])


def test_what_a_request_declares_is_remembered_where_it_is_short():
    table = replace(CHAT.declares)
    for name in ("short", "x" * 40_000, "y" * 40_000):
        body = JsonBody(json.dumps({"tools": [{"type": "function", "function": {"name": name}}]}).encode())
        assert [one.value for one in declared(table, body, OF_TOOLS, bulk=False)] == [name]

    assert [[one.value for one in known] for known in table.reader(OF_TOOLS)._known.values()] == [["short"]]
