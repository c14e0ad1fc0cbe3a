"""Tools by names and in forms that a target takes, and calls that come back as the client's own."""

from gateway.lanes.answer import Answer, ArgumentsPiece, CallBegun, Called, CallEnd
from gateway.lanes.carried_tools import CarriedTools, ToolForms
from gateway.lanes.conversation import Call, Choice, Conversation, Role, Tool, Turn

GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: /a+/"}
SHORT = ToolForms(longest_name=24)


def tool(name, **members):
    return Tool(name=name, path="tools[0]", **members)


def asked(*tools, calls=(), choice=None):
    turns = (Turn(Role.ASSISTANT, tuple(calls), "messages[0]"),) if calls else ()
    return Conversation(turns=turns, tools=tools, choice=choice)


def carried(conversation, forms=SHORT):
    tools = CarriedTools(conversation, forms)
    return tools, tools.carried(conversation)


def test_what_the_target_takes_as_it_is_stays_the_same_value():
    conversation = asked(tool("weather"), calls=[Call(path="", id="1", name="weather", arguments="{}")])

    assert carried(conversation)[1] is conversation


def test_long_names_are_shortened_everywhere_and_come_back_whole():
    long, other = "look_up_the_weather_of_today", "look_up_the_weather_of_tomorrow"
    call = Call(path="", id="1", name=long, arguments="{}")
    tools, sent = carried(asked(tool(long), tool(other), calls=[call], choice=Choice("required", "tool_choice", long)))

    names = [one.name for one in sent.tools]
    assert len(set(names)) == 2
    assert max(map(len, names)) <= SHORT.longest_name
    assert sent.turns[0].parts[0].name == sent.choice.name == names[0]
    assert tools.answered(Answer([Called("1", names[1], "{}")])).blocks == [Called("1", other, "{}")]


def test_children_of_a_namespace_are_tools_of_their_own_and_called_as_its_children():
    tools, sent = carried(asked(tool("spawn", group="agents"), tool("mcp__docs__read", group="mcp__docs")))

    assert [(one.name, one.group) for one in sent.tools] == [("agents__spawn", ""), ("mcp__docs__read", "")]
    begun = list(tools.events().restored([CallBegun(0, "1", "agents__spawn")]))
    assert begun == [CallBegun(0, "1", "spawn", group="agents")]


def test_two_tools_of_one_name_are_told_apart():
    tools, sent = carried(asked(tool("read", group="read"), tool("read")))

    first, second = (one.name for one in sent.tools)
    assert first != second
    assert tools.answered(Answer([Called("1", first, "{}")])).blocks[0].group == "read"
    assert tools.answered(Answer([Called("1", second, "{}")])).blocks[0].group == ""


def test_a_custom_tool_is_a_function_that_takes_its_text():
    patch = Call(path="", id="1", name="patch", arguments='say "hi"', is_custom=True)
    tools, sent = carried(asked(tool("patch", description="Patches.", grammar=GRAMMAR), calls=[patch]))

    assert sent.tools[0].grammar is None
    assert sent.tools[0].schema["required"] == ["input"]
    assert sent.tools[0].description == "Patches.\n\nThe input has this form (lark):\nstart: /a+/"
    assert sent.turns[0].parts[0].arguments == '{"input":"say \\"hi\\""}'
    assert not sent.turns[0].parts[0].is_custom
    whole = tools.answered(Answer([Called("1", "patch", '{"input":"aaa"}')])).blocks
    assert whole == [Called("1", "patch", "aaa", is_custom=True)]


def test_the_text_of_a_custom_tool_streams_as_its_call_ends_and_one_that_is_none_goes_on_as_it_is():
    tools, _ = carried(asked(tool("patch", grammar={})))
    pieces = [CallBegun(0, "1", "patch"), ArgumentsPiece(0, '{"inp'), ArgumentsPiece(0, 'ut":"a"}'), CallEnd(0)]
    begun = CallBegun(0, "1", "patch", is_custom=True)

    assert list(tools.events().restored(pieces)) == [begun, ArgumentsPiece(0, "a"), CallEnd(0)]
    odd = [CallBegun(0, "1", "patch"), ArgumentsPiece(0, "not JSON"), CallEnd(0)]
    assert list(tools.events().restored(odd)) == [begun, ArgumentsPiece(0, "not JSON"), CallEnd(0)]


def test_a_target_that_has_custom_tools_and_namespaces_gets_them_as_they_are():
    conversation = asked(tool("patch", grammar=GRAMMAR), tool("spawn", group="agents"))

    assert carried(conversation, ToolForms(128, has_custom=True, has_groups=True))[1] is conversation
