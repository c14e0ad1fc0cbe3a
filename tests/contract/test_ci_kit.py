"""What is shipped for CI: the very steps of the action and of the template, against a real control plane and a host's API."""

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.support.control_plane import ControlPlane
from tests.support.quick_python import QuickPython
from tests.support.sqlite import migrated

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
ACTION = yaml.safe_load((DEPLOY / "github-action/action.yml").read_text())
WORKFLOW = yaml.safe_load((DEPLOY / "github-action/workflow.yml").read_text())
GITLAB = yaml.safe_load((DEPLOY / "gitlab/gitlab-ci.yml").read_text())
CONFIG = """version: 1
owner: platform
providers: {sim: {type: simulator}}
virtual_keys: {ci: {environment: test}}
"""
TESTS = """config: gateway.yaml
cases:
  - {name: the simulator answers, key: ci, model: gpt-5-mini, expect: {provider: sim}}
"""
BOT = "github-actions[bot]"


class Api:
    """The part of GitHub's and GitLab's APIs that knows comments, over HTTP."""

    def __init__(self):
        self.comments = []
        self.status = 200
        api = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                path = urlsplit(self.path).path
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length)) if length else {}
                given = self.headers.get("authorization") or self.headers.get("private-token")
                status = api.status if given in ("Bearer ght", "glpat") else 401
                content = json.dumps(api.answer(self.command, path, self.path, body) if status == 200 else {}).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_PUT = answer  # noqa: N815 - how the library finds them

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, method, path, whole, body):
        if path == "/user":
            return {"id": 7}
        if method == "GET":
            page = int(re.search(r"[?&]page=(\d+)", whole)[1])
            return self.comments[(page - 1) * 100 : page * 100]
        if method == "POST":
            assert path in ("/repos/acme/policy/issues/12/comments", "/projects/3/merge_requests/12/notes")
            self.write(body["body"])
            return self.comments[-1]
        (changed,) = [one for one in self.comments if path.endswith(f"/{one['id']}")]
        changed["body"] = body["body"]
        return changed

    def write(self, body, author=BOT, account=7):
        one = {"id": len(self.comments) + 1, "body": body, "user": {"login": author}, "author": {"id": account}}
        self.comments.append(one)
        return one

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Job:
    """A checkout, a control plane, and runs of the shipped steps as a runner does them."""

    def __init__(self, directory, quick):
        self.variables = quick.variables
        self.directory = directory / "checkout"
        self.directory.mkdir()
        (self.directory / "gateway.yaml").write_text(CONFIG)
        self.left = directory / "left"
        self.plane = ControlPlane(directory, migrated(directory / "plane.db"))
        self.api = Api()
        self.tools = directory / "tools"
        self.tools.mkdir()
        for name in ("environment", "gateway-environment"):
            (self.tools / name).symlink_to(quick.environment)
        (self.tools / "deploy").symlink_to(DEPLOY)
        self.event = directory / "event.json"
        self.event.write_text('{"pull_request": {"number": 12}}')

    def write(self, text, name="gateway.yaml"):
        (self.directory / name).write_text(text)

    def github(self, mode, **inputs):
        """The last step of the action; what it said, after its exit code."""
        given = {name: one.get("default", "") for name, one in ACTION["inputs"].items()}
        token = self.plane.token("plan" if mode == "pull-request" else "apply") if mode != "check" else ""
        given |= {"mode": mode, "control-plane": f"http://127.0.0.1:{self.plane.port}", "token": token}
        given |= {"comment-token": "ght", **{name.replace("_", "-"): value for name, value in inputs.items()}}
        step = ACTION["runs"]["steps"][-1]
        environment = {
            name: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda match: given[match[1]], value)
            for name, value in step["env"].items()
        }
        self.left = self.tools / "gateway"
        return self._run(
            step["run"],
            **environment,
            GITHUB_ACTIONS="true",
            GITHUB_ACTION_PATH=str(DEPLOY / "github-action"),
            GITHUB_API_URL=self.api.url,
            GITHUB_REPOSITORY="acme/policy",
            GITHUB_EVENT_PATH=str(self.event),
            GITHUB_OUTPUT=str(self.tools / "output"),
            GITHUB_STEP_SUMMARY=str(self.tools / "summary"),
            GITHUB_WORKSPACE=str(self.directory),
            RUNNER_TEMP=str(self.tools),
        )

    def gitlab(self, job, **more):
        """The script of a job of the template."""
        self.left = self.directory / ".gateway-ci"
        tokens = {"GATEWAY_PLAN_TOKEN": self.plane.token("plan"), "GATEWAY_APPLY_TOKEN": self.plane.token("apply")}
        return self._run(
            "\n".join(GITLAB[job]["script"]),
            **tokens,
            tools=str(self.tools),
            GITLAB_CI="true",
            PIPELINE_CONFIG=GITLAB["variables"]["PIPELINE_CONFIG"],
            PIPELINE_DIRECTORY=str(self.left),
            GATEWAY_CONTROL_PLANE_URL=f"http://127.0.0.1:{self.plane.port}",
            CI_API_V4_URL=self.api.url,
            CI_PROJECT_ID="3",
            CI_MERGE_REQUEST_IID="12",
            **{"PIPELINE_COMMENT_TOKEN": "glpat", **more},
        )

    def _run(self, script, **environment):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "GITHUB_", "CI"))}
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            env={**kept, "PYTHONWARNINGS": "ignore", **self.variables, **environment},
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        return done.returncode, said

    def stop(self):
        self.api.close()
        self.plane.stop()


def commands(said):
    """What a runner would take for commands."""
    found, word = [], None
    for line in map(str.strip, said.splitlines()):
        if word is not None:
            word = None if line == f"::{word}::" else word
        elif line.startswith("::stop-commands::"):
            word = line.removeprefix("::stop-commands::")
        elif line.startswith("::") or "##[" in line:
            found.append(line)
    assert word is None
    return found


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """Commands of the gateway are forks: a job runs up to five, which would import all of it each."""
    made = QuickPython(tmp_path_factory.mktemp("quick"))
    yield made
    made.close()


@pytest.fixture
def job(tmp_path, quick):
    made = Job(tmp_path, quick)
    yield made
    made.stop()


def test_a_pull_request_is_planned_in_one_comment_and_main_applies(job):
    code, said = job.github("pull-request")
    assert code == 0, said
    (comment,) = job.api.comments
    assert re.match(r"<!-- gateway-ci:[0-9a-f]{32}:platform -->\n<!-- gateway-plan:", comment["body"])
    assert "2 to create" in comment["body"]
    assert "2 to create" in (job.tools / "summary").read_text()
    assert (job.tools / "output").read_text() == "changes=true\n"

    job.write(CONFIG + "teams: {core: {}}\n")
    assert job.github("pull-request")[0] == 0
    assert "3 to create" in comment["body"]

    code, said = job.github("apply")
    assert code == 0, said
    assert (job.left / "minted-secrets").read_text().startswith("ci=lw_vk_test_")
    assert "lw_vk_" not in said
    assert len(job.api.comments) == 1
    (job.left / "minted-secrets").unlink()
    assert job.github("apply")[0] == 0
    assert (job.tools / "output").read_text().endswith("changes=false\n")


def test_a_push_that_does_not_plan_takes_the_plan_of_the_one_before_away(job):
    job.github("pull-request")
    (ours,) = job.api.comments
    marker = ours["body"].partition("\n")[0]
    forged = job.api.write(f"{marker}\nNo changes.", author="somebody")
    elsewhere = job.api.write(marker.replace("gateway-ci:", "gateway-ci:0", 1))
    another = job.api.write(re.sub(r":platform -->", ":another -->", marker))
    untouched = [one["body"] for one in (forged, elsewhere, another)]
    job.write("nonsense: <img src=x> @everybody\n" + CONFIG)

    code, said = job.github("pull-request")

    assert code == 1
    assert "unknown-field" in said
    assert ours["body"].startswith(f"{marker}\n### gateway: this push cannot be planned")
    assert "'nonsense' is not a field here" in ours["body"].replace("&#x27;", "'")
    assert "to create" not in ours["body"]
    assert [one["body"] for one in (forged, elsewhere, another)] == untouched
    assert len(job.api.comments) == 4

    job.write(CONFIG)
    assert job.github("pull-request")[0] == 0
    assert "2 to create" in ours["body"]


def test_a_control_plane_that_is_away_is_told_in_the_comment(job):
    code, _ = job.github("pull-request", control_plane="http://127.0.0.1:1")

    (comment,) = job.api.comments
    assert code == 1
    assert "the control plane cannot be reached" in comment["body"]


def test_findings_are_annotations_and_nothing_else_is_a_command(job):
    collectors = 'trace_collectors: {"::error::a": {endpoint: "https://c.example"}}\n'
    job.write(CONFIG + collectors + 'teams: {b: {description: "::add-mask::x\\n::warning::y ##[add-mask]z"}}\n')
    job.write("config: gateway.yaml\ncases:\n  - {name: '::add-mask::x', key: ci, model: m, expect: {provider: no}}\n",
              "gateway.test.yaml")  # fmt: skip

    _, invalid = job.github("check")
    job.write(CONFIG + 'teams: {b: {description: "::add-mask::x\\n::warning::y ##[add-mask]z"}}\n')
    _, failing = job.github("check")
    (job.directory / "gateway.test.yaml").unlink()
    code, planned = job.github("pull-request")

    assert code == 0, planned
    for said in (invalid, failing, planned):
        assert all(re.match(r"::(error|warning) file=", one) for one in commands(said))
    assert any("title=invalid-name" in one and "file=gateway.yaml,line=5" in one for one in commands(invalid))
    assert any("file=gateway.test.yaml" in one for one in commands(failing))
    assert "description" in planned


def test_policy_tests_beside_the_configuration_are_run(job):
    job.write(TESTS, "gateway.test.yaml")
    assert job.github("check")[0] == 0

    job.write(TESTS.replace("provider: sim", "provider: another"), "gateway.test.yaml")
    code, said = job.github("pull-request")

    assert code == 1
    assert "the simulator answers" in said
    assert "the simulator answers" in job.api.comments[0]["body"]


def test_a_pull_request_without_a_token_is_checked_alone(job):
    code, said = job.github("pull-request", token="")

    assert code == 0
    assert "Not planned: there is no token" in said
    assert job.api.comments == []


def test_a_comment_that_may_not_be_written_is_told(job):
    job.api.status = 403

    code, said = job.github("pull-request")

    assert code == 0
    assert "::warning ::The comment could not be written (403)" in said


def test_no_module_of_the_checkout_runs_in_the_job(job):
    """With commands that are no forks: what runners run."""
    job.variables = {}
    for name in ("gateway/__init__.py", "json.py", "yaml.py", "sitecustomize.py"):
        (job.directory / name).parent.mkdir(exist_ok=True)
        job.write("raise SystemExit('taken over')", name)

    code, said = job.github("pull-request")

    assert code == 0, said
    assert "2 to create" in job.api.comments[0]["body"]


def test_checks_and_plans_need_no_credential_and_call_nobody(job):
    contacted = []
    upstream = Api()
    upstream.answer = lambda *asked: contacted.append(asked)
    job.write(
        CONFIG
        + f'trace_collectors: {{own: {{endpoint: "{upstream.url}", headers: {{authorization: "${{env:ABSENT}}"}}}}}}\n'
    )
    job.write((job.directory / "gateway.yaml").read_text().replace(
        "sim: {type: simulator}",
        f'sim: {{type: simulator}}, own: {{type: custom, base_url: "{upstream.url}", api_key: "${{env:ABSENT}}"}}',
    ))  # fmt: skip

    assert job.github("check")[0] == 0
    code, said = job.github("pull-request")
    refused, why = job.github("apply")
    upstream.close()

    assert code == 0, said
    assert "is not compared" in job.api.comments[0]["body"].replace("&#95;", "_")
    assert refused == 1
    assert "plan where they are set" in why
    assert contacted == []


def test_findings_for_code_scanning(job):
    job.write(CONFIG + "nonsense: 1\n")

    assert job.github("sarif")[0] == 0

    log = json.loads((job.left / "gateway.sarif").read_text())
    assert [one["ruleId"] for one in log["runs"][0]["results"]] == ["unknown-field"]


def test_gitlab_writes_one_note_and_renews_it(job):
    assert job.gitlab("gateway-plan")[0] == 0
    (note,) = job.api.comments
    assert "2 to create" in note["body"]
    assert (job.left / "plan.md").exists()

    job.api.write(note["body"], account=8)
    job.write(CONFIG + "nonsense: 1\n")
    assert job.gitlab("gateway-plan")[0] == 1

    assert "this push cannot be planned" in note["body"]
    assert "2 to create" in job.api.comments[1]["body"]
    job.write(CONFIG)
    code, said = job.gitlab("gateway-plan", PIPELINE_COMMENT_TOKEN="")
    assert code == 0
    assert "set PIPELINE_COMMENT_TOKEN" in said


def test_gitlab_mints_no_secret_that_nobody_keeps(job, tmp_path):
    code, said = job.gitlab("gateway-apply")
    assert code == 1
    assert "set PIPELINE_STORE_SECRETS" in said

    kept = tmp_path / "kept"
    code, said = job.gitlab("gateway-apply", PIPELINE_STORE_SECRETS=f'cp "$MINTED_SECRETS" {kept}')

    assert code == 0, said
    assert kept.read_text().startswith("ci=lw_vk_test_")
    assert "lw_vk_" not in said
    assert not (job.left / "minted-secrets").exists()
    assert "No changes." in job.gitlab("gateway-apply")[1]


def uses(tree):
    """Every action that a file takes."""
    if isinstance(tree, dict):
        yield from ([tree["uses"]] if isinstance(tree.get("uses"), str) else [])
        for inner in tree.values():
            yield from uses(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from uses(inner)


def test_every_action_is_taken_by_its_commit():
    taken = [*uses(ACTION), *uses(WORKFLOW)]

    assert len(taken) > 5
    assert all(re.search(r"@[0-9a-f]{40}$", one) for one in taken), taken
    assert not any(one.startswith("./") for one in taken)


def test_the_workflow_runs_on_pull_requests_with_the_least_permissions():
    # YAML 1.1 reads the name `on` as true.
    assert set(WORKFLOW[True]) == {"pull_request", "push"}
    assert WORKFLOW["permissions"] == {}
    written = {
        name: [what for what, may in one["permissions"].items() if may == "write"]
        for name, one in WORKFLOW["jobs"].items()
    }
    assert written == {"plan": ["pull-requests"], "findings": ["security-events"], "apply": []}
    for one in WORKFLOW["jobs"].values():
        given = next(step["with"] for step in one["steps"] if "declarative-llm-gateway" in step.get("uses", ""))
        assert set(given) <= set(ACTION["inputs"])


def test_the_tools_come_from_the_checkout_with_hashes():
    install = (DEPLOY / "ci/install.sh").read_text()
    names = {line.split("==")[0] for line in (DEPLOY / "requirements.lock").read_text().splitlines() if "==" in line}

    assert "--require-hashes" in install
    assert "declarative-llm-gateway" not in install + (DEPLOY / "gitlab/gitlab-ci.yml").read_text()
    assert {"httpx", "pydantic"} <= names
    assert not names & {"pytest", "mypy", "playwright"}


def test_zizmor_finds_nothing():
    zizmor = Path(sys.executable).parent / "zizmor"
    if not zizmor.exists():
        pytest.skip("zizmor is not installed")
    files = [str(DEPLOY / "github-action" / name) for name in ("action.yml", "workflow.yml")]

    done = subprocess.run(
        [str(zizmor), "--offline", "--no-progress", "--persona=auditor", *files],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
