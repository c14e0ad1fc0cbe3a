"""`gateway test`: cases beside a configuration."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.support import launcher

ROOT = Path(__file__).parents[2]
CONFIG = """version: 1
providers: {sim: {type: simulator, models: [gpt-5-mini]}, standby: {type: simulator}}
model_aliases: {fast: [sim/gpt-5-mini, standby/gpt-5]}
policy_rules: {no-shell: {tools: {deny: ['^shell']}}}
virtual_keys:
  ci: {environment: test, policy_rules: [no-shell], models_allowed: ["gpt-5*"], secret_hash: "hmac-sha256:HASH"}
prices: {sim/gpt-5-mini: {input_usd_per_mtok: 1, output_usd_per_mtok: "2.50"}}
""".replace("HASH", "1" * 64)


@pytest.fixture
def run(tmp_path):
    (tmp_path / "gateway.yaml").write_text(CONFIG)

    def execute(cases, *arguments, code=0, file="gateway.test.yaml"):
        if cases is not None:
            (tmp_path / file).write_text(cases)
        done = launcher.run(["test", *arguments], env=os.environ, directory=tmp_path)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    execute.directory = tmp_path
    return execute


def test_the_example_holds(run):
    said = run(None, str(ROOT / "examples" / "gateway.test.yaml"))

    assert "6 passed, 0 failed" in said


SHELL = "request: {model: fast, messages: [], tools: [{type: function, function: {name: shell.run}}]}"


@pytest.mark.parametrize(
    ("case", "wrong"),
    [
        ("model: fast, expect: {route: [sim/gpt-5-mini, standby/gpt-5]}", None),
        ("model: fast, expect: {route: [sim/gpt-5-mini]}", "got      sim/gpt-5-mini, standby/gpt-5"),
        ("model: fast, expect: {provider: sim, model: gpt-5-mini, body: spliced}", None),
        ("model: fast, expect: {provider: standby}", "got      sim"),
        ("model: fast, expect: {body: translated}", "got      spliced"),
        ("model: fast, expect: {price: {input_usd_per_mtok: 1, output_usd_per_mtok: 2.5}}", None),
        ("model: fast, expect: {price: {output_usd_per_mtok: 2.51}}", "got      2.5"),
        ("model: fast, expect: {budgets: []}", None),
        ("model: fast, expect: {budgets: [cap]}", "got      none"),
        ("model: fast, expect: {params_dropped: [], cache_mode: respect}", None),
        ("model: fast, expect: {cache_mode: force}", "got      respect"),
        ("model: fast, expect: {refused: {status: 403}}", "got      it goes to sim/gpt-5-mini"),
        (f"{SHELL}, expect: {{refused: {{type: tool_not_allowed}}}}", None),
        (f'{SHELL}, expect: {{refused: {{status: 403, param: "tools[0].function.name"}}}}', None),
        (f"{SHELL}, expect: {{refused: {{param: model}}}}", "got      tools[0].function.name"),
        (f"{SHELL}, expect: {{refused: {{message_contains: nonsense}}}}", "refused.message_contains"),
        (f"{SHELL}, expect: {{provider: sim}}", "expected that it goes somewhere"),
        ("model: sim/claude-haiku-4-5, expect: {refused: {type: model_not_allowed}}", None),
        ("model: fast, expect: {provider: sim}, key: cii", "there is no virtual key named 'cii'; did you mean 'ci'?"),
        ("model: fast, expect: {provider: sim}, endpoint: /v1/chat", "/v1/chat is no endpoint; there are /v1/"),
    ],
)
def test_expectations(run, case, wrong):
    key = "" if "key:" in case else "key: ci, "

    said = run(f"cases:\n  - {{name: one, {key}{case}}}\n", code=0 if wrong is None else 1)

    assert ("1 passed, 0 failed" in said) is (wrong is None), said
    assert wrong is None or wrong in said


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ("", "the file is no mapping with `cases`"),
        ("cases: []", "tests nothing"),
        ("cases: [{name: a, key: ci, expect: {}}]", "gateway.test.yaml:1:36: error[invalid-value] a case without"),
        ("cases: [{name: a, key: ci}]", "the field 'expect' is missing"),
        ("cases: [{name: a, key: ci, expect: {rout: [a]}}]", "1:43: error[unknown-field] 'rout' is not a field here"),
        ("cases: [{name: a, key: ci, expect: {refused: {}}}]", "say what the refusal is"),
        ("cases: [{name: a, key: ci, expect: {model: a, refused: {status: 1}}}]", "either refused or goes somewhere"),
        ("cases: [{name: a, key: ci, expect: {model: 1}}]", "error[invalid-value]"),
        ("cases: {", "error[yaml-syntax]"),
        ("a: 1\na: 2", "error[duplicate-key]"),
    ],
)
def test_files_that_are_no_cases(run, cases, said):
    assert said in run(cases, code=1)


def test_a_configuration_that_is_not_valid(run):
    (run.directory / "gateway.yaml").write_text("version: 2\n")

    assert "gateway.yaml:1:10: error" in run("cases: [{name: a, key: ci, model: fast, expect: {model: a}}]", code=1)


def test_reports_for_machines(run):
    cases = (
        "cases:\n  - {name: 'good <&>', key: ci, model: fast, expect: {provider: sim}}\n"
        '  - {name: "bad \\u0001 \\"]]>", key: ci, model: fast, expect: {provider: standby}}\n'
    )

    told = json.loads(run(cases, "--junit", "report.xml", "--format", "json", code=1))

    assert (told["passed"], told["diagnostics"]) == (False, [])
    assert [(one["line"], one["passed"]) for one in told["results"]] == [(2, True), (3, False)]
    mismatch = {"what": "provider", "expected": "standby", "got": "sim", "file": None, "line": None}
    assert told["results"][1]["mismatches"] == [mismatch]
    root = ET.fromstring((run.directory / "report.xml").read_text())  # noqa: S314 - what was just written
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    names = [case.get("name") for case in root.iter("testcase")]
    assert names[0] == "good <&>"
    assert [failure.get("message") for failure in root.iter("failure")] == ["provider: expected standby, got sim"]


def test_some_cases_only(run):
    cases = (
        "cases:\n  - {name: one, key: ci, model: fast, expect: {provider: sim}}\n"
        "  - {name: two, key: ci, model: fast, expect: {provider: standby}}\n"
    )

    assert "1 passed, 0 failed" in run(cases, "-k", "one")
    assert "no case was chosen" in run(cases, "-k", "three", code=1)
    (run.directory / "gateway.test.yaml").unlink()
    assert "there is no *.test.yaml here" in run(None, code=1)


def git(directory, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True)


def test_nobody_may_do_more_than_at_the_base(run):
    directory, file = run.directory, run.directory / "gateway.yaml"
    git(directory, "init", "-q", "-b", "main")
    git(directory, "add", ".")
    git(directory, "commit", "-qm", "base")
    cases = "never_widen: {base: main}\n"

    assert "1 passed, 0 failed" in run(cases)
    file.write_text(CONFIG.replace("deny: ['^shell']", "deny: ['^shell', '^fs']"))
    assert "1 passed, 0 failed" in run(cases)
    file.write_text(CONFIG.replace("deny: ['^shell']", "deny: []").replace(', models_allowed: ["gpt-5*"]', ""))
    said = run(cases, code=1)
    assert "policy_rules.no-shell/tools" in said
    assert "virtual_keys.ci/models_allowed widens" in said
    assert "git has no gateway.yaml at nowhere" in run("never_widen: {base: nowhere}\n", code=1)
    assert "is no revision" in run("never_widen: {base: --output=x}\n", code=1)
    assert "0 failed" in run("cases: [{name: a, key: ci, model: fast, expect: {provider: sim}}]\n")
    assert "1 failed" in run(None, "--base", "main", code=1)


LOCK = """version: 1
locked_prices:
  standby/gpt-5: {input_usd_per_mtok: "1", source: x, locked_on: 2026-11-01}
"""


@pytest.mark.parametrize("names_folder", [False, True])
def test_a_commit_is_no_wider_than_itself_whatever_it_has(run, names_folder):
    directory = run.directory
    for name, text in {
        "gateway.yaml": CONFIG.replace("environment: test,", "environment: test, description: '${file:about/ci.txt}',"),
        f"{'keys/' if names_folder else ''}prices.lock.yaml": LOCK,
        "about/ci.txt": "of CI\n",
        "keys/more.yaml": f"virtual_keys: {{more: {{environment: test, secret_hash: hmac-sha256:{'2' * 64}}}}}\n",
    }.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    (directory / "keys" / "linked.yaml").symlink_to("../linked.yaml")
    (directory / "linked.yaml").write_text("teams: {linked: {}}\n")
    git(directory, "init", "-q", "-b", "main")
    git(directory, "add", ".")
    git(directory, "commit", "-qm", "base")
    config = "[keys, gateway.yaml]" if names_folder else "[gateway.yaml, keys/more.yaml, keys/linked.yaml]"
    cases = f"config: {config}\nnever_widen: {{base: HEAD}}\n"

    assert "1 passed, 0 failed" in run(cases)
    for name in ("about/ci.txt", "linked.yaml"):
        (directory / name).unlink()
    (directory / "linked.yaml").write_text("teams: {}\n")
    (directory / "about" / "ci.txt").write_text("of all\n")
    assert "1 passed, 0 failed" in run(cases)


@pytest.mark.parametrize("at", ["conf/keys.yaml", "conf/teams/keys.yaml", "conf/teams/deep/keys.yaml"])
def test_a_file_in_a_folder_below_is_compared_with_itself_at_the_base(run, at):
    file = run.directory / at
    file.parent.mkdir(parents=True)
    (run.directory / "conf" / "gateway.yaml").write_text(CONFIG)
    (run.directory / "conf" / "again").symlink_to(".")
    key = (
        f"virtual_keys: {{more: {{environment: test, rate_limits: {{rpm: 5}}, secret_hash: hmac-sha256:{'2' * 64}}}}}\n"
    )
    file.write_text(key)
    git(run.directory, "init", "-q", "-b", "main")
    git(run.directory, "add", ".")
    git(run.directory, "commit", "-qm", "base")
    cases = "config: conf\nnever_widen: {base: main}\n"

    assert "1 passed, 0 failed" in run(cases)
    file.write_text(key.replace("rpm: 5", "rpm: 6"))

    assert "virtual_keys.more/rate_limits/rpm widens" in run(cases, code=1)


def test_what_git_does_not_keep_is_the_same_at_the_base(run):
    (run.directory / "gateway.yaml").write_text(CONFIG.replace("providers: {", "providers: {real: REAL, "))
    text = (run.directory / "gateway.yaml").read_text()
    (run.directory / "gateway.yaml").write_text(text.replace("REAL", "{type: openai, api_key: '${file:mounted}'}"))
    git(run.directory, "init", "-q", "-b", "main")
    git(run.directory, "add", ".")
    git(run.directory, "commit", "-qm", "base")
    (run.directory / "mounted").write_text("sk-never-in-git")

    said = run("never_widen: {base: main}\n")

    assert "1 passed, 0 failed" in said


def test_what_is_wider_is_annotated_where_it_stands(run):
    file = run.directory / "gateway.yaml"
    git(run.directory, "init", "-q", "-b", "main")
    git(run.directory, "add", ".")
    git(run.directory, "commit", "-qm", "base")
    file.write_text(CONFIG.replace("deny: ['^shell']", "deny: []"))

    said = run("never_widen: {base: main}\n", "--format", "github", code=1)

    assert "::error file=gateway.yaml,line=4,title=policy-test::nobody may do more than at main: policy_rules" in said


def test_a_name_cannot_forge_the_report(run):
    name = r"x\r\nok     y: all is well\e[2J\u202E"

    said = run(f'cases: [{{name: "{name}", key: ci, model: fast, expect: {{provider: "{name}"}}}}]\n', code=1)

    assert "\r" not in said
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert r"FAILED gateway.test.yaml:1: x\r\nok     y: all is well\x1b[2J\u202e" in said
    assert r"expected x\r\nok     y" in said


def test_policy_tests_are_no_part_of_a_configuration_directory(run):
    (run.directory / "gateway.test.yaml").write_text("cases: []\n")

    done = subprocess.run(
        [sys.executable, "-m", "gateway", "validate", str(run.directory)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    assert done.returncode == 0, done.stderr


def test_a_case_may_expect_what_only_warns(run):
    (run.directory / "gateway.yaml").write_text(CONFIG.replace("deny: ['^shell']", "deny: ['^shell'], mode: warn"))

    held = run(f"cases: [{{name: a, key: ci, {SHELL}, expect: {{warnings: [no-shell.tools], provider: sim}}}}]")
    failed = run(f"cases: [{{name: a, key: ci, {SHELL}, expect: {{warnings: [models_allowed]}}}}]", code=1)

    assert "1 passed" in held
    assert "expected models_allowed" in failed
    assert "no-shell.tools" in failed
