"""Plans as people and machines read them, and what they find."""

import json as json_module
import re
import string
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.referring import prices_renamed, renamed
from gateway.config.resources import Resource
from gateway.config.sections.access import Access
from gateway.plan.figures import BudgetFigures, Figures, KeyFigures
from gateway.plan.guards import Allowed, refusals
from gateway.plan.live import LiveResource, LiveState, Removal
from gateway.plan.make import Desired, Extent, make_plan
from gateway.plan.plan import Source
from gateway.plan.render.json import json
from gateway.plan.render.lines import lines
from gateway.plan.render.markdown import BUDGET, markdown
from gateway.plan.saved import PlanFileError, SavedPlan, kept, read, written
from gateway.secret import Secret

NOW = 1_795_510_000_000_000
HOUR = 3_600_000_000
CANARY = "sk-canary-"


def live_of(resources, owner="platform", revision=7):
    return LiveState(
        "01M8MJSM0SAQH5X3XKEMWA0000",
        revision,
        {
            (one.kind, one.name): LiveResource(
                one, owner, 3, one.spec, bool(one.spec.get("protected")), "dev-1@example.com", NOW - 50 * HOUR
            )
            for one in resources
        },
    )


def hash_of(number):
    return "hmac-sha256:" + f"{number:064x}"


BEFORE = (
    Resource("teams", "research", {}),
    Resource("providers", "openai", {"type": "openai", "api_key": Secret(CANARY + "old")}),
    Resource("providers", "anthropic", {"type": "anthropic", "api_key": Secret(CANARY + "same")}),
    Resource("policy_rules", "no-shell", {"tools": {"deny": ["^shell", "^fs"]}}),
    Resource("model_aliases", "fast", {"targets": ["openai/gpt-5-mini"]}),
    Resource("virtual_keys", "nb-one", {"team": "research", "policy_rules": ["no-shell"], "secret_hash": hash_of(1)}),
    Resource("virtual_keys", "nb-two", {"team": "research", "secret_hash": hash_of(2)}),
    Resource("virtual_keys", "old-demo", {"secret_hash": hash_of(3)}),
    Resource("virtual_keys", "renamed", {"secret_hash": hash_of(4)}),
    Resource("budgets", "research", {"scope": {"team": "research"}, "window": "month", "limit_usd": "100"}),
)
AFTER = (
    Resource("teams", "research", {}),
    Resource("providers", "openai", {"type": "openai", "api_key": Secret(CANARY + "new")}),
    Resource("providers", "anthropic", {"type": "anthropic", "api_key": Secret(CANARY + "same")}),
    Resource("policy_rules", "no-shell", {"tools": {"deny": ["^fs"]}}),
    Resource("model_aliases", "fast", {"targets": ["anthropic/claude-haiku-4-5"]}),
    Resource("virtual_keys", "nb-one", {"team": "research", "policy_rules": ["no-shell"], "providers": ["openai"]}),
    Resource("virtual_keys", "nb-two", {"team": "research"}),
    Resource("virtual_keys", "new-name", {}),
    Resource("virtual_keys", "ci-evals", {"models_allowed": ["gpt-5*"], "expires_at": "2027-02-01T00:00:00Z"}),
    Resource("budgets", "research", {"scope": {"team": "research"}, "window": "month", "limit_usd": "50"}),
)
FIGURES = Figures(
    NOW,
    budgets={"research": [BudgetFigures(61_000_000_000, ["nb-one", "nb-two"], NOW + 160 * HOUR)]},
    keys={
        "nb-one": KeyFigures({"openai/gpt-5-mini": 59, "anthropic/claude-haiku-4-5": 41}, 10, NOW - HOUR),
        "old-demo": KeyFigures({"openai/gpt-5": 2_000}, 318, NOW - 2 * HOUR),
    },
    asked={"fast": 40},
    prices={"openai/gpt-5-mini": (250, 2_000), "anthropic/claude-haiku-4-5": (1_000, 5_000)},
)


def example():
    live = live_of(BEFORE)
    drifted = live.resources["budgets", "research"]
    spec = {**drifted.resource.spec, "limit_usd": "120"}
    edited = msgspec.structs.replace(drifted, resource=msgspec.structs.replace(drifted.resource, spec=spec))
    theirs = LiveResource(Resource("teams", "data", {}), "data-science", 2, {}, False, "x", NOW)
    resources = {**live.resources, ("budgets", "research"): edited, ("teams", "data"): theirs}
    return msgspec.structs.replace(live, resources=resources, control_plane="prod")


def planned(after=AFTER, live=None, *, moves=None, targets=(), figures=FIGURES, owner="platform", **how):
    desired = Desired(owner, after, moves or {}, Source("0123456789abcdef", "4f2c9e1"))
    found = (lambda _changes: figures) if figures is not None else None
    return make_plan(desired, live or example(), plan_id="pl_01", now=NOW, extent=Extent(targets, **how), figures=found)


MOVES = {("virtual_keys", "renamed"): ("virtual_keys", "new-name")}


def test_a_plan_on_a_terminal(snapshot):
    assert "\n".join(line.text for line in lines(planned(moves=MOVES).plan)) == snapshot


def test_a_plan_on_a_pull_request(snapshot):
    assert markdown(planned(moves=MOVES).plan) == snapshot


def test_a_plan_for_machines(snapshot):
    assert json(planned(moves=MOVES).plan) == snapshot


def test_no_changes(snapshot):
    plan = planned(BEFORE, live_of(BEFORE), figures=None).plan

    assert plan.is_empty
    assert "\n".join(line.text for line in lines(plan)) == snapshot


def change(plan, address):
    return next(one for one in plan.resource_changes if one.address == address)


def key(**spec):
    return Resource("virtual_keys", "k", spec)


def budget(**spec):
    return Resource("budgets", "b", {"scope": {"organization": "acme"}, "window": "day", "limit_usd": "5", **spec})


def model(**spec):
    return Resource("models", "m", spec)


OTHER_MODELS = tuple(Resource("models", name, {"at": {"a": "x"}}) for name in ("n", "o"))


def rules(**spec):
    return Resource("policy_rules", "r", spec)


def rotated(number):
    return {"previous_secret_hash": hash_of(number), "previous_secret_expires_at": "2027-01-01T00:00:00Z"}


def price(amount):
    return Resource("prices", "a/x", {"input_usd_per_mtok": amount, "output_usd_per_mtok": "1"})


def setting(name, value):
    return Resource("settings", name, {"value": value})


def file_capture(**value):
    return Resource("settings", "content_capture", {"value": value})


def collector(**spec):
    return Resource("trace_collectors", "c", {"endpoint": "https://c.example", **spec})


PROVIDERS = (Resource("providers", "a", {"type": "simulator"}), Resource("providers", "b", {"type": "simulator"}))
ACME = Resource("settings", "organization", {"value": "acme"})


@pytest.mark.parametrize(
    ("before", "after", "access"),
    [
        (key(), key(models_allowed=["gpt-5*"]), "narrows"),
        (key(models_allowed=["gpt-5*"]), key(), "widens"),
        (key(models_allowed=["a"]), key(models_allowed=["a", "b"]), "widens"),
        (key(models_allowed=["a", "b"]), key(models_allowed=["b"]), "narrows"),
        (key(providers=["a"]), key(providers=["a", "b"]), "widens"),
        (key(providers=["a", "b"]), key(providers=["b", "a"]), "same"),
        (key(rate_limits={"rpm": 10}), key(rate_limits={"rpm": 11}), "widens"),
        (key(rate_limits={"rpm": 10}), key(rate_limits={"rpm": 9}), "narrows"),
        (key(rate_limits={"rpm": 10}), key(), "widens"),
        (key(expires_at="2027-01-01T00:00:00Z"), key(expires_at="2027-01-01T00:00:00.500000Z"), "widens"),
        (key(expires_at="2027-01-01T00:00:00Z"), key(), "widens"),
        (key(state="disabled"), key(state="active"), "widens"),
        (key(state="active"), key(state="revoked"), "narrows"),
        (key(secret_hash=hash_of(1)), key(secret_hash=hash_of(2)), "widens"),
        (key(secret_hash=hash_of(2), **rotated(1)), key(secret_hash=hash_of(1)), "widens"),
        (key(secret_hash=hash_of(1)), key(secret_hash=hash_of(1), **rotated(2)), "widens"),
        (key(secret_hash=hash_of(1), **rotated(2)), key(secret_hash=hash_of(1), **rotated(3)), "widens"),
        (key(policy_rules=["r"]), key(), "widens"),
        (key(), key(policy_rules=["r"]), "narrows"),
        (key(tags=["a"]), key(tags=["b"]), "may_widen"),
        (key(description="x"), key(description="y"), "same"),
        (key(model_aliases={"f": ["a/x"]}), key(model_aliases={"f": ["b/x"]}), "may_widen"),
        (model(at={"a": "x"}), model(at={"a": "x", "b": "y"}), "widens"),
        (model(at={"a": "x"}), model(at={"a": "z"}), "widens"),
        (model(at={"a": "x", "b": "y"}), model(at={"a": "x"}), "narrows"),
        (model(split={"n": 9}), model(split={"n": 9, "o": 1}), "widens"),
        (model(split={"n": 9, "o": 1}), model(split={"n": 5, "o": 5}), "same"),
        (model(split={"n": 9, "o": 1}), model(split={"n": 9}), "narrows"),
        (model(at={"a": "x"}, fallback=["n"]), model(at={"a": "x"}, fallback=["n", "o"]), "widens"),
        (model(at={"a": "x"}, fallback=["n", "o"]), model(at={"a": "x"}, fallback=["o", "n"]), "same"),
        (model(split={"n": 9, "o": 1}), model(split={"n": 9, "o": 1}, sticky="principal"), "same"),
        (rules(tools={"deny": ["a", "b"]}), rules(tools={"deny": ["b"]}), "widens"),
        (rules(tools={"deny": ["b"]}), rules(tools={"deny": ["a", "b"]}), "narrows"),
        (rules(tools={"allow": ["b"]}), rules(tools={"allow": ["a", "b"]}), "widens"),
        (rules(tools={"allow": []}), rules(tools={}), "widens"),
        (rules(tools={"deny": ["a"]}), rules(), "widens"),
        (rules(), rules(urls={"deny": ["a"]}), "narrows"),
        (budget(), budget(limit_usd="5.01"), "widens"),
        (budget(), budget(limit_usd="4.99"), "narrows"),
        (budget(), budget(on_breach="warn"), "widens"),
        (budget(on_breach="warn"), budget(), "narrows"),
        (budget(), budget(unpriced="allow"), "widens"),
        (budget(), budget(window="month"), "may_widen"),
        (budget(protected=True), budget(), "widens"),
        (price("1"), price("0.5"), "same"),
        (setting("organization", "acme"), setting("organization", "umbrella"), "same"),
        (setting("on_missing_usage", "charge_estimate"), setting("on_missing_usage", "charge_zero"), "widens"),
        (key(), key(content_capture={"enabled": True}), "widens"),
        (key(content_capture={"enabled": True}), key(), "narrows"),
        (key(content_capture={"enabled": False}), key(), "may_widen"),
        (key(content_capture={"redact": ["a", "b"]}), key(content_capture={"redact": ["b"]}), "widens"),
        (key(), key(content_capture={"redact": ["a"]}), "narrows"),
        (file_capture(redact=["a"]), file_capture(redact=["a"], enabled=True), "widens"),
        (file_capture(enabled=True), file_capture(redact=["a"], enabled=True), "narrows"),
        (file_capture(max_body_bytes=1), file_capture(), "widens"),
        (file_capture(enabled=True), file_capture(enabled=True, max_attribute_bytes=512), "narrows"),
        (collector(), collector(endpoint="https://d.example"), "widens"),
        (collector(headers={"x-key": Secret("a")}), collector(headers={"x-key": Secret("b")}), "may_widen"),
        (collector(sampling_ratio="0.1"), collector(sampling_ratio="0.2"), "widens"),
        (collector(), collector(sampling_ratio="0.2"), "narrows"),
        (collector(), collector(also_to_default=True), "widens"),
    ],
)
def test_access(before, after, access):
    others = (*PROVIDERS, *((rules(),) if before.kind == "virtual_keys" else ()))
    others = others if before.name == "organization" else (*others, ACME)
    others = (*others, *OTHER_MODELS) if before.kind == "models" else others
    plan = planned((*others, after), live_of((*others, before)), figures=None).plan

    assert plan.errors == []
    assert [str(one.access) for one in plan.resource_changes] == [access]


def test_what_is_new_grants_and_does_not_widen():
    wanted = (*PROVIDERS, ACME, price("1"), setting("log_level", "info"), key(), budget(), rules())

    made = planned(wanted, live_of(()), figures=None).plan

    assert {one.address: str(one.access) for one in made.resource_changes} == {
        "providers.a": "grants",
        "providers.b": "grants",
        "settings.organization": "same",
        "settings.log_level": "same",
        "prices.a/x": "same",
        "virtual_keys.k": "grants",
        "budgets.b": "narrows",
        "policy_rules.r": "narrows",
    }
    assert made.requires == []


def test_a_setting_that_is_new_is_judged_against_its_default():
    wanted = (setting("on_missing_usage", "charge_zero"), file_capture(enabled=True), setting("reservations", {}))

    made = planned(wanted, live_of(()), figures=None).plan

    assert [(one.name, str(one.access)) for one in made.resource_changes] == [
        ("content_capture", "widens"),
        ("on_missing_usage", "widens"),
        ("reservations", "may_widen"),
    ]


IN_USE = Figures(NOW, keys={"k": KeyFigures({"a/x": 900}, 257, NOW - HOUR)})
LATER = {"previous_secret_hash": hash_of(1), "previous_secret_expires_at": "2026-12-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("before", "after", "said", "refuses"),
    [
        (
            key(secret_hash=hash_of(1)),
            key(secret_hash=hash_of(2)),
            ["the secret that it has is refused at once: 257 requests in the last 24 h"],
            True,
        ),
        (
            key(secret_hash=hash_of(1)),
            key(secret_hash=hash_of(2), **LATER),
            ["the secret that it has is refused from 1 Dec 2026 00:00 UTC on; 257 requests in the last 24 h"],
            False,
        ),
        (
            key(secret_hash=hash_of(2), **LATER),
            key(secret_hash=hash_of(1)),
            ["the secret that it has is refused at once: 257 requests in the last 24 h"],
            True,
        ),
        (
            key(secret_hash=hash_of(2), **LATER),
            key(secret_hash=hash_of(3), **{**LATER, "previous_secret_hash": hash_of(2)}),
            [
                "the secret before the last rotation is refused at once: 257 requests in the last 24 h",
                "the secret that it has is refused from 1 Dec 2026 00:00 UTC on; 257 requests in the last 24 h",
            ],
            True,
        ),
        (key(secret_hash=hash_of(1), state="disabled"), key(secret_hash=hash_of(2), state="disabled"), [], False),
    ],
)
def test_another_secret_says_who_is_refused(before, after, said, refuses):
    plan = planned((*PROVIDERS, after), live_of((*PROVIDERS, before)), figures=IN_USE).plan

    (change,) = plan.resource_changes
    assert [one.text for one in change.consequences] == said
    assert any(one.refuses_traffic for one in change.consequences) is refuses
    assert change.access is Access.WIDENS
    assert [one.code for one in plan.requires] == (["widen", "refuse_traffic"] if refuses else ["widen"])


@pytest.mark.parametrize("state", ["disabled", "revoked"])
def test_a_key_that_was_ended_outside_the_file_is_told_and_stays_so(state):
    live = live_of((*PROVIDERS, key(secret_hash=hash_of(1))))
    one = live.resources["virtual_keys", "k"]
    ended = msgspec.structs.replace(one, resource=key(secret_hash=hash_of(1), state=state), changed_by="on-call")
    live = msgspec.structs.replace(live, resources={**live.resources, ("virtual_keys", "k"): ended})

    plan = planned((*PROVIDERS, key()), live, figures=None).plan

    assert plan.is_empty
    assert [(one.address, one.path, one.live, one.effect, one.changed_by) for one in plan.drift] == [
        ("virtual_keys.k", "/state", state, "kept", "on-call")
    ]
    assert plan.summary.outside_edits == 0
    assert "virtual_keys.k.state   (default) -> " + state + "   on-call, 22 Nov 2026" in "\n".join(
        one.text for one in lines(plan)
    )
    finally_gone = ["virtual_keys.k is revoked, which is final: take it out of the file"]
    assert plan.warnings == (finally_gone if state == "revoked" else [])
    lifted = planned((*PROVIDERS, key(state="active")), live, figures=None).plan
    assert [one.effect for one in lifted.drift] == ["overwritten"]


NAMING = (
    Resource("trace_collectors", "c", {"endpoint": "https://c.example"}),
    Resource("teams", "t", {"trace_collector": "c"}),
    Resource("projects", "p", {"team": "t", "trace_collector": "c"}),
    Resource("principals", "ada", {"team": "t"}),
    Resource("providers", "a", {"type": "simulator"}),
    Resource("providers", "model", {"type": "simulator"}),
    Resource("policy_rules", "r", {"tools": {"deny": ["^x"]}}),
    Resource("model_aliases", "fast", {"targets": ["a/x", {"balance": {"a": 2, "model": 1}, "model": "x"}]}),
    key(
        project="p",
        principal="ada",
        providers=["a", "model"],
        policy_rules=["r", {"tools": {"deny": ["^y"]}}],
        models_allowed=["a/x", "model", "x*"],
        model_aliases={"f": ["model/x", {"balance": {"a": 2}, "model": "x"}]},
        fallback={"chain": ["a", "model"]},
        secret_hash=hash_of(1),
    ),
    Resource("virtual_keys", "of-team", {"team": "t", "secret_hash": hash_of(2)}),
    *(
        Resource("budgets", f"of-{kind}", {"scope": {kind: name}, "window": "day", "limit_usd": "5", "provider": "a"})
        for kind, name in (("team", "t"), ("project", "p"), ("principal", "ada"), ("virtual_key", "k"))
    ),
    Resource("prices", "a/x", {"input_usd_per_mtok": "1", "output_usd_per_mtok": "1"}),
    Resource("settings", "fallback", {"value": {"chain": ["model", "a"]}}),
    Resource("settings", "trace_collector", {"value": "c"}),
)
"""Every place where one resource names another."""


def renaming(resources, kind, old, new):
    """The resources under another name, and with the references that people would write."""
    names = {(kind, old): new}
    return tuple(
        Resource(
            one.kind,
            names.get((one.kind, one.name)) or prices_renamed((one.kind, one.name), names)[1],
            renamed(one.kind, one.name, one.spec, names),
        )
        for one in resources
    )


@pytest.mark.parametrize(
    ("kind", "name", "touched"),
    [
        ("trace_collectors", "c", 4),
        ("teams", "t", 5),
        ("projects", "p", 3),
        ("principals", "ada", 3),
        ("providers", "a", 9),
        ("providers", "model", 4),
        ("policy_rules", "r", 2),
        ("model_aliases", "fast", 1),
        ("virtual_keys", "k", 2),
        ("budgets", "of-team", 1),
    ],
)
def test_a_rename_is_no_widening_wherever_the_name_stands(kind, name, touched):
    after = renaming(NAMING, kind, name, "new")

    plan = planned(after, live_of(NAMING), moves={(kind, name): (kind, "new")}, figures=Figures(NOW)).plan

    assert plan.errors == []
    assert {str(one.access) for one in plan.resource_changes} == {"same"}
    assert (plan.summary.move + plan.summary.update, plan.summary.changes) == (touched, touched)
    told = [follows.text for one in plan.resource_changes for follows in one.consequences]
    assert told == ([f"clients that ask for {name} find it no more"] if kind == "model_aliases" else [])
    assert refusals(plan, Allowed(no_widen=True, no_refuse_traffic=True)) == []


def test_what_widens_beside_a_rename_is_told_as_that():
    after = [
        msgspec.structs.replace(one, spec={**one.spec, "providers": ["new", "model", "b"]}) if one.name == "k" else one
        for one in (*renaming(NAMING, "providers", "a", "new"), PROVIDERS[1])
    ]

    plan = planned(after, live_of(NAMING), moves={("providers", "a"): ("providers", "new")}, figures=None).plan

    found = {field.path: field for field in change(plan, "virtual_keys.k").changes}
    assert (found["/providers"].before, found["/providers"].after) == (["a", "model"], ["new", "model", "b"])
    assert {path: str(one.access) for path, one in found.items()} == {
        "/fallback/chain": "same",
        "/model_aliases/f": "same",
        "/models_allowed": "same",
        "/providers": "widens",
    }


def test_a_name_that_means_somebody_else_than_before_may_widen():
    """Nothing was renamed: a provider is gone, another is there."""
    plan = planned(renaming(NAMING, "providers", "a", "new"), live_of(NAMING), figures=None).plan

    assert {one.address: str(one.access) for one in plan.resource_changes}["virtual_keys.k"] == "widens"


def of_unit(**limit):
    """A budget that counts something else than money."""
    one = budget()
    return msgspec.structs.replace(
        one, spec={name: said for name, said in one.spec.items() if name != "limit_usd"} | limit
    )


LIMIT, END, ONE = "${env:LIMIT}", "${env:END}", "${env:ONE}"


@pytest.mark.parametrize(
    ("before", "after", "references", "said"),
    [
        (
            budget(limit_usd="100"),
            budget(limit_usd="37"),
            {"/limit_usd": LIMIT},
            ["$61.00 of ${env:LIMIT} already spent: 1 key will be refused until 1 Dec 2026 00:46 UTC (k)"],
        ),
        (
            of_unit(limit_tokens=10**12),
            of_unit(limit_tokens=10),
            {},
            ["61,000,000,000 tokens of 10 tokens already spent: 1 key will be refused until 1 Dec 2026 00:46 UTC (k)"],
        ),
        (budget(limit_usd="100"), of_unit(limit_requests=5), {}, []),
        (
            key(secret_hash=hash_of(1)),
            key(secret_hash=hash_of(2), **LATER),
            {"/previous_secret_expires_at": END},
            ["the secret that it has is refused from ${env:END} on; 257 requests in the last 24 h"],
        ),
        (
            rules(tools={"deny": ["99", "b"]}),
            rules(tools={"deny": ["b", "37"]}),
            {"/tools/deny/1": ONE},
            [
                "tools matching 99 are no longer denied to 1 key (k)",
                "tools matching ${env:ONE} will be denied to 1 key (k)",
            ],
        ),
    ],
    ids=["amount", "tokens", "another unit", "moment", "member of a list"],
)
def test_sentences_show_what_the_file_has_in_place_of_values(before, after, references, said):
    figures = msgspec.structs.replace(IN_USE, budgets={"b": [BudgetFigures(61_000_000_000, ["k"], NOW + 160 * HOUR)]})
    k = (
        ()
        if before.kind == "virtual_keys"
        else (key(secret_hash=hash_of(1), policy_rules=["r"] if before.kind == "policy_rules" else []),)
    )
    others = (*PROVIDERS, ACME, *k)
    after = msgspec.structs.replace(after, references=references)

    plan = planned((*others, after), live_of((*others, before)), figures=figures).plan

    assert [one.text for one in change(plan, before.address).consequences] == said
    assert "37" not in "".join(one.text for one in lines(plan)).replace(f"{37:064x}", "")


OF_THE_PROCESS = "the collector of the gateways' OTEL_* variables"


def readable(before, after):
    """What a plan says of every change: address, access, and who can read what."""
    plan = planned((*PROVIDERS, *after), live_of((*PROVIDERS, *before)), figures=Figures(NOW)).plan
    assert plan.errors == []
    return [(one.address, str(one.access), [said.text for said in one.consequences]) for one in plan.resource_changes]


def test_switching_capture_on_says_whose_prompts_can_be_read_and_where():
    to_c = Resource("projects", "p", {"trace_collector": "c"})
    k = key(project="p", secret_hash=hash_of(1))
    other = Resource("virtual_keys", "other", {"secret_hash": hash_of(2)})

    assert readable((collector(), to_c, k, other), (collector(), to_c, k, other, file_capture(enabled=True))) == [
        (
            "settings.content_capture",
            "widens",
            [
                f"prompts and answers of other can be read in {OF_THE_PROCESS}, if they name one",
                "prompts and answers of k can be read in the trace collector c (https://c.example)",
            ],
        )
    ]
    off = key(project="p", secret_hash=hash_of(1), content_capture={"enabled": False})
    assert readable((collector(), to_c, off), (collector(), to_c, off, file_capture(enabled=True)))[0][2] == []


def test_another_collector_says_whose_prompts_can_be_read_there():
    k = key(team="t", secret_hash=hash_of(1), content_capture={"enabled": True})
    bare, to_c = Resource("teams", "t", {}), Resource("teams", "t", {"trace_collector": "c"})
    moved = collector(endpoint="https://d.example", also_to_default=True)

    assert readable((bare, k), (to_c, k, collector())) == [
        ("trace_collectors.c", "same", []),
        ("teams.t", "widens", ["prompts and answers of k can be read in the trace collector c (https://c.example)"]),
    ]
    assert readable((to_c, k, collector()), (to_c, k, moved)) == [
        (
            "trace_collectors.c",
            "widens",
            [
                "prompts and answers of k can be read in the trace collector c (https://d.example), and in that of the gateways' OTEL_* variables"
            ],
        )
    ]
    assert readable((to_c, k, collector()), (bare, k, collector()))[0][1] == "may_widen"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (key(models_allowed=["a", "b"]), key(models_allowed=["b", "a"])),
        (key(content_capture={"redact": ["a", "b"]}), key(content_capture={"redact": ["b", "a"]})),
        (file_capture(redact=["a", "b"]), file_capture(redact=["b", "a"])),
        (key(tags=["a", "a"]), key(tags=["a"])),
        (rules(tools={"deny": ["a", "b"]}), rules(tools={"deny": ["b", "a"]})),
        (key(secret_hash=hash_of(1), previous_secret_hash=hash_of(2)), key()),
        (key(secret_hash=hash_of(1), state="disabled"), key()),
    ],
)
def test_what_is_no_change(before, after):
    others = (*PROVIDERS, ACME)

    plan = planned((*others, after), live_of((*others, before)), figures=None).plan

    assert plan.is_empty
    assert plan.drift == []


def test_the_order_of_targets_is_a_change():
    before = Resource("model_aliases", "f", {"targets": ["a/x", "b/x"]})
    after = Resource("model_aliases", "f", {"targets": ["b/x", "a/x"]})

    assert planned((*PROVIDERS, after), live_of((*PROVIDERS, before))).plan.summary.update == 1


def test_another_type_of_provider_replaces_it():
    before = Resource("providers", "a", {"type": "openai", "api_key": Secret("x")})

    plan = planned((PROVIDERS[0],), live_of((before,)), figures=None).plan

    assert plan.resource_changes[0].symbol == "-/+"


def test_what_another_owner_has_is_an_error_and_no_change():
    live = live_of((Resource("teams", "research", {}),), owner="data-science")

    made = planned((Resource("teams", "research", {"description": "mine"}),), live, figures=None)

    (error,) = made.plan.errors
    assert "belongs to data-science, and this file's owner is platform" in error
    assert made.plan.is_empty
    assert made.writes == ()


def test_what_others_refer_to_cannot_be_deleted():
    live = live_of((*PROVIDERS, key(providers=["a"], secret_hash=hash_of(1))))
    theirs = {
        at: msgspec.structs.replace(one, owner="data" if at[0] == "virtual_keys" else "platform")
        for at, one in live.resources.items()
    }

    plan = planned((PROVIDERS[1],), msgspec.structs.replace(live, resources=theirs), figures=None).plan

    assert "virtual_keys.k: error[unknown-reference] there is no provider named 'a'" in plan.errors[0]


@pytest.mark.parametrize(("many", "told"), [(2, 2), (11, 11), (12, 11)])
def test_models_without_a_price_are_told(many, told):
    (known, *_), models = PROVIDERS, [f"x{number:02}" for number in range(many)]
    wanted = msgspec.structs.replace(known, name="a", spec={**known.spec, "models": models})
    theirs = msgspec.structs.replace(known, name="theirs", spec={**known.spec, "models": ["y"]})

    made = planned((wanted,), live_of((theirs,), owner="others"), figures=None)

    assert len(made.plan.warnings) == told
    assert made.plan.warnings[0] == "nobody knows what a/x00 costs: it counts as nothing"
    assert (made.plan.warnings[-1] == "2 more models have no price") is (many > told)


def test_a_target_brings_what_it_needs():
    wanted = (
        Resource("teams", "new", {}),
        Resource("projects", "p", {"team": "new"}),
        Resource("teams", "unrelated", {}),
        *PROVIDERS,
        key(project="p", model_aliases={"f": ["a/x"]}),
    )

    made = planned(wanted, live_of(()), targets=[("virtual_keys", "k"), ("teams", "nowhere")], figures=None)

    told = {one.address: one.pulled_in_by for one in made.plan.resource_changes}
    assert told == {
        "teams.new": "projects.p",
        "projects.p": "virtual_keys.k",
        "providers.a": "virtual_keys.k",
        "virtual_keys.k": None,
    }
    assert made.plan.errors == ["--target: teams.nowhere is neither in the file nor its owner's"]
    assert not made.plan.applyable
    assert not made.plan.complete


@pytest.mark.parametrize(
    ("deleted", "of", "flag"), [(2, 2, None), (3, 10, None), (3, 9, "--allow-delete 3"), (9, 9, "--allow-delete 9")]
)
def test_many_deletions_need_their_number(deleted, of, flag):
    teams = [Resource("teams", f"t{number}", {}) for number in range(of)]

    plan = planned(teams[deleted:], live_of(teams), figures=None).plan

    assert [one.flag for one in plan.requires if one.code == "delete"] == ([flag] if flag else [])
    assert bool(refusals(plan, Allowed(empty=True))) is (flag is not None)
    assert refusals(plan, Allowed(delete=deleted, empty=True)) == []


@pytest.mark.parametrize("wanted", [(), (Resource("teams", "another", {}),)])
def test_deleting_all_that_an_owner_has_needs_a_flag_of_its_own(wanted):
    live = live_of((Resource("teams", "t", {}), Resource("projects", "p", {"team": "t"})))
    theirs = LiveResource(Resource("teams", "data", {}), "data-science", 2, {}, False, "x", NOW)
    live = msgspec.structs.replace(live, resources={**live.resources, ("teams", "data"): theirs})

    plan = planned(wanted, live, figures=None).plan

    assert refusals(plan, Allowed(delete=100)) == [
        "it deletes all that its owner has: teams.t, projects.p; if that is meant, say --allow-empty"
    ]
    assert refusals(plan, Allowed(empty=True)) == []


def test_what_the_file_does_not_have_is_left_where_that_is_asked_for():
    had, has = Resource("teams", "old", {}), Resource("teams", "new", {})

    made = planned((has,), live_of((had, Resource("projects", "p", {"team": "old"}))), figures=None, no_delete=True)

    plan = made.plan
    assert [one.address for one in plan.resource_changes] == ["teams.new"]
    assert [one.key for one in made.writes] == [("teams", "new")]
    assert plan.skipped == ["teams.old", "projects.p"]
    assert (plan.summary.delete, plan.summary.skipped, plan.complete) == (0, 2, False)
    assert plan.requires == []
    told = "\n".join(one.text for one in lines(plan))
    assert "Left although the file does not have it (--no-delete): teams.old, projects.p." in told
    assert "Plan: 1 to create, 0 to change, 0 to remove. 2 skipped." in told


def edited_outside():
    """The live side after others were at work: one thing changed back and forth, one changed, one made, one deleted."""
    live = live_of((Resource("teams", "same", {}), Resource("teams", "changed", {"description": "a"})))

    def now(name, spec, applied):
        one = live.resources["teams", "changed"]
        return msgspec.structs.replace(one, resource=Resource("teams", name, spec), applied=applied)

    others = {
        ("teams", "changed"): now("changed", {"description": "b"}, {"description": "a"}),
        ("teams", "caught-up"): now("caught-up", {"description": "b"}, {"description": "a"}),
        ("teams", "made"): now("made", {"description": "c"}, None),
    }
    removed = {("teams", "deleted"): Removal({}, "on-call", NOW - HOUR)}
    return msgspec.structs.replace(live, resources={**live.resources, **others}, removed=removed)


WITHOUT_THEM = (
    Resource("teams", "same", {}),
    Resource("teams", "changed", {"description": "a"}),
    Resource("teams", "caught-up", {"description": "b"}),
    Resource("teams", "deleted", {}),
)
OVERWRITTEN = [
    ("teams.changed", "/description", "overwritten"),
    ("teams.deleted", "", "overwritten"),
    ("teams.made", "", "overwritten"),
]
CAUGHT_UP = ("teams.caught-up", "/description", "already_matches")


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({}, OVERWRITTEN),
        ({"drift": "all"}, [CAUGHT_UP, *OVERWRITTEN]),
        ({"drift": "none"}, []),
        ({"no_delete": True}, [*OVERWRITTEN[:2], ("teams.made", "", "kept")]),
        ({"targets": [("teams", "same"), ("teams", "deleted")]}, [OVERWRITTEN[1]]),
    ],
)
def test_what_was_changed_outside_the_file_is_told_as_was_asked(how, told):
    plan = planned(WITHOUT_THEM, edited_outside(), figures=None, **how).plan

    assert [(one.address, one.path, one.effect) for one in plan.drift] == told
    overwritten = 1 if "targets" in how else 2 if "no_delete" in how else 3
    assert plan.summary.outside_edits == overwritten
    (guard,) = [one for one in plan.requires if one.code == "outside_edits"]
    assert guard.flag == "--discard-outside-edits"
    assert refusals(plan, Allowed()) == [f"{guard.text}; if that is meant, say --discard-outside-edits"]
    assert refusals(plan, Allowed(discard_outside_edits=True)) == []


def test_looking_for_changes_outside_the_file_alone_plans_nothing(snapshot):
    made = planned(WITHOUT_THEM, edited_outside(), figures=None, drift_only=True)

    plan = made.plan
    assert (plan.is_empty, plan.applyable, plan.complete, plan.requires, made.writes) == (True, False, False, [], ())
    assert "\n".join(one.text for one in lines(plan)) == snapshot
    assert "\n4 changes made outside the file since the last apply. **Partial.**\n" in markdown(plan)
    nothing = planned(WITHOUT_THEM, live_of(WITHOUT_THEM), figures=None, drift_only=True).plan
    assert [one.text for one in lines(nothing)][-1] == "Nothing was changed outside the file since the last apply."


def test_nothing_deletes_what_is_protected():
    teams = [Resource("teams", "t", {"protected": True})]

    plan = planned((), live_of(teams), figures=None).plan

    assert refusals(plan, Allowed(delete=100, empty=True)) == ["teams.t is protected: first apply `protected: false`"]


def test_guards_that_a_team_asks_for():
    plan = planned(moves=MOVES).plan

    assert refusals(plan, Allowed(delete=1, discard_outside_edits=True)) == []
    assert refusals(plan, Allowed(delete=1, discard_outside_edits=True, no_widen=True)) == [
        "2 changes widen access, or may (--no-widen)"
    ]
    assert (
        len(refusals(plan, Allowed(delete=1, discard_outside_edits=True, no_widen=True, no_refuse_traffic=True))) == 2
    )


def test_plans_are_deterministic():
    one, other = planned(moves=MOVES).plan, planned(tuple(reversed(AFTER)), moves=MOVES).plan

    assert one == other
    assert planned(BEFORE).plan.digest != one.digest


def test_no_secret_is_in_a_plan_its_renderings_or_its_repr():
    plan = planned(moves=MOVES).plan

    for text in (json(plan), markdown(plan), repr(plan), "".join(line.text for line in lines(plan))):
        assert "(sensitive, changed)" in text
        assert CANARY not in text


def test_people_are_shown_the_beginning_of_a_hash_and_machines_all_of_it():
    minted = Resource("virtual_keys", "minted", {"secret_hash": "hmac-sha256:" + "0123456789abcdef" * 4})
    plan = planned((*AFTER, minted), moves=MOVES).plan

    shown = "".join(line.text for line in lines(plan))
    assert "hmac-sha256:01234567\u2026" in shown
    assert "hmac-sha256:012345678" not in shown
    assert minted.spec["secret_hash"] in json(plan)


def test_a_reference_that_nodes_resolve_is_no_secret():
    before = Resource("providers", "a", {"type": "openai", "api_key": Secret("${runtime-env:OLD}")})
    after = Resource("providers", "a", {"type": "openai", "api_key": Secret("${runtime-env:NEW}")})

    plan = planned((after,), live_of((before,)), figures=None).plan

    (field,) = plan.resource_changes[0].changes
    assert (field.before, field.after) == ("${runtime-env:OLD}", "${runtime-env:NEW}")


def test_plan_files():
    saved = SavedPlan(planned(moves=MOVES).plan, "sealed")

    assert read(written(saved)) == saved


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a JSON object"),
        (b"[" * 100_000, "not a JSON object"),
        (b"{}", "`gateway plan --out FILE` writes one"),
        (b'{"format_version": "1.0", "sealed": ""}', "has the format 1.0; this gateway reads 2.0: make it anew"),
        (b'{"format_version": "2.0", "sealed": ""}', "is damaged: Object missing required field"),
    ],
)
def test_files_that_are_no_plans(content, message):
    with pytest.raises(PlanFileError, match=message):
        read(content)


HOSTILE = "|`@everyone`<script>alert(1)</script>\n# [x](javascript:1) ![i](http://e) &amp; *b* ~~s~~ \\"


def test_hostile_names_stay_text():
    team = Resource("teams", "t", {"description": HOSTILE})

    text = markdown(planned((team,), live_of((Resource("teams", "t", {"description": "x"}),)), figures=None).plan)

    row = next(line for line in text.splitlines() if "teams.t" in line)
    assert row.count("|") == 5
    assert not any(mark in row for mark in ("@", "<script", "](", "`", "\\", "![", "*"))


@pytest.mark.parametrize("budget", [BUDGET, 3_000])
def test_a_comment_is_never_longer_than_a_platform_takes(budget):
    teams = [Resource("teams", f"t{number}", {"description": "x" * 200}) for number in range(2_000)]

    text = markdown(planned(teams, live_of(()), figures=None).plan, budget)

    assert len(text) <= budget
    assert "more; see the whole plan" in text
    assert "2000 to create" in text


SPECS = st.fixed_dictionaries(
    {},
    optional={
        "tags": st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3),
        "models_allowed": st.lists(st.sampled_from(["gpt-*", "claude-*"]), max_size=2),
        "description": st.text(string.printable.replace("$", ""), max_size=5),
        "rate_limits": st.fixed_dictionaries({"rpm": st.integers(1, 9)}),
        "state": st.sampled_from(["active", "disabled"]),
        "protected": st.just(True),
    },
)
KEYS = st.dictionaries(st.sampled_from("abcdef"), SPECS, max_size=6)


@given(KEYS, KEYS)
def test_what_is_applied_is_not_planned_again(before, after):
    had = [*PROVIDERS, *(Resource("virtual_keys", name, spec) for name, spec in before.items())]
    wanted = [*PROVIDERS, *(Resource("virtual_keys", name, spec) for name, spec in after.items())]
    made = planned(wanted, live_of(had), figures=None)
    resources = {(one.kind, one.name): one for one in had}
    for write in made.writes:
        resources.pop(write.previous or write.key, None)
        if write.resource is not None:
            resources[write.key] = write.resource

    again = planned(wanted, live_of(resources.values()), figures=None).plan

    assert again.is_empty
    assert made.plan.errors == []
    assert {one.address for one in made.plan.resource_changes} >= {
        f"virtual_keys.{name}" for name in before.keys() ^ after.keys()
    }


def test_json_says_whether_it_can_be_applied():
    told = json_module.loads(json(planned(moves=MOVES).plan))

    assert told["applyable"] is True
    assert told["complete"] is True
    assert told["format_version"] == "2.0"
    assert told["created_at"] == "2026-11-24T08:46:40Z"
    assert told["expires_at"] == "2026-11-25T08:46:40Z"


def test_a_plan_that_the_version_before_applied_can_still_be_read():
    dump = (Path(__file__).parents[1] / "unit" / "storage" / "version_before" / "sqlite.sql").read_text()
    (stored,) = re.findall(
        r"^INSERT INTO applies VALUES\(.*'({\"format_version\":\"1\.0\".*})'\);$", dump, re.MULTILINE
    )

    plan = kept(json_module.loads(stored))

    assert plan.created_at.isoformat() == "2026-11-29T21:19:00.665062+00:00"
    assert (plan.applyable, plan.complete, plan.summary.create) == (True, True, 11)
    assert "\n".join(one.text for one in lines(plan)).startswith("b12141d56965 -> control plane aqh5x3   revision 0")


@pytest.mark.parametrize("live", [False, True], ids=["created", "changed"])
def test_the_work_of_a_plan_grows_with_its_keys_and_not_with_their_square(live):
    def calls(number):
        capture = file_capture(enabled=True)
        keys = [Resource("virtual_keys", f"k{one}", {"secret_hash": hash_of(one)}) for one in range(number)]
        changed = [msgspec.structs.replace(one, spec={**one.spec, "tags": ["a"]}) for one in keys]
        had = live_of((*PROVIDERS, capture, *keys) if live else ())
        found = 0

        def count(_frame, event, _argument):
            nonlocal found
            found += event == "call"

        sys.setprofile(count)
        try:
            planned((*PROVIDERS, capture, *changed), had, figures=Figures(NOW))
        finally:
            sys.setprofile(None)
        return found

    calls(10)
    assert calls(400) < 2.2 * calls(200)


def test_what_is_listed_widens_as_it_says():
    plan = planned(moves=MOVES).plan

    assert change(plan, "policy_rules.no-shell").access is Access.WIDENS
    assert change(plan, "model_aliases.fast").access is Access.MAY_WIDEN
    assert change(plan, "virtual_keys.ci-evals").access is Access.GRANTS
