"""What a reference stands for is in nothing that people are shown, whichever field it stands in."""

import copy
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from gateway.config.judge import Serving
from gateway.config.load import load
from gateway.config.reference import examples
from gateway.config.resources import resources_of
from gateway.config.source import parse
from gateway.plan.live import LiveResource, LiveState
from gateway.plan.make import Desired, make_plan
from gateway.plan.plan import Source
from gateway.plan.render.json import json
from gateway.plan.render.lines import lines
from gateway.plan.render.markdown import markdown
from gateway.snapshot.unpriced_models import unpriced_models
from tests.support.schema_strings import leaves, strings

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CANARY = "canary(0123456789[\x1b"
"""In no language of patterns, names, moments or addresses."""
FULL, _ = parse((Path(__file__).parent / "full.yaml").read_text(), "full.yaml")
SURROUNDINGS = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY"), "https://surroundings.example/v1")
NAMES = {("owner",), ("organization",), ("moved", 0, "from"), ("moved", 0, "to")}


def at(tree, path):
    for step in path:
        tree = tree[step]
    return tree


def with_value(path, value):
    """The whole file with another value at a path, and with what leads there."""
    tree = node = copy.deepcopy(FULL)
    for step, following in pairwise(path):
        if isinstance(node, list):
            while len(node) <= step:
                node.append({})
        elif not isinstance(node.get(step), dict | list) or isinstance(node[step], list) != isinstance(following, int):
            node[step] = [] if isinstance(following, int) else {}
        node = node[step]
    if isinstance(node, list):
        node[path[-1] :] = [value]
    else:
        node[path[-1]] = value
    return tree


def read(directory, tree, value, **how):
    file = directory / "gateway.yaml"
    file.write_bytes(msgspec.json.encode(tree))
    (directory / "CANARY").write_text(value)
    environ = {**SURROUNDINGS, "CUSTOM_KEY": "a key", "CANARY": value}
    return load([file], environ=environ, now=NOW, checks=[lambda config: unpriced_models(config, NOW)], **how)


def fields():
    """A path to each field; of the rates of one price, which are the same hundred times, to one of each kind."""
    rates = set()
    for path, said in strings():
        kind = (path[:-1], *(said.get(name) for name in ("type", "pattern", "format", "minLength", "maxLength")))
        if path[0] not in ("prices", "locked_prices") or kind not in rates:
            yield path
        rates.add(kind)


FIELDS = [*fields()]


@pytest.mark.parametrize("section", dict.fromkeys(path[0] for path in FIELDS))
def test_no_diagnostic_shows_what_a_reference_stands_for(tmp_path, section):
    serving = Serving(runtime_env=("CUSTOM_KEY",))

    for path in (path for path in FIELDS if path[0] == section):
        for reference, how in (("${env:CANARY}", {"serving": serving}), ("${file:CANARY}", {})):
            loaded = read(tmp_path, with_value(path, reference), CANARY, **how)

            told = msgspec.json.encode(loaded.diagnostics).decode()
            assert "0123456789" not in told, path
            assert "canary" not in told, path
            if path in NAMES:
                assert "reference-in-name" in {one.code for one in loaded.diagnostics}


def cases():
    """Every string of the whole file and of the examples of the reference, by section and by example."""
    for section in FULL:
        yield section, FULL, [path for path, _ in leaves(FULL) if path[0] == section]
    for name, text in examples().items():
        tree = {"version": 1, "owner": "o", **parse(text, "example.yaml")[0]}
        yield f"example of {name}", tree, [path for path, _ in leaves(tree)]


@pytest.mark.parametrize(("tree", "paths"), [pytest.param(*case, id=name) for name, *case in cases()])
def test_no_plan_shows_what_a_reference_stands_for(tmp_path, tree, paths):
    for path in paths:
        check_plans(tmp_path, tree, path)


def check_plans(directory, tree, path):
    before = at(tree, path)
    written = copy.deepcopy(tree)
    at(written, path[:-1])[path[-1]] = "${env:CANARY}"
    found = []
    for value in (f"{before}canary1", f"{before}canary2"):
        loaded = read(directory, written, value, for_control_plane=True)
        assert "canary" not in msgspec.json.encode(loaded.diagnostics).decode(), path
        if loaded.config is None:
            return
        found.append([*resources_of(loaded.config, loaded.references)])

    for live in ([], found[0]):
        kept = {
            (one.kind, one.name): LiveResource(one, "o", 1, one.spec, False, "x", 1, applied_references=one.references)
            for one in live
        }
        desired = Desired("o", found[1], {}, Source("d"))
        plan = make_plan(desired, LiveState("l", 1, kept), plan_id="p", now=int(NOW.timestamp() * 1e6)).plan

        shown = [json(plan), markdown(plan), *(one.text for one in lines(plan))]
        assert "canary" not in "\n".join(shown), path
        if live and any(one.references for one in live):
            assert plan.resource_changes, f"the value at {path} changed"
