"""The file's own models: who is asked for them, in which order, and what stays together."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.pipeline.resolve import callable_models, resolve
from gateway.pipeline.sharing import session_in
from gateway.shapes.endpoints import ENDPOINTS
from gateway.wire.json_body import JsonBody
from tests.support.keys import HASH
from tests.support.snapshot import snapshot_of

HEAD = """
version: 1
principals: {ada: {}, bob: {}}
providers: {a: {type: simulator}, b: {type: simulator}, c: {type: simulator}}
"""
MODELS = """
  sonnet:
    at: {a: s-a, b: s-b, c: s-c}
    split: {a: 60, b: 40}
    affinity: {by: [session, prompt_cache_key, end_user]}
    fallback: [haiku]
  haiku: {at: {b: h-b, a: h-a}, fallback: [sonnet]}
  canary: {split: {sonnet: 90, haiku: 10}, sticky: principal}
  drawn: {split: {haiku: 3, plain: 1}}
  plain: {at: {c: p}}
  glob-like: {at: {a: by-model}}
"""
KEYS = f"""
  ada: {{environment: test, secret_hash: "{HASH}", principal: ada}}
  chained: {{environment: test, secret_hash: "hmac-sha256:{"1" * 64}", fallback: {{chain: [b, a]}}}}
  few: {{environment: test, secret_hash: "hmac-sha256:{"2" * 64}", models_allowed: ["h-*", s-b]}}
  preferring: {{environment: test, secret_hash: "hmac-sha256:{"3" * 64}", providers: [c, a]}}
"""
TEXT = f"{HEAD}model_aliases: {{'glob-*': b/by-glob}}\nmodels:{MODELS}virtual_keys:{KEYS}"
MESSAGES = ENDPOINTS["messages"]
CHAT = ENDPOINTS["chat_completions"]
OWN = snapshot_of(TEXT)


def order(asked, key="ada", snapshot=OWN, headers=None, endpoint=CHAT, **members):
    body = JsonBody(json.dumps({"model": asked, **members}).encode(), endpoint.shape.declares.judged)
    headers = {name.encode(): value.encode() for name, value in (headers or {}).items()}
    return resolve(snapshot, snapshot.key_named(key), endpoint, asked, body, headers)


def targets(found):
    return [f"{one.upstream.provider.name}/{one.model}" for one in found.candidates]


def test_every_target_is_asked_once_the_arms_first_then_what_stands_by_then_the_fallback():
    for number in range(20):
        found = targets(order("sonnet", headers={"x-langwatch-thread-id": f"t{number}"}))
        assert sorted(found[:2]) == ["a/s-a", "b/s-b"]
        assert found[2:] == ["c/s-c", "a/h-a", "b/h-b"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [("ada", ["a/h-a", "b/h-b"]), ("chained", ["b/h-b", "a/h-a"]), ("preferring", ["a/h-a"])],
)
def test_without_a_split_the_chain_says_the_order_then_the_providers_of_the_key(key, expected):
    assert [one for one in targets(order("haiku", key)) if "/h-" in one] == expected


def test_what_a_key_may_not_call_is_left_out_and_told():
    found = order("sonnet", "few")

    assert targets(found) == ["b/s-b", "a/h-a", "b/h-b"]
    assert [(target.provider, target.model) for target, _ in found.skipped] == [("a", "s-a"), ("c", "s-c")]
    assert all("`models_allowed`" in reason for _, reason in found.skipped)


def test_a_fallback_takes_no_place_of_what_is_not_allowed():
    with pytest.raises(GatewayError) as refused:
        order("plain", "few")

    assert refused.value.type == "model_not_allowed"
    assert targets(order("drawn", "few")) == ["a/h-a", "b/h-b", "b/s-b"]


def test_nor_of_an_arm_that_is_not_allowed():
    models = """
  smart: {split: {far: 99, near: 1}}
  far: {split: {there: 1}}
  there: {at: {b: t}, fallback: [behind, both]}
  near: {at: {a: n}, fallback: [both, there]}
  behind: {at: {c: h}}
  both: {at: {c: x}}
"""
    snapshot = snapshot_of(f"{HEAD}models:{models}virtual_keys:{KEYS}")

    for _ in range(20):
        found = order("smart", "preferring", snapshot)
        assert [(*one.route, one.model) for one in found.candidates] == [
            ("smart", "near", "n"),
            ("smart", "near", "both", "x"),
        ]
        assert found.shared_by == ()
    assert {target.model for target, _ in found.skipped} == {"t"}
    with pytest.raises(GatewayError):
        order("far", "preferring", snapshot)


def test_models_stand_after_exact_aliases_and_before_globs():
    assert order("glob-like").source == "models"
    assert order("glob-other").source == "alias_glob"
    with_alias = snapshot_of(TEXT.replace("{'glob-*'", "{haiku: c/of-alias, 'glob-*'"))
    assert targets(order("haiku", snapshot=with_alias)) == ["c/of-alias"]


def test_requests_are_shared_out_by_weight():
    first = Counter(targets(order("drawn"))[0] for _ in range(2000))

    assert 1350 < first["a/h-a"] < 1650
    assert first["a/h-a"] + first["c/p"] == 2000


def test_the_way_to_a_target_and_what_decided_are_told():
    found = order("canary", headers={"session_id": "s"})

    assert {one.route for one in found.candidates} == {("canary", "sonnet"), ("canary", "haiku")}
    assert found.shared_by in (("principal", "session"), ("principal",))
    assert order("drawn").shared_by == ("weight",)
    assert order("plain").shared_by == ()


def test_everybody_meets_the_same_arm_of_a_canary():
    people = "".join(f"p{number}: {{}}, " for number in range(400))
    keys = "".join(
        f"  k{number}: {{environment: test, secret_hash: 'hmac-sha256:{number:064x}', principal: p{number}}}\n"
        for number in range(400)
    )
    snapshot = snapshot_of(f"{HEAD.replace('ada: {}, bob: {}', people)}models:{MODELS}virtual_keys:\n{keys}")
    met = {}
    for number in range(400):
        met[number] = {order("canary", f"k{number}", snapshot).candidates[0].route for _ in range(3)}

    assert all(len(routes) == 1 for routes in met.values())
    on_canary = sum(("canary", "haiku") in routes for routes in met.values())
    assert 20 <= on_canary <= 62


@pytest.mark.parametrize(
    ("headers", "endpoint", "members", "by"),
    [
        ({"x-langwatch-thread-id": "t"}, CHAT, {}, "session"),
        ({"x-claude-code-session-id": "t"}, MESSAGES, {}, "session"),
        ({"session-id": "t"}, ENDPOINTS["responses"], {}, "session"),
        ({}, MESSAGES, {"metadata": {"user_id": "user_1_account__session_t"}}, "session"),
        ({}, MESSAGES, {"metadata": {"user_id": '{"device_id": "d", "session_id": "t"}'}}, "session"),
        ({}, CHAT, {"prompt_cache_key": "t", "user": "u"}, "prompt_cache_key"),
        ({}, CHAT, {"user": "t"}, "end_user"),
        ({"x-langwatch-end-user-id": "t"}, CHAT, {}, "end_user"),
        ({"x-langwatch-thread-id": " "}, CHAT, {"prompt_cache_key": 5}, "weight"),
        ({}, CHAT, {}, "weight"),
    ],
)
def test_the_first_that_a_request_has_decides(headers, endpoint, members, by):
    found = [order("sonnet", headers=headers, endpoint=endpoint, **members) for _ in range(12)]

    assert {one.shared_by for one in found} == {(by,)}
    if by != "weight":
        assert len({tuple(targets(one)) for one in found}) == 1


@given(st.text())
def test_any_id_of_a_user_is_read(text):
    found = session_in(text)

    assert found is None or found


def of_sessions(split, sessions=3000):
    snapshot = snapshot_of(TEXT.replace("split: {a: 60, b: 40}", f"split: {split}"))
    return [
        targets(order("sonnet", snapshot=snapshot, headers={"x-langwatch-thread-id": f"{number}"}))
        for number in range(sessions)
    ]


def test_where_a_weight_changes_only_what_that_arm_gains_moves():
    before, after = of_sessions("{a: 40, b: 40, c: 20}"), of_sessions("{a: 40, b: 40, c: 40}")
    moved = [(had[0], has[0]) for had, has in zip(before, after, strict=True) if had[0] != has[0]]

    assert {has for _, has in moved} == {"c/s-c"}
    # From 20 of 100 to 40 of 120: an arm gains 13.3 % of all sessions.
    assert 0.11 < len(moved) / len(before) < 0.16
    shares = Counter(one[0] for one in after)
    assert all(0.30 < share / len(after) < 0.37 for share in shares.values())


def test_sessions_of_an_arm_that_fails_go_to_the_others_by_weight_and_no_others_move():
    orders = of_sessions("{a: 50, b: 30, c: 20}")
    of_failed = [one[1] for one in orders if one[0] == "a/s-a"]

    assert 0.55 < of_failed.count("b/s-b") / len(of_failed) < 0.65
    assert 0.35 < of_failed.count("c/s-c") / len(of_failed) < 0.45


def test_models_that_a_key_can_call_are_listed():
    assert dict(callable_models(OWN.key_named("ada"), {})) == {
        "sonnet": "a",
        "haiku": "b",
        "canary": "a",
        "drawn": "b",
        "plain": "c",
        "glob-like": "a",
    }
    assert {"plain", "glob-like"}.isdisjoint(dict(callable_models(OWN.key_named("few"), {})))


def test_a_deep_chain_of_models_and_many_arms_are_walked():
    many = 2000
    chain = "".join(f"  m{number}: {{at: {{a: x{number}}}, fallback: [m{number + 1}]}}\n" for number in range(many))
    arms = ", ".join(f"m{number}: 1" for number in range(many))
    text = f"{HEAD}models:\n{chain}  m{many}: {{at: {{a: last}}}}\n  all: {{split: {{{arms}}}}}\nvirtual_keys:{KEYS}"
    snapshot = snapshot_of(text)

    assert len(order("m0", snapshot=snapshot).candidates) == many + 1
    assert len(order("all", snapshot=snapshot).candidates) == many + 1
