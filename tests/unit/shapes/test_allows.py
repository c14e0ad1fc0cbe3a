"""What a request allows beside its prompt and its answer."""

import json
import time

import pytest

from gateway.money.estimate import bound_input
from gateway.shapes.allows import ASSUMED, OtherModel, allows
from gateway.shapes.endpoints import ENDPOINTS
from gateway.wire.json_body import JsonBody

MESSAGES = ENDPOINTS["messages"]


def advisor(model, **more):
    return {"type": "advisor_20260301", "name": "advisor", "model": model, **more}


def search(type_="web_search_20250305", **more):
    return {"type": type_, "name": "web_search", **more}


def allowed(*tools):
    return _allows({"tools": tools})


def _allows(fields):
    data = json.dumps({"model": "m", **fields}).encode()
    return allows(MESSAGES, JsonBody(data), bound_input(data))


@pytest.mark.parametrize(
    ("uses", "calls"), [({}, ASSUMED.advisor_calls), ({"max_uses": 7}, 7), ({"max_uses": 0}, ASSUMED.advisor_calls), ({"max_uses": "7"}, ASSUMED.advisor_calls)]
)  # fmt: skip
def test_an_advisor_may_run_as_often_as_it_says(uses, calls):
    assert allowed(advisor("a", **uses)).models == (OtherModel("a", "tools[0].model", calls),)


@pytest.mark.parametrize(
    ("text", "characters", "tokens"), [("a" * 130, 130, 4 * 209), ("\u4f60" * 13, 13, 4 * 63), (7, None, None)]
)
def test_speech_may_take_four_times_as_long_as_its_text_usually_does(text, characters, tokens):
    data = json.dumps({"model": "m", "input": text}).encode()

    found = allows(ENDPOINTS["audio_speech"], JsonBody(data), bound_input(data))

    assert found.beside == (("input_characters", len(data) if characters is None else characters),)
    assert found.speech_tokens == tokens or (tokens is None and found.speech_tokens > len(data))


def test_several_tools_of_one_kind_add_up():
    assert allowed(search(max_uses=2), search("web_search_20260209")).beside == (
        ("web_searches", 2 + ASSUMED.tool_calls),
    )
    assert allowed(search(max_uses=2), {"type": ["web_search"], "name": "x"}).beside == (("web_searches", 2),)


def test_a_tool_that_cannot_be_judged_hides_no_other():
    hiding = {"type": "of_next_year", "name": "x", "parameters": {}, "models": []}

    found = allowed(hiding, search(max_uses=2), advisor("a", max_uses=4))

    assert found.beside == (("web_searches", 2),)
    assert [(model.name, model.calls) for model in found.models] == [("a", 4)]


@pytest.mark.parametrize(
    ("name", "one"),
    [
        ("tools", lambda number: advisor(f"a{number}", max_uses=2)),
        ("tools", lambda number: search(f"web_search_{number}", max_uses=2)),
        ("fallbacks", lambda number: {"model": f"a{number}", "max_tokens": 7}),
        ("messages", lambda number: {"role": "user", "tools": [advisor(f"a{number}", max_uses=2)]}),
    ],
    ids=["advisors", "searches", "fallbacks", "in the conversation"],
)
def test_many_of_them_take_linear_time(name, one):
    def seconds(count, spaces):
        # What was read before is known again; another name makes it new.
        fields = {name: [one("x" * spaces), *map(one, range(count))]}
        began = time.process_time()
        _allows(fields)
        return time.process_time() - began

    # Eight times as many take eight times as long; if each looked at all of them, sixty-four times.
    few = max(seconds(300, spaces) for spaces in range(3))
    assert min(seconds(2400, spaces) for spaces in range(3, 6)) < 25 * few


POINTING = (
    b'{"type":"document","source":{"type":"url","url":"https://x/y.pdf"}}',
    b'{"type":"document","source":{"type":"u\\u0072l","url":"https://x/y.pdf"}}',
    b'{"t\\u0079pe":"document","source":{"t\\u0079pe":"url","url":"https://x/y.pdf"}}',
    b'{"type":"document","source":{"type":"file","file\\u005fid":"f"}}',
    b'{"document":{"source":{"s\\u0033Location":{"uri":"s3://x"}}}}',
)


@pytest.mark.parametrize("part", POINTING)
def test_what_is_pointed_at_is_counted_however_its_name_is_written(part):
    data = b'{"model":"m","messages":[{"role":"user","content":[%s,%s]}]}' % (part, part)

    assert allows(MESSAGES, JsonBody(data), bound_input(data)).files == 2


def test_a_cache_is_seen_however_its_name_is_written():
    data = b'{"model":"m","cached\\u005fcontent":"x","messages":[]}'

    assert allows(MESSAGES, JsonBody(data), bound_input(data)).stored == ("cached_content",)


@pytest.mark.parametrize(
    ("tool", "beside", "calls"),
    [
        ({"googleSearch": {}}, (("web_searches", 20),), 20),
        ({"google_search": {}}, (("web_searches", 20),), 20),
        ({"urlContext": {}}, (), 20),
        ({"fileSearch": {}}, (), 20),
        ({"functionDeclarations": [{"name": "google_search"}]}, (), 0),
    ],
)
def test_tools_of_google_are_held_for(tool, beside, calls):
    body = JsonBody(json.dumps({"contents": [], "tools": [tool]}).encode())
    allowed = allows(ENDPOINTS["generate_content"], body, bound_input(body.data))

    assert (allowed.beside, allowed.tool_calls) == (beside, calls)


@pytest.mark.parametrize("name", ["serviceTier", "service_tier"])
def test_the_tier_that_google_is_asked_for_is_held_for(name):
    body = JsonBody(f'{{"contents":[],"{name}":"priority"}}'.encode())

    served = allows(ENDPOINTS["generate_content"], body, bound_input(body.data)).served

    assert served is not None
    assert served.service_tier == "priority"
