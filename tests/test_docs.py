"""The pages that are made from the program are up to date, and the example is valid."""

import ast
import functools
import inspect
import os
import re
import subprocess
from datetime import UTC, datetime

import pytest
import yaml

from docs.generate import DOCS, PAGES
from gateway.cli.schema import FILES, Kind, render
from gateway.config import schema
from gateway.config.judge import Serving
from gateway.config.load import load
from gateway.pipeline import run

ROOT = DOCS.parent


@pytest.mark.parametrize("page", PAGES)
def test_generated_pages_are_up_to_date(page):
    assert (DOCS / page).read_text() == PAGES[page](), "run: task schema"


@pytest.mark.parametrize("kind", Kind)
def test_the_schemas_are_up_to_date(kind):
    assert (ROOT / "schema" / FILES[kind]).read_text() == render(kind), "run: task schema"


def test_every_field_is_described():
    def walk(node, path):
        if isinstance(node, dict):
            for name, value in node.get("properties", {}).items():
                if "const" not in value:
                    assert value.get("description") or "$ref" in value, f"{path}/{name}"
            for name, value in node.items():
                walk(value, f"{path}/{name}")
        elif isinstance(node, list):
            for index, value in enumerate(node):
                walk(value, f"{path}/{index}")

    walk(schema.generate(), "")


def test_the_example_is_served_as_it_stands():
    file = ROOT / "examples" / "gateway.yaml"

    loaded = load([file], environ={}, now=datetime.now(UTC), strict=True, serving=Serving(development_pepper=True))

    assert loaded.diagnostics == ()
    assert loaded.config is not None


def test_the_page_on_requests_names_the_stages_in_order():
    page = (DOCS / "request.md").read_text()
    named = re.findall(r"^\d+\. \*\*(\w+)\*\*", page, re.MULTILINE)

    beside = {"sample", "capture", "named_model", "find_end_user", "reserve_limits", "relay_translated"}
    beside |= {"list_own", "resolve_stored", "pinned", "is_answer", "keeps", "left_behind"}
    beside |= {"run_batch", "is_in_background", "run_in_background", "with_digest"}
    beside |= {"is_whole_json", "with_heartbeat", "settle_refused", "count_refused"}
    assert named == [name for name in _stages_called() if name not in beside]


def _stages_called():
    """What `run` calls of the modules of the walk, in order, through the functions beside it."""
    tree = ast.parse(inspect.getsource(run))
    own = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    imported = {
        one.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module.startswith("gateway.pipeline")
        for one in node.names
        if one.name.islower()
    }
    called = []

    def walk(node):
        for child in ast.iter_child_nodes(node):
            walk(child)
        name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        if name in own:
            walk(own[name])
        elif name in imported and name not in called:
            called.append(name)

    walk(own["run"])
    return called


def test_the_page_on_headers_names_every_header_of_our_own():
    page = (DOCS / "headers.md").read_text().lower()
    sources = "".join(file.read_text().lower() for file in (ROOT / "gateway").rglob("*.py"))

    named = set(re.findall(r"x-langwatch-[a-z-]*[a-z]", sources))
    assert len(named) > 15
    assert sorted(name for name in named if f"`{name}" not in page) == []


def test_links_lead_somewhere():
    for page in [ROOT / "README.md", *DOCS.glob("*.md")]:
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text()):
            led_to = page.parent / target if target else page
            assert led_to.exists(), f"{page.name}: {target}"
            if anchor and led_to.suffix == ".md":
                assert anchor in _anchors(led_to), f"{page.name}: {target}#{anchor}"


@functools.cache
def _anchors(page):
    """What the headings of a page are called in links."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_the_command_that_keeps_new_secrets_keeps_each(tmp_path):
    written = re.search(
        r"^```yaml\n(store-secrets: .*?)^```", (DOCS / "gitops.md").read_text(), re.MULTILINE | re.DOTALL
    )
    vault, minted = tmp_path / "vault", tmp_path / "minted"
    vault.write_text('#!/bin/sh\necho "$* $(cat)"\n')
    vault.chmod(0o755)
    minted.write_text("ci=lw_vk_test_1\nlab.x=lw_vk_test_2\n")

    done = subprocess.run(
        ["sh", "-c", yaml.safe_load(written[1])["store-secrets"]],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "MINTED_SECRETS": str(minted)},
    )

    put = "kv put secret/gateway/keys"
    assert done.stdout == f"{put}/ci secret=- lw_vk_test_1\n{put}/lab.x secret=- lw_vk_test_2\n"


def test_the_sites_navigation_has_every_page_once():
    named = re.findall(r"^ +- [^:]+: (\S+\.md)$", (DOCS.parent / "mkdocs.yml").read_text(), re.MULTILINE)

    assert sorted(named) == sorted(page.name for page in DOCS.glob("*.md"))
