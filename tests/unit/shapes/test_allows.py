"""What a request allows beside its prompt and its answer."""

import json
import time

import pytest

from gateway.shapes.allows import ADVISOR_CALLS, SEARCHES, OtherModel, allows
from gateway.shapes.endpoints import ENDPOINTS
from gateway.wire.json_body import JsonBody

MESSAGES = ENDPOINTS["messages"]


def advisor(model, **more):
    return {"type": "advisor_20260301", "name": "advisor", "model": model, **more}


def search(type_="web_search_20250305", **more):
    return {"type": type_, "name": "web_search", **more}


def allowed(*tools):
    return allows(MESSAGES, JsonBody(json.dumps({"model": "m", "tools": tools}).encode()))


@pytest.mark.parametrize(
    ("uses", "calls"), [({}, ADVISOR_CALLS), ({"max_uses": 7}, 7), ({"max_uses": 0}, ADVISOR_CALLS), ({"max_uses": "7"}, ADVISOR_CALLS)]
)  # fmt: skip
def test_an_advisor_may_run_as_often_as_it_says(uses, calls):
    assert allowed(advisor("a", **uses)).models == (OtherModel("a", "tools[0].model", calls),)


def test_several_tools_of_one_kind_add_up():
    assert allowed(search(max_uses=2), search("web_search_20260209")).beside == (("web_searches", 2 + SEARCHES),)
    assert allowed(search(max_uses=2), {"type": ["web_search"], "name": "x"}).beside == (("web_searches", 2),)


def test_a_tool_that_cannot_be_judged_hides_no_other():
    hiding = {"type": "of_next_year", "name": "x", "parameters": {}, "models": []}

    found = allowed(hiding, search(max_uses=2), advisor("a", max_uses=4))

    assert found.beside == (("web_searches", 2),)
    assert [(model.name, model.calls) for model in found.models] == [("a", 4)]


@pytest.mark.parametrize(
    "tools",
    [
        [advisor(f"a{number}", max_uses=2) for number in range(5_000)],
        [search(f"web_search_{number}", max_uses=2) for number in range(5_000)],
    ],
    ids=["advisors", "searches"],
)
def test_many_tools_take_linear_time(tools):
    def seconds(some, spaces=0):
        # What was read before is known again; white space makes it new.
        body = JsonBody(json.dumps({"model": "m", "tools": [{"name": "x" + " " * spaces}, *some]}).encode())
        began = time.process_time()
        allows(MESSAGES, body)
        return time.process_time() - began

    few = min(seconds(tools[: len(tools) // 8], spaces) for spaces in range(3))
    assert seconds(tools) < 25 * few
