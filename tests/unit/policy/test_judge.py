import re
from types import SimpleNamespace

import msgspec
import pytest

from gateway.errors import GatewayError
from gateway.policy import mcp, tools
from gateway.policy.judge import Judge
from gateway.turns import at_once


def rules(**dimensions):
    every = dict.fromkeys(("tools", "mcp", "urls", "models"))
    every.update({name: SimpleNamespace(**{"deny": [], "allow": None, **rule}) for name, rule in dimensions.items()})
    return SimpleNamespace(**every)


class Body:
    """Plain data in the place of a request body, counting how often it is looked into."""

    def __init__(self, **fields):
        self.fields = fields
        self.decodings = 0

    def fingerprint(self, *names):
        stated = {name: self.fields[name] for name in names if name in self.fields}
        return msgspec.json.encode(stated) if stated else None

    def decoded(self, name):
        self.decodings += 1
        return self.fields.get(name)


def refusal_of(call, *arguments):
    with pytest.raises(GatewayError) as refused:
        call(*arguments)
    return refused.value


def function(name):
    return {"type": "function", "function": {"name": name}}


@pytest.mark.parametrize(
    ("declared", "functions", "judged"),
    [
        (None, None, []),
        ([], [], []),
        ([function("a")], None, [("tools[0].function.name", "a")]),
        ([{"type": "function", "name": "a"}], None, [("tools[0].name", "a")]),
        ([{"name": "a", "input_schema": {}}], None, [("tools[0].name", "a")]),
        ([{"type": "custom", "name": "a"}], None, [("tools[0].name", "a")]),
        ([{"type": "custom", "custom": {"name": "a"}}], None, [("tools[0].custom.name", "a")]),
        (
            [{"type": "web_search_20250305", "name": "web_search"}],
            None,
            [("tools[0].name", "web_search"), ("tools[0].type", "web_search_20250305")],
        ),
        ([{"type": "web_search"}], None, [("tools[0].type", "web_search")]),
        (
            [{"type": "Function", "function": {"name": "a"}}],
            None,
            [("tools[0].function.name", "a"), ("tools[0].type", "Function")],
        ),
        ([{"type": "mcp", "server_label": "x"}], None, []),
        (
            [{**function("a"), "name": "b", "custom": {"name": "c"}}],
            None,
            [("tools[0].function.name", "a"), ("tools[0].custom.name", "c"), ("tools[0].name", "b")],
        ),
        (
            [{"type": "namespace", "name": "n", "tools": [function("a"), {"type": "computer"}]}],
            None,
            [("tools[0].name", "n"), ("tools[0].tools[0].function.name", "a"), ("tools[0].tools[1].type", "computer")],
        ),
        (None, [{"name": "a"}, {"name": "b"}], [("functions[0].name", "a"), ("functions[1].name", "b")]),
        ([function("shell\x00")], None, [("tools[0].function.name", "shell\x00")]),
    ],
)
def test_where_tools_stand(declared, functions, judged):
    assert list(tools.values(declared, functions)) == judged


NESTED = {"type": "namespace", "name": "n", "tools": []}
for _ in range(9):
    NESTED = {"type": "namespace", "name": "n", "tools": [NESTED]}


@pytest.mark.parametrize(
    ("declared", "functions", "param"),
    [
        ({"0": function("a")}, None, "tools"),
        ("a", None, "tools"),
        (False, None, "tools"),
        (["a"], None, "tools[0]"),
        ([None], None, "tools[0]"),
        ([{}], None, "tools[0].name"),
        ([{"type": "function"}], None, "tools[0].name"),
        ([{"type": "custom"}], None, "tools[0].name"),
        ([{"type": "function", "Function": {"name": "a"}}], None, "tools[0].name"),
        ([{"type": "function", "function": None}], None, "tools[0].function"),
        ([{"type": "function", "function": ["a"]}], None, "tools[0].function"),
        ([{"type": "function", "function": {"Name": "a"}}], None, "tools[0].function.name"),
        ([{"type": "function", "function": {"name": ["a"]}}], None, "tools[0].function.name"),
        ([{"type": ["function"], "name": "a"}], None, "tools[0].type"),
        ([{"type": "computer", "name": 1}], None, "tools[0].name"),
        ([{"type": "namespace", "tools": {}}], None, "tools[0].tools"),
        ([NESTED], None, "tools[0]" + ".tools[0]" * 4 + ".tools"),
        (None, {"name": "a"}, "functions"),
        (None, ["a"], "functions[0]"),
        (None, [{"name": None}], "functions[0].name"),
    ],
)
def test_tools_that_cannot_be_judged_are_refused(declared, functions, param):
    error = refusal_of(lambda: list(tools.values(declared, functions)))

    assert (error.type, error.param) == ("bad_request", param)


@pytest.mark.parametrize(
    ("servers", "declared", "judged"),
    [
        (None, None, []),
        (
            [{"name": "a", "url": "https://a"}],
            None,
            [("mcp_servers[0].name", "a"), ("mcp_servers[0].url", "https://a")],
        ),
        (
            None,
            [function("f"), {"type": "mcp", "server_label": "a", "server_url": "u", "connector_id": "c"}],
            [("tools[1].server_label", "a"), ("tools[1].server_url", "u"), ("tools[1].connector_id", "c")],
        ),
        (None, [{"type": "MCP", "server_url": "u"}], [("tools[0].server_url", "u")]),
        (
            None,
            [{"name": "n", "tools": [{"type": "mcp", "server_label": "a"}]}],
            [("tools[0].tools[0].server_label", "a")],
        ),
    ],
)
def test_where_mcp_servers_stand(servers, declared, judged):
    assert list(mcp.values(servers, declared)) == judged


@pytest.mark.parametrize(
    ("servers", "declared", "param"),
    [
        ({"name": "a"}, None, "mcp_servers"),
        (["a"], None, "mcp_servers[0]"),
        ([{"URL": "https://evil"}], None, "mcp_servers[0]"),
        ([{"name": "a", "url": ["https://evil"]}], None, "mcp_servers[0].url"),
        (None, {"0": {"type": "mcp"}}, "tools"),
        (None, ["mcp"], "tools[0]"),
        (None, [{"type": "mcp"}], "tools[0]"),
        (None, [{"type": "mcp", "server_url": {}}], "tools[0].server_url"),
    ],
)
def test_mcp_servers_that_cannot_be_judged_are_refused(servers, declared, param):
    error = refusal_of(lambda: list(mcp.values(servers, declared)))

    assert (error.type, error.param) == ("bad_request", param)


def test_no_rule_no_work():
    judge = Judge([("none", rules())])

    assert (judge.has_declarations, judge.has_urls, judge.has_models) == (False, False, False)
    assert Judge([("a", rules(tools={})), ("b", rules(urls={}))]).has_declarations


def test_only_what_has_a_rule_is_looked_at():
    odd_servers = Body(tools=[function("a")], mcp_servers="odd")

    Judge([("set", rules(tools={"deny": ["shell"]}))]).check_declarations(odd_servers)

    error = refusal_of(Judge([("set", rules(mcp={"deny": ["evil"]}))]).check_declarations, odd_servers)
    assert error.param == "mcp_servers"


def test_every_set_of_a_key_applies():
    judge = Judge([("first", rules(tools={"allow": ["^a"]})), ("second", rules(tools={"deny": ["^ab"]}))])

    judge.check_declarations(Body(tools=[function("ac")]))

    assert "first.tools" in refusal_of(judge.check_declarations, Body(tools=[function("b")])).message
    assert "second.tools" in refusal_of(judge.check_declarations, Body(tools=[function("ab")])).message


def test_a_refusal_names_rule_value_and_place():
    judge = Judge([("no-shell", rules(tools={"deny": [r"^shell\."]}))])

    error = refusal_of(judge.check_declarations, Body(tools=[function("fine"), function("shell." + "x" * 100)]))

    assert (error.type, error.status, error.param) == ("tool_not_allowed", 403, "tools[1].function.name")
    shown = re.search(r"'(shell\.x+…)'", error.message)
    assert len(shown[1]) == 64
    assert r"no-shell.tools denies it by ^shell\." in error.message


def test_what_passed_once_is_known_and_what_was_refused_is_judged_again():
    judge = Judge([("set", rules(tools={"deny": ["shell"]}))])
    body, denied = Body(tools=[function("fine")]), Body(tools=[function("shell")])

    judge.check_declarations(body)
    looked = body.decodings
    judge.check_declarations(body)

    assert body.decodings == looked > 0
    for _ in range(2):
        assert refusal_of(judge.check_declarations, denied).type == "tool_not_allowed"


def test_a_url_of_an_mcp_server_is_judged_in_both_cases():
    judge = Judge([("set", rules(mcp={"deny": ["^https://evil"]}))])

    error = refusal_of(judge.check_declarations, Body(mcp_servers=[{"name": "a", "url": "HTTPS://EVIL.com/x"}]))

    assert (error.type, error.param) == ("tool_not_allowed", "mcp_servers[0].url")


def nowhere(_):
    yield
    return "somewhere"


def check_urls(judge, found, path_at=nowhere):
    at_once(judge.check_urls(found, path_at))


def test_urls_are_judged_with_their_place():
    judge = Judge([("set", rules(urls={"deny": [r"^https?://169\.254\."]}))])

    def path_at(offset):
        yield
        return f"at {offset}"

    check_urls(judge, [None, (3, "https://example.com", True)])

    for certain in (True, False):
        found = [(3, "https://example.com", True), None, (9, "HTTP://169.254.1.1", certain)]
        error = refusal_of(check_urls, judge, found, path_at)
        assert (error.type, error.param) == ("url_not_allowed", "at 9")


def test_what_may_be_no_url_is_not_asked_of_an_allow_list():
    judge = Judge([("set", rules(urls={"deny": [r"^https?://169\.254\."], "allow": ["^https://docs"]}))])

    check_urls(judge, [(3, "https://docs.example", True), (9, "https://443", False)])

    error = refusal_of(check_urls, judge, [(9, "https://443", True)])
    assert "allow list" in error.message
    error = refusal_of(check_urls, judge, [(9, "HTTP://169.254.1.1", False)])
    assert "denies it" in error.message


def test_an_allow_list_is_asked_about_where_a_url_leads():
    judge = Judge([("set", rules(urls={"allow": ["^https://good\\.example/public/"]}))])

    for url in ("https://good.example/public/x", "HTTPS://Good.Example/public/", "https:\\\\good.example\\public\\x"):
        check_urls(judge, [(0, url, True)])
    for url in (
        "https://good.example/public/../secret",
        "https://good.example/public/%2e%2E/secret",
        "https://good.example/public/@evil.example/../../x",
        "https://good.example/public/\\..\\..\\secret",
        "https://good.example@evil.example/public/",
        "//good.example/public/",
        "file:///public/",
    ):
        assert refusal_of(check_urls, judge, [(0, url, True)]).type == "url_not_allowed"


def test_a_data_url_leads_nowhere():
    judge = Judge([("set", rules(urls={"allow": ["^https://good"]}))])

    check_urls(judge, [(0, "data:image/png;base64,AAAA", True), (0, " DATA:,x", True)])


def test_models_are_judged_in_both_spellings():
    judge = Judge([("set", rules(models={"deny": ["^openai/gpt-4", "^o1"], "allow": ["^gpt-", "^openai/o"]}))])

    judge.check_models("openai", "gpt-5")
    judge.check_models("openai", "o3")

    for model in ("gpt-4", "o1", "dall-e"):
        error = refusal_of(judge.check_models, "openai", model)
        assert (error.type, error.param) == ("model_not_allowed", "model")


def test_a_malformed_pattern_never_becomes_a_judge():
    with pytest.raises(ValueError):
        Judge([("set", rules(tools={"deny": ["("]}))])
