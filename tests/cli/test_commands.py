import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from gateway.cli.schema import FILES as SCHEMA_FILES
from gateway.cli.schema import Kind
from gateway.config import reference, schema
from gateway.version import BUILD, __version__
from tests.cli.conftest import FILE

EXAMPLES = Path(__file__).parents[2] / "examples"
FAULTY = FILE.replace("secret_hash", "secret_hsh") + "model_aliases: {fast: nowhere/gpt-5-mini}\n"
BUDGET = "budgets:\n  cap: {scope: {virtual_key: old}, window: month, limit_usd: 5, on_breach: block}\n"


def test_a_valid_file_is_summed_up(gateway, file, snapshot):
    file.write_text(file.read_text() + "prices: {sim/gpt-5-mini: {input_usd_per_mtok: 0}}\n")
    done = gateway("validate", "gateway.yaml")

    assert (done.code, done.err) == (0, "")
    assert done.out == snapshot


def test_every_finding_is_shown_with_its_place(gateway, file, snapshot):
    file.write_text(FAULTY)

    assert gateway("validate", "-c", "gateway.yaml") == snapshot


def test_findings_for_machines(gateway, file):
    file.write_text(FAULTY)

    done = gateway("validate", "gateway.yaml", "--format", "json")

    report = json.loads(done.out)
    assert (done.code, done.err) == (1, "")
    assert report["valid"] is False
    assert {one["code"] for one in report["diagnostics"]} >= {"unknown-field"}
    assert all(one["line"] and one["file"] == "gateway.yaml" for one in report["diagnostics"])


def test_what_is_not_enforced_is_valid_but_not_served(gateway, file):
    file.write_text(FILE + BUDGET)

    assert gateway("validate", "gateway.yaml").code == 0
    done = gateway("serve", "-c", "gateway.yaml", "--workers", "2")
    assert done.code == 1
    assert "gateway.yaml:12:3: error[not-enforced]" in done.err


def test_a_secret_in_clear_is_a_warning_and_strictly_an_error(gateway, file):
    file.write_text(FILE.replace("providers:", "providers:\n  real: {type: openai, api_key: sk-in-clear}"))

    lenient, strict = gateway("validate", "gateway.yaml"), gateway("validate", "gateway.yaml", "--strict")

    assert (lenient.code, strict.code) == (0, 1)
    assert "warning[secret-in-clear]" in lenient.err
    assert "error[secret-in-clear]" in strict.err
    assert "sk-in-clear" not in "".join((*lenient[1:], *strict[1:]))


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        (("--config", "absent.yaml"), {}, "absent.yaml"),
        (("-c", "gateway.yaml", "--port", "99999"), {}, "--port"),
        (("-c", "gateway.yaml"), {"GATEWAY_PORT": "many"}, "GATEWAY_PORT"),
        (("-c", "gateway.yaml", "--workers", "0"), {}, "--workers"),
    ],
)
def test_serve_does_not_start_on_what_is_wrong(gateway, file, arguments, environ, words):
    done = gateway("serve", *arguments, **environ)

    assert (done.code, done.out) == (1, "")
    assert words in done.err


def test_what_keeps_it_from_serving_is_json_where_the_log_is(gateway, file):
    file.write_text(FILE.replace("simulator", "simulatr"))

    lines = [json.loads(line) for line in gateway("serve", "-c", "gateway.yaml").err.splitlines()]
    told = gateway("serve", "-c", "gateway.yaml", GATEWAY_LOG_FORMAT="pretty").err

    assert [(one["level"], one.get("code"), one.get("line")) for one in lines] == [
        ("error", "invalid-value", 4),
        ("error", None, None),
    ]
    assert {"event", "level", "logger", "time"} <= lines[-1].keys()
    assert not lines[-1]["event"].startswith("error")
    assert told.startswith("gateway.yaml:4:")
    assert gateway("validate", "gateway.yaml").err.startswith("gateway.yaml:4:")


@pytest.mark.parametrize(
    "command", ["serve", "validate", "plan", "apply -y", "explain --key old", "budgets", "prices list", "prices diff"]
)
def test_the_default_file_is_the_one_here(gateway, file, command):
    assert gateway("db", "upgrade", GATEWAY_DATA_DIR=str(file.parent)).code == 0
    file.write_text("version: 2\n")
    found = gateway(*command.split(), GATEWAY_DATA_DIR=str(file.parent))
    file.unlink()
    missing = gateway(*command.split())

    assert (found.code, missing.code) == (1, 1)
    assert "gateway.yaml:1:10: error" in found.err
    assert "there is no ./gateway.yaml here: name the configuration with --config" in missing.err


def test_serve_refuses_live_keys_without_a_pepper(gateway, file):
    file.write_text(FILE.replace("environment: test", "environment: live"))

    done = gateway("serve", "-c", "gateway.yaml")

    assert done.code == 1
    assert "error[development-pepper]" in done.err


@pytest.mark.parametrize(("form", "render"), [("json", schema.render), ("markdown", reference.render)])
def test_schema_prints_writes_and_checks(gateway, file, form, render):
    ask = ("schema", "--format", form)

    assert gateway(*ask) == (0, render(), "")
    assert gateway(*ask, "--output", "made") == (0, "", "")
    assert gateway(*ask, "--check", "made").code == 0
    (file.parent / "made").write_bytes(b"\xff")
    differs = gateway(*ask, "--check", "made")
    assert differs.code == 1
    assert f"gateway schema --format {form} --output made" in differs.err


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_schema_is_one_and_has_a_name_of_its_own(gateway, kind):
    made = json.loads(gateway("schema", "--kind", kind.value).out)

    Draft202012Validator.check_schema(made)
    assert made["$id"].endswith(f"/{SCHEMA_FILES[kind]}")
    assert made["title"]
    assert gateway("schema", "--kind", kind.value, "--format", "markdown").code == (0 if kind is Kind.CONFIG else 1)


def judged(gateway, kind, document):
    """What the schema of a kind says against a document."""
    made = json.loads(gateway("schema", "--kind", kind).out)
    return [one.message for one in Draft202012Validator(made).iter_errors(document)]


def test_a_part_needs_no_version_and_is_a_configuration_else(gateway):
    part = {"virtual_keys": {"a": {"environment": "test"}}}

    assert judged(gateway, "part", part) == []
    assert judged(gateway, "part", {"version": 1, **part}) == []
    assert judged(gateway, "config", part) == ["'version' is a required property"]
    assert len(judged(gateway, "part", {"virtual_kys": {}})) == 1


def test_the_schema_of_cases_takes_the_example_and_no_misspelling(gateway):
    cases = yaml.safe_load((EXAMPLES / "gateway.test.yaml").read_text())

    assert judged(gateway, "test", cases) == []
    assert len(judged(gateway, "test", {**cases, "case": []})) == 1
    assert len(judged(gateway, "test", {"cases": [{"name": "a", "key": "b", "expect": {"rout": []}}]})) == 1


@pytest.mark.parametrize("text", [FILE, FILE + "nonsense: 1\n", "a: ["])
def test_what_is_printed_is_what_its_schema_says(gateway, file, text):
    (file.parent / "one.test.yaml").write_text(
        "cases:\n  - {name: a, key: old, model: gpt-5-mini, expect: {provider: sim}}\n"
        "  - {name: b, key: old, model: gpt-5-mini, expect: {provider: other}}\n  - {name: c, key: x, expect: {body: y}}\n"
    )
    file.write_text(text.replace("version: 1", "version: 1\nowner: us\nteams: {core: {}}"))
    for kind, command in (
        ("validation", "validate"),
        ("test-report", "test"),
        ("plan", "plan --database default"),
    ):
        done = gateway(*command.split(), "--format", "json", GATEWAY_DATA_DIR=str(file.parent))
        assert judged(gateway, kind, json.loads(done.out)) == []
        assert judged(gateway, kind, {**json.loads(done.out), "format_version": "9.0"}) != []


def test_schema_says_where_it_cannot_write(gateway, file):
    done = gateway("schema", "--output", "absent/schema.json")

    assert done.code == 1
    assert "absent/schema.json cannot be written" in done.err


def test_version_for_people_and_machines(gateway):
    assert gateway("version").out.startswith(f"gateway {__version__} ")
    said = json.loads(gateway("version", "--format", "json").out)
    assert said["version"] == __version__
    assert said["build"] == BUILD
    assert BUILD in ("compiled", "pure Python")


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("validate", "--nonsense"),
        ("validate",),
        ("keys", "mint"),
        ("version", "--format", "xml"),
    ],
)
def test_wrong_use_is_1_since_2_means_changes(gateway, arguments):
    done = gateway(*arguments)

    assert (done.code, done.out) == (1, "")
    assert done.err


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_for_terminals(file, environ, coloured):
    file.write_text(FAULTY)
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    terminal, end = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "validate", "gateway.yaml"],
            stdout=subprocess.PIPE,
            stderr=end,
            env={**inherited, "TERM": "xterm-256color", **environ},
            check=False,
        )
        shown = os.read(terminal, 65536)
    finally:
        os.close(end)
        os.close(terminal)

    assert done.returncode == 1
    assert b"unknown-field" in shown
    assert (b"\x1b[1;31m" in shown) is coloured
    assert b"\x1b" not in done.stdout


OURS = "version: 1\nproviders: {sim: {type: simulator}}\nvirtual_keys: {ci: {environment: test}}\n"
FILES = {
    "prod/gateway.yaml": (OURS, True),
    "staging/gateway.yaml": (OURS, True),
    "a.llm-gateway.yaml": ("# yaml-language-server: $schema=../schema/gateway.schema.json\nproviders: {}\n", True),
    "quoted.yaml": ('"version": 1 # of the format\n"budgets": {}\n', True),
    "broken.yaml": ("version: 1\nproviders: {\n", True),
    "kubernetes/gateway.yaml": ("apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n", False),
    "compose.yaml": ("version: 1\nservices: {}\n", False),
    "keys/a.yaml": ("virtual_keys: {a: {environment: test}}\n", False),
    "prices.lock.yaml": ("version: 1\nlocked_prices: {}\n", False),
    "gateway.test.yaml": ("version: 1\nproviders: {}\ncases: []\n", False),
}


def test_a_hook_judges_each_configuration_by_itself_and_no_other_file(gateway, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, (text, _) in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    done = gateway("validate", "--each", *FILES)

    summed_up = [line.partition(": ")[0] for line in done.out.splitlines() if "alid: " in line]
    assert summed_up == [name for name, (_, ours) in FILES.items() if ours]
    assert "duplicate-name" not in done.err
    assert done.code == 1
    assert "prod/gateway.yaml: Valid: 1 provider, 1 virtual key" in done.out
    assert gateway("validate", "--each", "prod/gateway.yaml", "kubernetes/gateway.yaml").code == 0
    assert "None of these files" in gateway("validate", "--each", "compose.yaml").out


def test_the_hook_needs_no_secret(gateway, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.yaml").write_text('version: 1\nproviders: {o: {type: openai, api_key: "${env:NOT_HERE}"}}\n')
    (hook,) = yaml.safe_load((Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text())

    done = gateway(*hook["entry"].split()[1:], "gateway.yaml")

    assert done.code == 0
    assert "warning[reference-missing]" in done.err


OF_A_SECOND_REPOSITORY = """version: 1
owner: data-science
teams: {research: {}}
budgets: {cap: {scope: {organization: acme}, window: month, limit_usd: 5}}
model_aliases: {fast: openai/gpt-5, "smart:fallback": openai/gpt-5}
virtual_keys: {ds: {project: lab, team: reserch, policy_rules: [no-shell]}}
"""


def test_names_of_other_owners_are_noted_and_not_refused(gateway, tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text(OF_A_SECOND_REPOSITORY)
    done = gateway("validate", str(file), "--format", "json")
    file.write_text(OF_A_SECOND_REPOSITORY.replace("owner: data-science\n", ""))
    of_nobody = gateway("validate", str(file), "--format", "json")

    report = json.loads(done.out)
    assert (done.code, of_nobody.code) == (0, 1)
    assert {one["severity"] for one in report["diagnostics"]} == {"note"}
    hints = [one["hint"] for one in report["diagnostics"] if "'reserch'" in one["message"]]
    assert hints == ["Did you mean 'research'?"]
    refused = {
        (one["line"] + 1, one["code"]) for one in json.loads(of_nobody.out)["diagnostics"] if one["severity"] == "error"
    }
    assert {(one["line"], one["code"]) for one in report["diagnostics"]} == refused


@pytest.mark.parametrize(
    "wrong",
    [
        "providers: {sim: {type: simulator}}\nvirtual_keys: {k: {providers: [], team: t}}\n",
        "providers: {sim: {type: simulator}, b: {type: simulator}}\nvirtual_keys: {k: {providers: [sim], model_aliases: {x: b/m}}}\n",
        "organization: acme\nbudgets: {b: {scope: {organization: other}, window: month, limit_usd: 1}}\n",
    ],
)
def test_what_no_other_owner_can_mend_is_refused(gateway, tmp_path, wrong):
    file = tmp_path / "gateway.yaml"
    file.write_text(f"version: 1\nowner: me\n{wrong}")

    assert gateway("validate", str(file)).code == 1
