"""`gateway plan`, `apply`, `show`, `export` and `keys` as a team uses them: on a database, and over HTTP."""

import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import httpx
import pytest

from tests.support import launcher
from tests.support.control_plane import ControlPlane
from tests.support.sqlite import migrated

CANARY = "sk-canary-of-the-provider"
CONFIG = """version: 1
owner: platform
organization: acme
teams: {engineering: {}}
providers:
  simulator: {type: simulator}
  openai: {type: openai, api_key: "${env:CANARY}"}
model_aliases: {fast: simulator/gpt-5-mini}
virtual_keys:
  ci: {environment: test, team: engineering}
budgets:
  cap: {scope: {team: engineering}, window: month, limit_usd: 5}
"""


class Home:
    """A directory with a file, and a control plane."""

    def __init__(self, directory: Path, *where: str, token: str = "") -> None:
        self.directory = directory
        self.where = where
        self.file = directory / "gateway.yaml"
        self.file.write_text(CONFIG)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        self.environment = {
            **kept,
            "CANARY": CANARY,
            "GATEWAY_DATA_DIR": str(directory / "data"),
            "GATEWAY_CONTROL_PLANE_TOKEN": token,
            "COLUMNS": "200",
        }

    def run(self, *arguments: str, code: int = 0, token: str | None = None) -> str:
        environment = self.environment if token is None else {**self.environment, "GATEWAY_CONTROL_PLANE_TOKEN": token}
        done = launcher.run([*arguments, *self.where], env=environment, directory=self.directory)
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert "Traceback" not in said
        assert CANARY not in said
        return said

    def plan(self, *more: str, code: int = 0) -> str:
        return self.run("plan", "-c", "gateway.yaml", *more, code=code)

    def apply(self, *more: str, code: int = 0) -> str:
        return self.run("apply", "-c", "gateway.yaml", "-y", *more, code=code)

    def edit(self, old: str, new: str) -> None:
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))


@pytest.fixture(params=["in process", "over HTTP"])
def home(request, tmp_path):
    if request.param == "in process":
        made = Home(tmp_path, "--database", "default")
        (tmp_path / "data").mkdir(mode=0o700)
        migrated(tmp_path / "data" / "gateway.db")
        yield made
        return
    url = migrated(tmp_path / "plane.db")
    plane = ControlPlane(tmp_path, url)
    yield Home(tmp_path, "--control-plane", f"http://127.0.0.1:{plane.port}", token=plane.token("admin"))
    assert CANARY not in plane.log()
    plane.stop()


def test_from_a_file_to_no_changes(home):
    """Beginning without a database."""
    shutil.rmtree(home.directory / "data", ignore_errors=True)
    assert "7 to create" in home.plan("--detailed-exitcode", code=2)
    assert "7 to create" in home.plan()

    said = home.apply()

    assert re.search(r"ci=lw_vk_test_[0-9A-Z]{26}", said)
    assert "No changes. 7 resources match." in home.plan("--detailed-exitcode")
    assert "No changes." in home.apply()


def test_a_saved_plan_is_applied_once_and_goes_stale(home):
    home.plan("--out", "first.json")
    home.plan("--out", "second.json")
    assert (home.directory / "first.json").stat().st_mode & 0o777 == 0o600
    assert CANARY not in (home.directory / "first.json").read_text()

    where, home.where = home.where, ()
    assert "7 to create" in home.run("show", "first.json", "--detailed-exitcode", code=2)
    assert json.loads(home.run("show", "first.json", "--format", "json"))["summary"]["create"] == 7
    assert re.search(
        "<!-- gateway-plan:[0-9A-Z]{26}:platform -->\n", home.run("show", "first.json", "--format", "markdown")
    )
    home.where = where

    assert "Applied as revision 1" in home.run("apply", "first.json")
    assert "applied before, as revision 1" in home.run("apply", "first.json")
    stale = home.run("apply", "second.json", code=3)
    assert "moved from revision 0 to 1" in stale
    assert "Plan again" in stale


def test_the_command_that_applies_a_saved_plan_runs_as_printed(home):
    said = home.plan("--out", "my plan.json")

    printed = shlex.split(said.rpartition("To do exactly this: gateway ")[2])
    home.where = ()
    said = home.run(*printed, "--secrets-out", "minted")

    assert "Applied as revision 1" in said
    assert "The secret of 1 new key is in minted" in said


def test_a_plan_needs_no_credential_and_an_apply_does(home):
    home.apply()
    del home.environment["CANARY"]

    said = home.plan("--detailed-exitcode", "--out", "plan.json")

    assert "No changes." in said
    assert "providers.openai: api_key is not compared, since ${env:CANARY} is not set where this was planned" in said
    home.edit("type: openai,", "type: openai, models: [gpt-5],")
    home.plan("--out", "plan.json")
    changed = json.loads((home.directory / "plan.json").read_text())
    assert [one["path"] for one in changed["resource_changes"][0]["changes"]] == ["/models"]
    assert (changed["applyable"], changed["complete"]) == (False, False)
    assert "plan where they are set" in home.run("apply", "plan.json", code=1)
    assert "reference-missing" in home.apply(code=1)
    home.environment["CANARY"] = CANARY
    home.apply()


def test_a_new_provider_is_planned_without_its_credential(home):
    del home.environment["CANARY"]

    said = home.plan("--format", "markdown")

    assert "7 to create" in said
    assert "api&#95;key is not compared" in said


def test_guards_have_codes_of_their_own(home):
    home.apply()
    home.edit("teams: {engineering: {}}", "teams: {engineering: {}, a: {}, b: {}, c: {protected: true}, d: {}}")
    home.apply()
    home.edit("a: {}, b: {}, ", "")
    home.edit(", d: {}", "")

    assert "--allow-delete 3" in home.plan()
    assert "--allow-delete 3" in home.apply(code=4)
    home.edit(", c: {protected: true}", "")
    assert "teams.c is protected" in home.apply("--allow-delete", "4", code=4)
    home.edit("teams: {engineering: {}}", "teams: {engineering: {}, c: {}}")
    assert "Applied as revision 3" in home.apply("--allow-delete", "3")
    home.edit("teams: {engineering: {}, c: {}}", "teams: {engineering: {}}")
    home.apply()
    home.edit("limit_usd: 5", "limit_usd: 6")
    assert "(--no-widen)" in home.apply("--no-widen", code=4)


def test_a_file_with_nothing_left_deletes_nothing_without_a_word(home):
    home.apply()
    home.file.write_text("version: 1\nowner: platform\n")

    assert "Guard: it deletes all that its owner has" in home.plan()
    assert "say --allow-empty" in home.apply(code=4)
    assert "Applied as revision 2" in home.apply("--allow-empty")


def test_a_plan_tells_that_a_key_was_ended_outside_the_file(home):
    home.apply()
    home.run("keys", "disable", "ci")

    said = home.plan("--detailed-exitcode")

    assert re.search(r"! virtual_keys\.ci\.state   \(default\) -> disabled   .+ UTC\n +it stays so", said)
    home.run("keys", "revoke", "ci")
    assert "warning: virtual_keys.ci is revoked, which is final: take it out of the file" in home.plan()


def test_what_was_changed_outside_the_file_is_overwritten_only_with_a_word(home):
    home.apply()
    home.run("keys", "expire", "ci", "--at", "2027-01-01T00:00:00Z")

    assert "! virtual_keys.ci.expires_at   (default) -> 2027-01-01T00:00:00Z" in home.plan()
    assert "! virtual_keys.ci.expires_at" in home.plan("--drift-only", "--detailed-exitcode", code=2)
    assert "virtual_keys.ci.expires_at   " not in home.plan("--drift", "none")
    assert "say --discard-outside-edits" in home.apply(code=4)
    home.apply("--discard-outside-edits")
    assert "Nothing was changed outside the file" in home.plan("--drift-only", "--detailed-exitcode")
    assert "leave --out away" in home.plan("--drift-only", "--out", "plan.json", code=1)


def test_what_the_file_does_not_have_can_be_left(home):
    home.apply()
    home.edit("model_aliases: {fast: simulator/gpt-5-mini}\n", "")
    home.edit("limit_usd: 5", "limit_usd: 4")

    assert "1 skipped" in home.apply("--no-delete")
    assert "0 to create, 0 to change, 1 to remove" in home.plan()
    assert "model_aliases.fast" in home.plan("--no-delete", "--detailed-exitcode")


def test_an_apply_waits_for_others_no_longer_than_it_is_told(home):
    home.apply()
    home.edit("limit_usd: 5", "limit_usd: 4")
    home.plan("--out", "plan.json")
    (file,) = [one for one in home.directory.rglob("*.db") if one.name in ("gateway.db", "plane.db")]
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    assert "Somebody else writes at this moment" in home.run("apply", "plan.json", "--lock-timeout", "0s", code=5)

    other.execute("ROLLBACK")
    other.close()
    assert "Applied as revision 2" in home.run("apply", "plan.json", "--lock-timeout", "10s")


def test_what_others_made_is_adopted(home):
    home.apply()
    home.run("keys", "mint", "night", "--environment", "test")
    home.edit("virtual_keys:\n", "virtual_keys:\n  night: {environment: test}\n")
    assert (
        "virtual_keys.night belongs to api, and this file's owner is platform: choose another name, or adopt it: gateway adopt virtual_keys/night"
        in home.plan(code=1)
    )

    assert "virtual_keys.night belongs to platform now." in home.run(
        "adopt", "virtual_keys/night", "-c", "gateway.yaml"
    )

    assert "No changes. 8 resources match." in home.plan("--detailed-exitcode")
    assert "there is no teams.nowhere" in home.run("adopt", "teams/nowhere", "--owner", "x", code=1)
    assert "write KIND/NAME" in home.run("adopt", "nonsense", "--owner", "x", code=1)


def test_another_secret_of_a_key_widens(home):
    home.edit("environment: test", f"environment: test, secret_hash: 'hmac-sha256:{1:064x}'")
    home.apply()
    home.edit(f"{1:064x}", f"{2:064x}")

    assert "WIDENS ACCESS" in home.plan()
    home.apply("--no-widen", code=4)


def test_nothing_is_applied_without_a_word(home):
    assert "nobody is there to confirm" in home.run("apply", "-c", "gateway.yaml", code=1)
    assert "7 to create" in home.plan()


def test_where_secrets_go_is_settled_before_anything_is_applied(home):
    (home.directory / "link").symlink_to(home.directory / "elsewhere")
    (home.directory / "there").touch()

    assert "No such file or directory" in home.apply("--secrets-out", "absent/secrets.env", code=1)
    for taken in ("link", "there"):
        assert "is there already; secrets overwrite nothing" in home.apply("--secrets-out", taken, code=1)
    assert not (home.directory / "elsewhere").exists()
    assert "7 to create" in home.plan()
    assert "nobody is there to confirm" in home.run("apply", "-c", "gateway.yaml", "--secrets-out", "unused", code=1)
    home.apply("--secrets-out", "used")
    home.edit("limit_usd: 5", "limit_usd: 4")
    home.apply("--secrets-out", "unused")
    assert not (home.directory / "unused").exists()


def test_secrets_go_to_a_file_and_nowhere_else(home):
    said = home.apply("--secrets-out", "secrets.env")

    file = home.directory / "secrets.env"
    assert file.stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"ci=lw_vk_test_[0-9A-Z]{26}\n", file.read_text())
    assert "lw_vk_" not in said
    assert "secrets overwrite nothing" in home.apply("--secrets-out", "secrets.env", code=1)


def test_a_file_for_secrets_that_cannot_be_made_is_told_before_anything_is_applied(home):
    (home.directory / "link").symlink_to(home.directory / "elsewhere")

    assert "is there already; secrets overwrite nothing" in home.apply("--secrets-out", "link", code=1)
    assert "cannot be written: No such file or directory" in home.apply("--secrets-out", "nowhere/secrets.env", code=1)

    assert not (home.directory / "elsewhere").exists()
    assert "7 to create" in home.plan()
    home.apply("--secrets-out", "secrets.env")
    home.edit("limit_usd: 5", "limit_usd: 4")
    home.apply("--secrets-out", "none.env")
    assert not (home.directory / "none.env").exists()


def test_back_to_a_revision(home):
    home.apply()
    home.edit("limit_usd: 5", "limit_usd: 4")
    home.apply()
    home.run("keys", "disable", "ci")

    told = home.run("history")
    assert [line.split()[0] for line in told.splitlines()[2:]] == ["3", "2", "1"]
    assert "7 create" in told
    assert "update budgets.cap" in told
    assert "disable virtual_keys.ci" in told
    back = home.run("plan", "--to-revision", "1", "--owner", "platform", "--out", "back.json")
    assert "revision 1 ->" in back
    assert "4 -> 5" in back
    assert "1 to change" in back
    home.run("apply", "back.json")

    assert "4 -> 5" not in home.run("plan", "--to-revision", "1", "-c", "gateway.yaml")
    assert "revision 9 is not known: 0 to 4 are" in home.run(
        "plan", "--to-revision", "9", "--owner", "platform", code=1
    )
    assert "--owner goes with --to-revision" in home.run("plan", "--owner", "x", "-c", "gateway.yaml", code=1)


class LosesAnswers(BaseHTTPRequestHandler):
    """Between a command and a control plane: the answer to the first apply never arrives."""

    url = ""
    lost: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name: self.headers[name] for name in ("authorization", "content-type")}
        answer = httpx.post(self.url + self.path, content=body, headers=headers, trust_env=False)
        if self.path.endswith("/applies") and not self.lost:
            self.lost.append(answer.text)
            self.close_connection = True
            return
        self.send_response(answer.status_code)
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_secrets_survive_an_answer_that_is_lost(tmp_path):
    plane = ControlPlane(tmp_path, migrated(tmp_path / "plane.db"))
    handler = type("Losing", (LosesAnswers,), {"url": f"http://127.0.0.1:{plane.port}", "lost": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as between:
        thread = threading.Thread(target=between.serve_forever)
        thread.start()
        home = Home(tmp_path, "--control-plane", f"http://127.0.0.1:{between.server_port}", token=plane.token("apply"))

        said = home.apply("--secrets-out", "secrets.env")
        between.shutdown()
        thread.join()

    secret = json.loads(handler.lost[0])["minted"]["ci"]
    assert "applied before, as revision 1" in said
    assert (tmp_path / "secrets.env").read_text() == f"ci={secret}\n"
    plane.stop()


def test_a_saved_plan_is_readable_by_nobody_else_and_follows_no_link(home):
    for name in ("loose.json", "elsewhere.json"):
        (home.directory / name).write_text("loose")
        (home.directory / name).chmod(0o644)
    (home.directory / "link.json").symlink_to("elsewhere.json")

    for name in ("loose.json", "link.json"):
        home.run("plan", "-c", "gateway.yaml", "--out", name)
        file = home.directory / name
        assert (file.is_symlink(), file.stat().st_mode & 0o777) == (False, 0o600)
    assert (home.directory / "elsewhere.json").read_text() == "loose"


def test_on_call_disables_a_key_and_the_file_leaves_it_so(home):
    home.apply()
    home.run("keys", "disable", "ci")
    home.edit("limit_usd: 5", "limit_usd: 4")
    home.apply()

    listed = json.loads(home.run("keys", "list", "--format", "json"))
    assert [(one["name"], one["state"]) for one in listed] == [("ci", "disabled")]
    home.run("keys", "enable", "ci")
    home.run("keys", "expire", "ci", "--at", "2036-01-01T00:00:00Z")
    drift = home.plan()
    assert "Changed outside the file since the last apply: 1" in drift
    assert "virtual_keys.ci.expires_at" in drift
    rotated = home.run("keys", "rotate", "ci", "--grace", "1h")
    assert re.search(r"lw_vk_test_[0-9A-Z]{26}", rotated)
    assert "The one before it works until 20" in rotated
    assert "The one before it is refused from now on." in home.run("keys", "rotate", "ci", "--grace", "0s")
    again = home.run("keys", "mint", "ci", "--environment", "test", code=1)
    assert "virtual_keys.ci is there already: it is at revision" in again
    home.run("keys", "revoke", "ci")
    assert "revoked, which is final" in home.run("keys", "enable", "ci", code=1)
    assert "there is no virtual_keys.nobody" in home.run("keys", "revoke", "nobody", code=1)
    log = home.run("audit")
    for action in ("disable", "enable", "expire", "rotate", "revoke"):
        assert f" {action} " in log


def test_collectors_of_traces_are_applied_kept_secret_and_exported(home):
    home.edit("teams: {engineering: {}}", "teams: {engineering: {trace_collector: langfuse}}")
    collector = """trace_collectors:
  langfuse:
    endpoint: https://langfuse.example/api/public/otel
    headers: {Authorization: "Basic ${env:CANARY}", x-langfuse-ingestion-version: "4"}
    sampling_ratio: 0.25
trace_collector: langfuse
content_capture: {redact: ['[0-9]{16}']}
"""
    home.edit("providers:\n", collector + "providers:\n")
    home.apply()
    assert all(CANARY.encode() not in file.read_bytes() for file in home.directory.rglob("*.db*"))
    home.run("export", "--out", "exported.yaml")
    assert "Basic ${env:CANARY}" in (home.directory / "exported.yaml").read_text()
    home.environment["LANGFUSE_X_LANGFUSE_INGESTION_VERSION"] = "4"
    assert "No changes." in home.run("plan", "-c", "exported.yaml", "--detailed-exitcode")

    home.edit("environment: test,", "environment: test, content_capture: {enabled: true},")
    said = home.plan()
    assert "WIDENS" in said
    assert "prompts and answers of ci can be read in the trace collector langfuse (https://langfuse.example" in said
    home.edit("Basic ${env:CANARY}", "Bearer ${env:CANARY}")
    assert "(sensitive, changed)" in home.plan()
    home.apply("--no-widen", code=4)


def test_an_export_plans_to_no_changes(home):
    home.edit("${env:CANARY}", "${env:CANARY}\", headers: {x-team: '${runtime-env:TEAM}'}, project: \"$${literal}")
    home.apply()
    home.run("keys", "rotate", "ci")

    home.run("export", "--out", "exported.yaml")

    assert "${env:CANARY}" in (home.directory / "exported.yaml").read_text()
    assert "No changes. 7 resources match." in home.run("plan", "-c", "exported.yaml", "--detailed-exitcode")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("owner: platform\n", "", "add `owner: NAME`"),
        (
            "limit_usd: 5",
            'limit_usd: "${env:ABSENT}"',
            "error[reference-missing] the environment variable ABSENT is not",
        ),
        ("simulator/gpt-5-mini", "nowhere/gpt-5-mini", "there is no provider named 'nowhere'"),
        ("limit_usd: 5", "limit_usd: many", "gateway.yaml:12:"),
    ],
)
def test_files_that_cannot_be_planned(home, old, new, said):
    home.edit(old, new)

    assert said in home.plan(code=1)
    assert said in home.apply(code=1)


@pytest.mark.parametrize("content", ["", "[]", '{"format_version": "9.0", "sealed": "x"}', "\x00"])
def test_files_that_are_no_plan(home, content):
    (home.directory / "plan.json").write_text(content)

    assert "plan.json: this " in home.run("apply", "plan.json", code=1)


def test_a_partial_plan(home):
    assert "the key ci reaches no provider" in home.plan("--target", "virtual_keys/ci", code=1)
    home.edit("test, team: engineering}", "test, team: engineering, providers: [simulator]}")

    said = home.plan("--target", "virtual_keys/ci")

    assert said.count("needed by virtual_keys.ci") == 2
    assert "3 to create" in said
    home.apply("--target", "virtual_keys/ci")
    assert "4 to create" in home.plan()
    assert "is no address; write KIND/NAME" in home.plan("--target", "nonsense", code=1)
    assert "virtual_keys.typo is neither in the file nor" in home.plan("--target", "virtual_keys/typo", code=1)
    assert "between 0s and 600s" in home.apply("--lock-timeout", "1h", code=1)


def test_tokens_say_what_they_may(tmp_path):
    url = migrated(tmp_path / "plane.db")
    plane = ControlPlane(tmp_path, url)
    home = Home(tmp_path, "--control-plane", f"http://127.0.0.1:{plane.port}", token=plane.token("plan"))

    home.plan("--out", "plan.json")
    assert "needs a token of scope apply; this one has plan" in home.run("apply", "plan.json", code=1)
    assert "needs a token of scope plan; this one has gateway" in home.run(
        "plan", "-c", "gateway.yaml", code=1, token=plane.token("gateway")
    )
    assert "This token is unknown" in home.run("plan", "-c", "gateway.yaml", code=1, token="nonsense")
    home.run("apply", "plan.json", token=plane.token("apply"))
    plane.stop()
    assert "cannot be reached" in home.plan(code=1)


@pytest.mark.parametrize("how", ["flag", "variable"])
def test_the_head_says_what_is_planned_for_whom(tmp_path, how):
    (tmp_path / "work").mkdir()
    named = {"GATEWAY_CONTROL_PLANE_NAME": "prod"}
    if how == "flag":
        plane = ControlPlane(tmp_path, migrated(tmp_path / "plane.db"), "--name", "prod")
        where = ("--control-plane", f"http://127.0.0.1:{plane.port}")
        home = Home(tmp_path / "work", *where, token=plane.token("apply"))
    else:
        home = Home(tmp_path / "work", "--database", "default")
        home.environment |= named
    git(home.directory, "init", "-q")
    git(home.directory, "add", "gateway.yaml")
    git(home.directory, "commit", "-q", "-m", "x")
    commit = git(home.directory, "rev-parse", "HEAD")[:7]

    assert home.plan("--out", "plan.json").startswith(f"{commit} -> prod   revision 0   owner platform")
    home.edit("limit_usd: 5", "limit_usd: 6")
    assert home.plan().startswith(f"{commit}+dirty -> prod   revision 0")
    head = home.plan("--format", "markdown").splitlines()[:3]
    assert head == [
        "<!-- gateway-plan:prod:platform -->",
        f"<!-- gateway-commit:{commit}+dirty -->",
        f"### gateway plan · prod · platform · {commit}+dirty",
    ]
    told = json.loads(home.plan("--format", "json"))
    assert (told["control_plane"], told["source"]["commit"]) == ("prod", f"{commit}+dirty")
    home.run("apply", "plan.json")
    assert home.plan().startswith(f"{commit}+dirty -> prod   revision 1")
    if how == "flag":
        plane.stop()


def git(directory, *arguments):
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *arguments], cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_control_plane_is_not_talked_to_in_clear(tmp_path):
    home = Home(tmp_path, "--control-plane", "http://control-plane.example.com", token="x")

    assert "use https://" in home.plan(code=1)
