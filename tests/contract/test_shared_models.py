"""Models of the file's own names: where requests go, what stays together, what is told."""

from collections import Counter

import pytest

from tests.support.keys import HASH, SECRET, new_key

NARROW, NARROW_HASH = new_key()
CONFIG = f"""
version: 1
providers: {{eu: {{type: simulator}}, us: {{type: simulator}}}}
model_aliases: {{taken: us/gpt-5, "son*": us/gpt-5}}
models:
  sonnet:
    at: {{eu: claude-sonnet-4-6, us: claude-sonnet-4-6}}
    split: {{eu: 1, us: 1}}
    affinity: {{by: [session, end_user]}}
    fallback: [haiku]
  haiku: {{at: {{us: claude-haiku-4-5}}}}
  smart: {{split: {{sonnet: 1, haiku: 1}}, sticky: end_user}}
  taken: {{at: {{eu: gpt-5}}}}
virtual_keys:
  dev: {{environment: test, secret_hash: {HASH}}}
  narrow: {{environment: test, secret_hash: {NARROW_HASH}, models_allowed: ["us/*"]}}
"""


@pytest.fixture(scope="module")
def gateway(module_gateway):
    return module_gateway(CONFIG)


def route(gateway, model, secret=SECRET, text="hi", **headers):
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    given = {"authorization": f"Bearer {secret}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    answer = gateway.post(body, headers=given)
    return answer.headers.get("x-langwatch-route"), answer


def test_a_session_stays_where_it_is_and_sessions_are_shared_out(gateway):
    seen = Counter()
    for number in range(40):
        routes = {route(gateway, "sonnet", x_langwatch_thread_id=f"s{number}")[0] for _ in range(2)}
        assert len(routes) == 1
        seen.update(routes)

    assert set(seen) == {"sonnet > eu; by=session", "sonnet > us; by=session"}
    assert min(seen.values()) >= 8  # of 40, by chance less often than once in 10,000 runs; and it is the same each time


def test_a_canary_is_met_by_the_same_people(gateway):
    routes = {user: route(gateway, "smart", x_langwatch_end_user_id=user)[0] for user in map(str, range(30))}

    assert {way.split(" > ")[1].split(";")[0] for way in routes.values()} == {"sonnet", "haiku"}
    assert routes == {user: route(gateway, "smart", x_langwatch_end_user_id=user)[0] for user in routes}


def test_what_fails_is_followed_by_the_other_provider_and_then_by_the_fallback(gateway):
    way, answer = route(gateway, "sonnet", text="[[status 500]]", x_langwatch_thread_id="s")

    assert way == "sonnet > haiku > us; by=session"
    assert answer.headers["x-langwatch-fallback-count"] == "2"


def test_an_arm_that_a_key_may_not_call_is_passed_over(gateway):
    ways = {route(gateway, "sonnet", NARROW, x_langwatch_thread_id=f"s{number}")[0] for number in range(12)}

    assert {way.partition(";")[0] for way in ways} == {"sonnet > us"}


def test_exact_aliases_come_before_models_and_globs_after(gateway):
    way, answer = route(gateway, "taken")

    assert (way, answer.headers["x-langwatch-provider"]) == (None, "us")
    assert route(gateway, "sonnet")[0].startswith("sonnet > ")


def test_models_are_listed(gateway):
    listed = gateway.client.get("/v1/models", headers={"authorization": f"Bearer {SECRET}"}).json()["data"]

    assert {"sonnet", "haiku", "smart", "taken"} <= {one["id"] for one in listed}
