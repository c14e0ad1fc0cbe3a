"""What a plan knows of use and spend: from the ledger in the same database."""

import pytest

from gateway.config.resources import Resource
from gateway.plan.render.lines import lines
from gateway.plan.render.markdown import markdown
from gateway.telemetry.decision_record import Charge
from gateway.usage import Served, Usage
from tests.unit.control_plane.test_applies import NOW, Plane, hash_of, key
from tests.unit.ledger.ledger_entries import entry, put

HOUR = 3_600_000_000
COUNTER = "budget:cap:team=core:window="


def config(**other):
    found = {
        "teams.core": {},
        "providers.sim": {"type": "simulator", "models": ["gpt-5-mini", "claude-haiku-4-5"]},
        "providers.standby": {"type": "simulator"},
        "model_aliases.fast": {"targets": ["sim/gpt-5-mini"]},
        "prices.sim/gpt-5-mini": {"input_usd_per_mtok": "1", "output_usd_per_mtok": "2"},
        "prices.sim/claude-haiku-4-5": {"input_usd_per_mtok": "2", "output_usd_per_mtok": "4"},
        "virtual_keys.busy": {"environment": "test", "team": "core", "secret_hash": hash_of(1)},
        "virtual_keys.idle": {"environment": "test", "team": "core", "secret_hash": hash_of(2)},
        "budgets.cap": {"scope": {"team": "core"}, "window": "total", "limit_usd": "100"},
        **other,
    }
    return [Resource(*address.split(".", 1), spec) for address, spec in found.items() if spec is not None]


def used(engine, plane):
    """A week of requests of one key: an alias, a model, and one of days ago."""
    span = "total"
    put(
        engine,
        *(
            entry(
                f"grq_{number:03}",
                occurred_at=NOW - (2 * HOUR if number < 30 else 60 * HOUR),
                virtual_key="busy",
                team="core",
                provider="sim",
                model="gpt-5-mini" if number < 30 else "claude-haiku-4-5",
                model_asked="fast" if number < 20 else ("gpt-5-mini" if number < 30 else "claude-haiku-4-5"),
                endpoint="chat_completions",
                usage=Usage(input_tokens=1_000, output_tokens=1_000),
                cost_nano_usd=2_000_000_000,
                budgets=(Charge(f"budget:cap:team=core:{span}=total", 2_000_000_000),),
            )
            for number in range(40)
        ),
    )
    plane.put_in_force(*config())


def test_consequences_come_from_the_ledger(engine, snapshot):
    plane = Plane(engine)
    used(engine, plane)
    wanted = config(
        **{
            "budgets.cap": {"scope": {"team": "core"}, "window": "total", "limit_usd": "50"},
            "virtual_keys.busy": {
                "environment": "test",
                "team": "core",
                "secret_hash": hash_of(1),
                "models_allowed": ["gpt-5*"],
            },
            "virtual_keys.idle": None,
            "model_aliases.fast": {"targets": ["sim/claude-haiku-4-5"]},
        }
    )

    plan = plane.plan(*wanted).plan

    assert "\n".join(line.text for line in lines(plan)) == snapshot(name="plan")


def test_a_provider_that_is_used_is_not_removed_in_silence(engine):
    plane = Plane(engine)
    used(engine, plane)
    wanted = config(
        **{
            "providers.sim": None,
            "model_aliases.fast": None,
            "prices.sim/gpt-5-mini": None,
            "prices.sim/claude-haiku-4-5": None,
        }
    )

    plan = plane.plan(*wanted).plan

    told = {one.address: [follows.text for follows in one.consequences] for one in plan.resource_changes}
    assert told["providers.sim"] == ["served 40 requests in the last 7 days, for busy"]
    assert told["model_aliases.fast"] == ["20 requests asked for it in the last 24 h"]


@pytest.mark.parametrize(
    ("had", "has", "moves", "told", "refuses"),
    [
        pytest.param(
            {},
            {"model_aliases.fast": None, "model_aliases.quick": {"targets": ["sim/gpt-5-mini"]}},
            {"model_aliases.fast": "model_aliases.quick"},
            "clients that ask for fast find it no more: 20 requests in the last 24 h",
            True,
            id="an alias that is asked for",
        ),
        pytest.param(
            {"model_aliases.idle": {"targets": ["sim/gpt-5-mini"]}},
            {"model_aliases.quiet": {"targets": ["sim/gpt-5-mini"]}},
            {"model_aliases.idle": "model_aliases.quiet"},
            "clients that ask for idle find it no more",
            False,
            id="an alias that nobody asked for",
        ),
        pytest.param(
            {"model_aliases.fast:fallback": {"targets": ["standby/gpt-5-mini"]}},
            {"model_aliases.quick:fallback": {"targets": ["standby/gpt-5-mini"]}},
            {"model_aliases.fast:fallback": "model_aliases.quick:fallback"},
            None,
            False,
            id="what no client asks for",
        ),
        pytest.param(
            {"model_aliases.standby/gpt-5": {"targets": ["sim/gpt-5-mini"]}},
            {
                "model_aliases.standby/gpt-5": {"targets": ["sim/gpt-5-mini"]},
                "providers.standby": None,
                "providers.spare": {"type": "simulator"},
            },
            {"providers.standby": "providers.spare"},
            "clients that ask for standby/... find it no more: 3 requests in the last 24 h",
            True,
            id="a provider that is written before models",
        ),
    ],
)
def test_a_rename_tells_that_clients_ask_for_the_name_before_it(engine, had, has, moves, told, refuses):
    plane = Plane(engine)
    used(engine, plane)
    for number, asked in enumerate(["standby/gpt-5-mini"] * 3 + ["standby/gpt-5", "standbygpt", "standby"]):
        put(engine, entry(f"grq_asked{number}", occurred_at=NOW - HOUR, virtual_key="busy", model_asked=asked))
    plane.put_in_force(*config(**had))

    plan = plane.plan(*config(**has), moves=[*moves.items()]).plan

    (moved,) = (one for one in plan.resource_changes if one.previous_address in moves)
    found = [(one.text, one.refuses_traffic) for one in moved.consequences if one.code == "renamed_for_clients"]
    assert found == ([(told, refuses)] if told else [])


def test_a_replay_says_what_would_have_been(engine, snapshot):
    plane = Plane(engine)
    used(engine, plane)
    wanted = config(
        **{
            "virtual_keys.busy": {
                "environment": "test",
                "team": "core",
                "secret_hash": hash_of(1),
                "models_allowed": ["claude-*"],
            },
            "model_aliases.fast": {"targets": ["sim/claude-haiku-4-5"]},
        }
    )

    saved = plane.plan(*wanted, replay_days=7)

    replay = saved.plan.replay
    assert (replay.requests, replay.rerouted, replay.refused, replay.admitted) == (40, 20, 10, 0)
    # 20 requests of 1,000 tokens each way at 1 and 2 dollars a million, 10 at twice that; then 30 at twice that.
    assert (replay.cost_before, replay.cost_after) == (120_000_000, 180_000_000)
    assert "\n".join(line.text for line in lines(saved.plan)).partition("Replay")[2] == snapshot(name="text")
    assert "<details><summary>Replay of 40 requests" in markdown(saved.plan)
    assert plane.apply(saved).revision == 2


def test_a_replay_knows_how_requests_were_served_and_leaves_out_those_without_a_model(engine):
    plane = Plane(engine)
    used(engine, plane)
    kept = {"occurred_at": NOW - HOUR, "virtual_key": "busy", "model_asked": "fast", "usage": Usage(input_tokens=10**6)}
    put(
        engine,
        entry("grq_unread", **{**kept, "model_asked": None, "status": 400, "outcome": "refused"}),
        entry("grq_fast", **{**kept, "served": Served(service_tier="priority")}),
        entry("grq_flex", **{**kept, "served": Served(service_tier="flex")}),
    )
    price = {"input_usd_per_mtok": "1", "output_usd_per_mtok": "2", "service_tiers": {"priority": {"times": 3}}}
    plane.put_in_force(*config(**{"prices.sim/gpt-5-mini": price}))

    aliases = {"model_aliases.fast": {"targets": ["sim/claude-haiku-4-5"]}}
    saved = plane.plan(*config(**{"prices.sim/gpt-5-mini": price, **aliases}), replay_days=7)

    replay = saved.plan.replay
    (difference,) = replay.differences
    assert (replay.requests, difference.requests) == (42, 22)
    # 30 requests at 0.003 dollars and 10 at 0.006, and a million tokens at three dollars and at one.
    assert replay.cost_before == 150_000_000 + 3_000_000_000 + 1_000_000_000
    # 10 at 0.003 and 30 at 0.006, and a million tokens twice at two.
    assert replay.cost_after == 210_000_000 + 2 * 2_000_000_000


def test_a_replay_of_a_key_that_goes(engine):
    plane = Plane(engine)
    used(engine, plane)

    replay = plane.plan(*config(**{"virtual_keys.busy": None}), replay_days=1).plan.replay

    assert (replay.requests, replay.refused) == (30, 30)
    assert {one.after for one in replay.differences} == {"there is no such key"}


def test_a_plan_of_keys_minted_at_apply_can_be_replayed(engine):
    plane = Plane(engine)
    used(engine, plane)

    replay = plane.plan(*config(), key("new"), replay_days=1).plan.replay

    assert replay.differences == []


def test_a_replay_refuses_what_was_warned_of_where_that_is_enforced(engine):
    plane = Plane(engine)
    used(engine, plane)
    busy = {"environment": "test", "team": "core", "secret_hash": hash_of(1), "policy_rules": ["no-shell"]}
    shell = {"deny": ["^Bash$"]}
    kept = {"occurred_at": NOW - HOUR, "virtual_key": "busy", "model_asked": "fast"}
    put(engine, *(entry(f"grq_warned{number}", **kept, warnings=("no-shell.tools",)) for number in range(3)))
    plane.put_in_force(
        *config(**{"policy_rules.no-shell": {"tools": {**shell, "mode": "warn"}}, "virtual_keys.busy": busy})
    )

    enforced = config(**{"policy_rules.no-shell": {"tools": shell}, "virtual_keys.busy": busy})
    replay = plane.plan(*enforced, replay_days=7).plan.replay

    assert (replay.requests, replay.refused) == (43, 3)
    assert [(one.requests, one.before, one.after) for one in replay.differences] == [
        (3, "sim/gpt-5-mini", "refused by no-shell.tools")
    ]


def test_a_replay_counts_what_a_rule_would_warn_of(engine):
    plane = Plane(engine)
    used(engine, plane)
    warning = {"allow": ["claude-*"], "mode": "warn"}
    busy = {"environment": "test", "team": "core", "secret_hash": hash_of(1), "models_allowed": warning}

    plan = plane.plan(*config(**{"virtual_keys.busy": busy}), replay_days=7).plan

    assert (plan.replay.requests, plan.replay.refused, plan.replay.warned) == (40, 0, 30)
    assert "0 are refused now, 30 are warned of now, 0 are answered now" in "\n".join(line.text for line in lines(plan))
    assert {one.after for one in plan.replay.differences} == {"sim/gpt-5-mini (warned of by models_allowed)"}
