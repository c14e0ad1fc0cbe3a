"""What is counted, and how many series it may make."""

import asyncio
import os
import re
import subprocess
import sys
import threading

import pytest
from prometheus_client.registry import Collector

from gateway import clock
from gateway.telemetry import labelled
from gateway.telemetry.exposition import Form
from gateway.telemetry.metric_definitions import MOST_KEYS, PRIVATE
from gateway.telemetry.metrics import MOST_MODELS, Metrics
from gateway.usage import Usage


def samples(metrics, name):
    return dict(re.findall(rf"^{name}(\S*) (\S+)$", metrics.render(private=True).decode(), re.MULTILINE))


def test_models_that_clients_make_up_do_not_make_series():
    metrics = Metrics()
    for number in range(MOST_MODELS + 50):
        metrics.usage("openai", f"model-{number}", Usage(input_tokens=1))

    counted = samples(metrics, "gateway_tokens_total")
    assert len(counted) == 2 * (MOST_MODELS + 1)
    assert counted['{direction="input",model="other",provider="openai"}'] == "50.0"


def ended(metrics, key="k", cost_usd=0.5):
    metrics.labelled.ended(
        model="m", model_source="alias", key=key, team="core", outcome="ok", tokens=(1, 2), cost_usd=cost_usd
    )


@pytest.mark.parametrize(("chosen", "expected"), [(("team",), '{outcome="ok",team="core"}'), ((), None)])
def test_only_labels_that_are_chosen_make_series(chosen, expected):
    metrics = Metrics(chosen)
    if metrics.labelled is not None:
        ended(metrics)

    assert samples(metrics, "gateway_labelled_requests_total") == ({expected: "1.0"} if expected else {})


def test_labels_are_told_in_steps_and_no_step_that_is_left_out_is_lost():
    metrics = Metrics(("key",))
    for number in range(50):
        ended(metrics, f"k{number}")
    steps = metrics.labelled.publishing()
    next(steps)
    steps.close()
    ended(metrics, "k0")

    assert len(list(metrics.labelled.publishing())) == 50
    counted = samples(metrics, "gateway_labelled_requests_total")
    assert (len(counted), sum(map(float, counted.values()))) == (50, 51)


@pytest.mark.looks_inside
def test_more_combinations_than_are_told_apart_count_as_others(monkeypatch):
    monkeypatch.setattr(labelled, "MOST_SERIES", 3)
    metrics = Metrics(("key",))
    for number in range(5):
        ended(metrics, f"k{number}")

    counted = samples(metrics, "gateway_labelled_requests_total")
    assert (len(counted), counted['{key="other",outcome="ok"}']) == (4, "2.0")


class Unreadable(Collector):
    """Fails whoever collects it."""

    def describe(self):
        return []

    def collect(self):
        raise AssertionError


def test_what_is_private_is_not_even_collected_for_others():
    metrics = Metrics(("key",))
    metrics.serving("one", {"team": 1.0}, ())
    ended(metrics)
    told = metrics.render(private=True).decode()
    metrics._metrics.private.register(Unreadable())

    open_to_all = metrics.render(private=False).decode()

    families = (set(re.findall(r"^# TYPE (gateway_\S+)", text, re.MULTILINE)) for text in (told, open_to_all))
    assert {name.removesuffix("_total") for name in set.difference(*families)} == PRIVATE


class Noted(Form):
    """A form that notes in which thread it is written, and how many are written at one time."""

    def __init__(self):
        self.threads, self.now, self.most = set(), 0, 0

    def render(self, _):
        self.threads.add(threading.get_ident())
        self.now += 1
        self.most = max(self.most, self.now)
        os.sched_yield()
        self.now -= 1
        return b""


def test_scrapes_are_written_beside_the_event_loop_one_at_a_time():
    async def scraped(form):
        metrics = Metrics()
        await asyncio.gather(*(metrics.scrape(private=True, form=form) for _ in range(5)))

    noted = Noted()
    asyncio.run(scraped(noted))

    assert threading.get_ident() not in noted.threads
    assert noted.most == 1


def test_keys_that_have_ended_give_way_to_those_that_end_next():
    metrics, now = Metrics(), clock.now()
    ends = [(now + 1000 * number, f"k{number}") for number in range(-3, MOST_KEYS + 9)]

    metrics.keys_end(ends)
    metrics.keys_end(ends[1:])

    told = samples(metrics, "gateway_virtual_key_expires_timestamp_seconds")
    assert set(told) == {f'{{key="k{number}"}}' for number in range(1, MOST_KEYS + 1)}


def test_a_window_that_is_over_leaves_nothing():
    metrics = Metrics()
    metrics.budgets.tell("team", "counter", 0.9, int(clock.now()) - 1, "", 0)

    assert samples(metrics, "gateway_budget_utilization_ratio") == {'{budget="team"}': "0.0"}


def test_what_was_held_in_a_window_that_is_over_is_told_no_more():
    metrics = Metrics()
    metrics.serving("one", {"team": 1.0}, ())
    metrics.held({"team": 5.0})
    metrics.held({})

    assert samples(metrics, "gateway_budget_held_usd") == {'{budget="team"}': "0.0"}


def test_a_limit_follows_the_configuration_and_what_is_spent_is_told_against_it():
    metrics = Metrics()
    metrics.serving("one", {"team": 10.0, "unused": 3.0}, ())
    metrics.budgets.tell("team", "counter", 0.5, None, "", 0, 10.0)
    metrics.serving("two", {"team": 20.0, "unused": 3.0}, ())

    limits = {'{budget="team"}': "20.0", '{budget="unused"}': "3.0"}
    assert samples(metrics, "gateway_budget_limit_usd") == limits
    assert samples(metrics, "gateway_budget_utilization_ratio") == {'{budget="team"}': "0.25"}
    assert samples(metrics, "gateway_budget_spent_usd") == {'{budget="team"}': "5.0"}


def test_one_revision_is_told_at_a_time():
    metrics = Metrics()
    for revision in ("one", "two"):
        metrics.serving(revision, {}, ())

    assert samples(metrics, "gateway_config_info") == {'{revision="two"}': "1.0"}


def test_what_the_configuration_has_no_more_has_no_gauges():
    metrics = Metrics()
    metrics.serving("one", dict.fromkeys(("kept", "gone"), 0.0), ("openai", "left"))
    for budget in ("kept", "gone"):
        metrics.budgets.tell(budget, "counter", 0.5, None, "", 0)
    metrics.circuits({"openai": True, "left": True})
    assert len(samples(metrics, "gateway_budget_utilization_ratio")) == 2

    metrics.serving("two", {"kept": 0.0}, ("openai",))

    assert samples(metrics, "gateway_budget_utilization_ratio") == {'{budget="kept"}': "0.5"}
    assert samples(metrics, "gateway_circuit_open") == {'{provider="openai"}': "1.0"}
    metrics.serving("three", dict.fromkeys(("kept", "gone"), 0.0), ("openai",))
    assert [budget for budget, *_ in metrics.budgets.ratios(clock.now())] == ["kept"]


WORKERS = """
import os
from gateway.telemetry.metrics import Metrics
kept = [open(os.devnull) for _ in range(100)]
def worker():
    metrics = Metrics(("key",))
    metrics.labelled.ended(model="", model_source=None, key="k", team="", outcome="ok", tokens=(1, 2), cost_usd=0.5)
    metrics.publish()
    return metrics
if (child := os.fork()) == 0:
    worker()
    os._exit(0)
os.waitpid(child, 0)
metrics = worker()
print(metrics.render(private=False).decode(), metrics.render(private=True).decode(), sep="-----")
"""


def test_workers_add_up_and_open_files_are_those_of_the_fullest_as_each_has_a_limit_of_its_own(tmp_path):
    told = subprocess.run(
        [sys.executable, "-c", WORKERS],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    open_to_all, private = told.split("-----")
    figures = dict(re.findall(r"^process_(open|max)_fds (\S+)$", open_to_all, re.MULTILINE))
    assert 100 < float(figures["open"]) < 200
    assert float(figures["max"]) > 0
    assert "gateway_labelled" not in open_to_all
    assert 'gateway_labelled_requests_total{key="k",outcome="ok"} 2.0' in private
    assert 'gateway_labelled_cost_usd_total{key="k"} 1.0' in private
    assert len([*tmp_path.glob("counter_labelled_*.db")]) == 2
