import re
from types import SimpleNamespace

import msgspec
import pytest

from gateway.errors import GatewayError
from gateway.policy.judge import Judge
from gateway.shapes.chat import CHAT
from gateway.shapes.messages import MESSAGES
from gateway.shapes.responses import RESPONSES
from gateway.turns import at_once


def rules(**dimensions):
    every = dict.fromkeys(("tools", "mcp", "urls", "models"))
    every.update({name: SimpleNamespace(**{"deny": [], "allow": None, **rule}) for name, rule in dimensions.items()})
    return SimpleNamespace(**every)


class Body:
    """Plain data in the place of a request body, remembering what was looked into."""

    def __init__(self, **fields):
        self.fields = fields
        self.opened = []
        self.telling = None

    def fingerprint(self, names):
        stated = {name: value for name, value in self.fields.items() if name in names}
        return msgspec.json.encode(stated) if stated else None

    def raw(self, name):
        self.opened.append(name)
        return msgspec.json.encode(self.fields[name]) if name in self.fields else None


def refusal_of(call, *arguments):
    with pytest.raises(GatewayError) as refused:
        call(*arguments)
    return refused.value


def function(name):
    return {"type": "function", "function": {"name": name}}


def test_no_rule_no_work():
    judge = Judge([("none", rules())])

    assert (judge.has_declarations, judge.has_urls, judge.has_models) == (False, False, False)
    assert Judge([("a", rules(tools={})), ("b", rules(urls={}))]).has_declarations


def test_only_what_has_a_rule_is_looked_at():
    odd_servers = Body(tools=[function("a")], mcp_servers="odd")

    Judge([("set", rules(tools={"deny": ["shell"]}))]).check_declarations(CHAT, odd_servers)

    error = refusal_of(Judge([("set", rules(mcp={"deny": ["evil"]}))]).check_declarations, CHAT, odd_servers)
    assert error.param == "mcp_servers"


def test_every_set_of_a_key_applies():
    judge = Judge([("first", rules(tools={"allow": ["^a"]})), ("second", rules(tools={"deny": ["^ab"]}))])

    judge.check_declarations(CHAT, Body(tools=[function("ac")]))

    assert "first.tools" in refusal_of(judge.check_declarations, CHAT, Body(tools=[function("b")])).message
    assert "second.tools" in refusal_of(judge.check_declarations, CHAT, Body(tools=[function("ab")])).message


def test_a_refusal_names_rule_value_and_place():
    judge = Judge([("no-shell", rules(tools={"deny": [r"^shell\."]}))])

    error = refusal_of(judge.check_declarations, CHAT, Body(tools=[function("fine"), function("shell." + "x" * 100)]))

    assert (error.type, error.status, error.param) == ("tool_not_allowed", 403, "tools[1].function.name")
    shown = re.search(r"'(shell\.x+…)'", error.message)
    assert len(shown[1]) == 64
    assert r"no-shell.tools denies it by ^shell\." in error.message


def test_what_passed_once_is_known_and_what_was_refused_is_judged_again():
    judge = Judge([("set", rules(tools={"deny": ["shell"]}))])
    body, denied = Body(tools=[function("fine")]), Body(tools=[function("shell")])

    judge.check_declarations(CHAT, body)
    judge.check_declarations(CHAT, body)

    assert body.opened.count("tools") == 1
    for _ in range(2):
        assert refusal_of(judge.check_declarations, CHAT, denied).type == "tool_not_allowed"


def test_what_passed_on_one_api_is_judged_anew_on_another():
    judge = Judge([("set", rules(tools={"deny": ["^bash_"]}))])
    body = Body(tools=[{"type": "future", "input_schema": {}, "name": "fine"}])
    known = Body(tools=[{"type": "web_search_20250305", "input_schema": {}, "name": "fine"}])

    judge.check_declarations(MESSAGES, known)

    assert refusal_of(judge.check_declarations, CHAT, known).type == "unsupported_parameter"
    assert refusal_of(judge.check_declarations, MESSAGES, body).type == "unsupported_parameter"


def test_a_listing_of_an_allowed_server_is_asked_by_deny_alone():
    judge = Judge([("set", rules(tools={"allow": ["^mine$"], "deny": ["^delete"]}))])

    def listing(name):
        return Body(input=[{"type": "mcp_list_tools", "server_label": "s", "tools": [{"name": name}]}])

    judge.check_declarations(RESPONSES, listing("read"))

    assert refusal_of(judge.check_declarations, RESPONSES, listing("delete")).param == "input[0].tools[0].name"


def test_a_url_of_an_mcp_server_is_judged_in_both_cases():
    judge = Judge([("set", rules(mcp={"deny": ["^https://evil"]}))])

    error = refusal_of(judge.check_declarations, CHAT, Body(mcp_servers=[{"name": "a", "url": "HTTPS://EVIL.com/x"}]))

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
        assert refusal_of(judge.check_models, "openai", model, "tools[0].model").param == "tools[0].model"


def test_a_malformed_pattern_never_becomes_a_judge():
    with pytest.raises(ValueError):
        Judge([("set", rules(tools={"deny": ["("]}))])
