"""Findings for reviews: workflow commands of GitHub Actions, and SARIF."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from gateway.cli.annotations import MEANINGS, sarif, workflow_commands
from gateway.config.diagnostics import Diagnostic, Severity
from gateway.visible import visible
from tests.cli.conftest import FILE

ROOT = Path(__file__).parents[2]
SCHEMA = Draft4Validator(
    json.loads((Path(__file__).parents[1] / "support" / "sarif-schema-2.1.0.json").read_text()),
    format_checker=Draft4Validator.FORMAT_CHECKER,
)
"""As OASIS publishes it: docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json."""

EVIL = "x\r\n::add-mask::y %0A, a:b [here](https://evil.example) {0} ${env:X} \u202e \x1b[2J"
FAULTY = FILE + f"policy_rules: {{none: {{tools: {{deny: ['[']}}}}}}\nteams: {{{json.dumps(EVIL)}: {{}}}}\n"

texts = st.text(st.characters(codec="utf-8"), min_size=1)
findings = st.builds(
    Diagnostic,
    code=st.sampled_from(sorted(MEANINGS)),
    message=texts,
    severity=st.sampled_from(Severity),
    file=st.one_of(st.none(), st.from_regex(r"[^\0/]{1,8}(/[^\0/.]{1,8})?", fullmatch=True)),
    line=st.integers(1, 9),
    column=st.one_of(st.none(), st.integers(1, 9)),
    hint=st.one_of(st.none(), texts),
)


def read_command(line):
    """As the runner reads it: https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs."""
    head, _, data = line.removeprefix("::").partition("::")
    command, _, properties = head.partition(" ")
    escapes = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))

    def unescaped(text, known):
        for written, meant in known:
            text = text.replace(written, meant)
        return text

    pairs = (one.partition("=") for one in properties.split(","))
    return (
        command,
        {name: unescaped(value, escapes) for name, _, value in pairs},
        unescaped(data, (*escapes[:2], escapes[4])),
    )


def read_message(text):
    """A plain text message as SARIF 3.11.5 and 3.11.6 have it read."""
    text = re.sub(r"\{\{([0-9]+)\}\}", r"{\1}", text)
    return re.sub(r"\\([\[\]\\])", r"\1", text)


def said(one):
    return visible(one.message) + (f"\nhint: {visible(one.hint)}" if one.hint else "")


@given(findings)
def test_a_workflow_command_says_a_finding_and_nothing_else(one):
    (line,) = workflow_commands([one])

    assert line.isprintable()
    command, properties, message = read_command(line)
    assert command == ("notice" if one.severity is Severity.NOTE else one.severity)
    assert message == said(one)
    assert properties.pop("title") == one.code
    assert properties.pop("line") == str(one.line)
    assert properties.pop("col", None) == (None if one.column is None else str(one.column))
    assert properties == ({} if one.file is None else {"file": visible(one.file)})


@given(st.lists(findings, max_size=4))
def test_sarif_is_what_its_schema_says(found):
    log = json.loads(sarif(found, "gateway-test"))

    assert [*SCHEMA.iter_errors(log)] == []
    (run,) = log["runs"]
    rules = [one["id"] for one in run["tool"]["driver"]["rules"]]
    for one, result in zip(found, run["results"], strict=True):
        assert rules[result["ruleIndex"]] == result["ruleId"] == one.code
        assert read_message(result["message"]["text"]) == said(one)
        assert re.search(r"(?<!\\)(\\\\)*\[", result["message"]["text"]) is None
        if one.file is not None:
            (place,) = result["locations"]
            named = unquote(place["physicalLocation"]["artifactLocation"]["uri"])
            assert os.path.abspath(ROOT / named) == os.path.abspath(one.file)
            assert place["physicalLocation"]["region"]["startLine"] == one.line


def test_validate_annotates_the_diff(gateway, file, snapshot):
    file.write_text(FAULTY)

    assert gateway("validate", "gateway.yaml", "--format", "github") == snapshot


def test_validate_for_tools_that_show_findings(gateway, file):
    file.write_text(FAULTY)

    done = gateway("validate", "gateway.yaml", "--format", "sarif")

    log = json.loads(done.out)
    assert (done.code, done.err) == (1, "")
    assert [*SCHEMA.iter_errors(log)] == []
    assert {one["ruleId"] for one in log["runs"][0]["results"]} >= {"bad-regex", "invalid-name"}
    assert log["runs"][0]["automationDetails"] == {"id": "gateway-validate/"}


def test_a_valid_file_has_a_log_without_findings(gateway, file):
    file.write_text(FILE + "prices: {sim/gpt-5-mini: {input_usd_per_mtok: 0}}\n")

    done = gateway("validate", "gateway.yaml", "--format", "sarif")

    assert done.code == 0
    assert json.loads(done.out)["runs"][0]["results"] == []


CASES = """cases:
  - {name: "good", key: old, model: gpt-5-mini, expect: {provider: sim}}
  - {name: "bad %s", key: old, model: gpt-5-mini, expect: {provider: "other, one"}}
  - {name: nobody, key: who, model: gpt-5-mini, expect: {provider: sim}}
"""


def test_test_annotates_the_diff(gateway, file, snapshot):
    (file.parent / "gateway.test.yaml").write_text(CASES % r"\r\n::add-mask::y")

    assert gateway("test", "--format", "github") == snapshot


def test_test_for_tools_that_show_findings(gateway, file):
    (file.parent / "gateway.test.yaml").write_text(CASES % "[x](https://evil.example)")

    done = gateway("test", "--format", "sarif")

    log = json.loads(done.out)
    assert (done.code, done.err) == (1, "")
    assert [*SCHEMA.iter_errors(log)] == []
    lines = [one["locations"][0]["physicalLocation"]["region"]["startLine"] for one in log["runs"][0]["results"]]
    assert lines == [3, 4]


@pytest.mark.parametrize(
    ("command", "broken"),
    [
        (("validate", "gateway.yaml"), "gateway.yaml"),
        (("test",), "gateway.yaml"),
        (("test",), "gateway.test.yaml"),
    ],
)
def test_json_says_why_a_file_does_not_load(gateway, file, command, broken):
    (file.parent / "gateway.test.yaml").write_text(CASES % "one")
    (file.parent / broken).write_text("a: [\n")

    done = gateway(*command, "--format", "json")

    told = json.loads(done.out)
    assert (done.code, done.err) == (1, "")
    assert told["format_version"] == "1.0"
    assert [(one["code"], one["file"], one["line"]) for one in told["diagnostics"]] == [("yaml-syntax", broken, 2)]


@pytest.mark.parametrize("command", [("validate", "gateway.yaml"), ("test",)])
def test_within_github_actions_findings_are_annotations_by_themselves(gateway, file, command):
    (file.parent / "gateway.test.yaml").write_text(CASES % "one")
    file.write_text(FAULTY)

    here, there = gateway(*command), gateway(*command, GITHUB_ACTIONS="true")

    assert "::error" not in here.out
    assert "::error file=gateway.yaml,line=" in there.out
    assert "::error" not in gateway(*command, "--format", "text", GITHUB_ACTIONS="true").out


def test_files_are_named_from_where_reviews_look(gateway, file, tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "gateway.yaml").write_text(FAULTY)
    monkeypatch.chdir(tmp_path / "policy")

    commands = gateway("validate", "gateway.yaml", "--format", "github", GITHUB_WORKSPACE=str(tmp_path))
    log = json.loads(gateway("validate", "gateway.yaml", "--format", "sarif").out)

    assert "::error file=policy/gateway.yaml," in commands.out
    first = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert first["artifactLocation"]["uri"] == "policy/gateway.yaml"


NARROWED = "policy_rules.no-shell: tools.deny [shell] -> (default)"
PLANNED = """version: 1
owner: us
organization: acme
providers: {sim: {type: simulator, models: [gpt-5-mini]}}
policy_rules: {no-shell: {tools: {deny: [shell]}}}
budgets:
  cap: {scope: {organization: acme}, window: month, limit_usd: 5}
"""


@pytest.fixture
def planned(gateway, file, monkeypatch):
    """A file that was applied and changed since, and what runs commands against the control plane on this machine."""
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(file.parent))
    file.write_text(PLANNED)
    assert gateway("apply", "-y", "--database", "default").code == 0
    file.write_text(PLANNED.replace("limit_usd: 5", "limit_usd: 50").replace("deny: [shell]", "deny: []"))
    return lambda *arguments: gateway("plan", "--database", "default", *arguments)


def test_plan_annotates_what_widens_where_it_stands(planned):
    said = planned("--format", "github").out.splitlines()

    assert said[:2] == [
        "::warning file=gateway.yaml,line=7,title=widens-access::budgets.cap: limit_usd 5 -> 50: WIDENS ACCESS",
        f"::warning file=gateway.yaml,line=5,title=widens-access::{NARROWED}: WIDENS ACCESS",
    ]
    assert "Plan: 0 to create, 2 to change, 0 to remove. 2 widen access." in said


def test_plan_for_tools_that_show_findings(planned):
    log = json.loads(planned("--format", "sarif").out)

    assert [*SCHEMA.iter_errors(log)] == []
    (run,) = log["runs"]
    assert run["automationDetails"] == {"id": "gateway-plan/"}
    places = [one["locations"][0]["physicalLocation"] for one in run["results"]]
    assert [one["region"]["startLine"] for one in places] == [7, 5]
    assert {one["level"] for one in run["results"]} == {"warning"}


@pytest.mark.parametrize("form", ["text", "json", "github", "sarif"])
def test_plan_says_why_a_file_does_not_load_in_every_format(planned, file, form):
    file.write_text("owner: [\n")

    done = planned("--format", form)

    assert done.code == 1
    assert "gateway.yaml" in (done.err if form == "text" else done.out)
    if form == "json":
        told = json.loads(done.out)
        assert (told["applyable"], told["complete"]) == (False, False)
        assert [(one["code"], one["line"]) for one in told["diagnostics"]] == [("yaml-syntax", 2)]
    if form == "sarif":
        assert [*SCHEMA.iter_errors(json.loads(done.out))] == []


def test_a_plan_is_saved_before_it_is_printed(planned, file):
    """A reader that goes away takes nothing but what is printed along."""
    script = f"{sys.executable} -m gateway plan --database default --out plan.json | true"

    done = subprocess.run(["sh", "-c", script], cwd=file.parent, capture_output=True, text=True, check=False)

    assert "Traceback" not in done.stderr
    assert json.loads((file.parent / "plan.json").read_text())["owner"] == "us"
