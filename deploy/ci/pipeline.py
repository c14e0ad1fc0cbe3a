"""What a job of CI does with a configuration: check it, plan it, tell the pull request, apply it.

    python -I pipeline.py check          # validate, and the policy tests beside the configuration; needs no secret
    python -I pipeline.py pull-request   # check, plan, and write the plan, or why there is none, into one comment
    python -I pipeline.py apply          # check, plan, and apply that plan
    python -I pipeline.py sarif          # the findings as a file for code scanning

It needs the standard library alone and runs the gateway of its own checkout. Everything that a pull request can write
is printed where the runner takes no command from it. Settings are variables, see `Settings`.
"""

import hashlib
import html
import json
import os
import re
import secrets
import shlex
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
CHANGES: Final = 2
"""The exit code of `gateway plan --detailed-exitcode` where there are changes."""
NOT_FOR_THE_GATEWAY: Final = ("GITHUB_TOKEN", "PIPELINE_COMMENT_TOKEN", "GATEWAY_PLAN_TOKEN", "GATEWAY_APPLY_TOKEN")
MODES: Final = ("check", "pull-request", "apply", "sarif")
TOKEN: Final = "GATEWAY_CONTROL_PLANE_TOKEN"  # noqa: S105 - the name of a variable
ANNOTATION: Final = re.compile(r"::(?:error|warning|notice) [^\r\n]*")
MARKER: Final = re.compile(r"<!-- gateway-ci:([0-9a-f]{32}):(\S*) -->")
LONGEST_COMMENT: Final = 60_000
"""Characters; GitHub refuses comments of more than 65,536."""


@dataclass(frozen=True)
class Settings:
    """What the job says.

    Args:
        config: Configuration files and directories (`PIPELINE_CONFIG`, separated by white space).
        tests: Files of policy tests (`PIPELINE_TESTS`); by default every `*.test.yaml` beside the configuration.
        control_plane: Its URL (`GATEWAY_CONTROL_PLANE_URL`).
        apply_flags: More flags for `gateway apply` (`PIPELINE_APPLY_FLAGS`).
        store_secrets: A shell command that keeps the file `$MINTED_SECRETS` of new keys (`PIPELINE_STORE_SECRETS`).
        directory: Where plan and secrets are left (`PIPELINE_DIRECTORY`).
    """

    config: Sequence[str]
    tests: Sequence[str]
    control_plane: str
    apply_flags: Sequence[str]
    store_secrets: str
    directory: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Settings":
        """Those of the environment."""
        config = environ.get("PIPELINE_CONFIG", "gateway.yaml").split()
        folders = dict.fromkeys(Path(path) if Path(path).is_dir() else Path(path).parent for path in config)
        beside = [str(found) for folder in folders for found in sorted(folder.glob("*.test.yaml"))]
        return cls(
            config=config,
            tests=environ.get("PIPELINE_TESTS", "").split() or beside,
            control_plane=environ.get("GATEWAY_CONTROL_PLANE_URL", ""),
            apply_flags=shlex.split(environ.get("PIPELINE_APPLY_FLAGS", "")),
            store_secrets=environ.get("PIPELINE_STORE_SECRETS", ""),
            directory=Path(environ["PIPELINE_DIRECTORY"]),
        )


class FailedError(Exception):
    """A step did not do what it is for; the message is what the gateway said."""


def main(mode: str) -> int:
    """Does what a mode is for; 1 where a step failed."""
    settings, host = Settings.of(os.environ), host_of(os.environ)
    settings.directory.mkdir(parents=True, exist_ok=True)
    try:
        if mode == "sarif":
            write_sarif(settings, host)
            return 0
        check(settings, host)
        if mode == "pull-request":
            if not os.environ.get(TOKEN):
                host.warn("Not planned: there is no token. Pull requests from forks get none.")
                return 0
            plan(settings, host)
            host.comment(settings, (settings.directory / "plan.md").read_text(), owner_of(settings))
        elif mode == "apply":
            apply(settings, host)
    except FailedError as error:
        if mode == "pull-request" and os.environ.get(TOKEN):
            host.comment(settings, told_as_error(str(error)), "")
        return 1
    return 0


def check(settings: Settings, host: "Host") -> None:
    """Validates the configuration and runs its policy tests. Neither sees a secret of the control plane."""
    commands = [["validate", "--strict", *settings.config]]
    if settings.tests:
        commands.append(["test", *settings.tests])
    for command in commands:
        run(command, host, without=(TOKEN,))


def run(command: Sequence[str], host: "Host", *, without: Sequence[str] = (), good: Sequence[int] = (0,)) -> int:
    """Runs a command and shows what it finds; its exit code. Raises `FailedError` for one that is not good."""
    done = gateway([*command, "--format", host.findings], without)
    host.show_findings(done.stdout)
    host.show(done.stderr)
    if done.returncode not in good:
        again = gateway([*command, "--format", "text"], without)
        raise FailedError(f"gateway {command[0]}\n\n{again.stderr}{again.stdout}")
    return done.returncode


def plan(settings: Settings, host: "Host") -> bool:
    """Leaves the plan as `plan.json` and `plan.md`; whether it has changes."""
    saved = settings.directory / "plan.json"
    flags = [flag for path in settings.config for flag in ("--config", path)]
    code = run(["plan", *flags, "--out", str(saved), "--detailed-exitcode"], host, good=(0, CHANGES))
    markdown = gateway(["show", str(saved), "--format", "markdown"]).stdout
    (settings.directory / "plan.md").write_text(markdown)
    host.summarize(markdown)
    host.output("changes", "true" if code == CHANGES else "false")
    return code == CHANGES


def apply(settings: Settings, host: "Host") -> None:
    """Applies the plan that it makes; the secrets of new keys go into a file, and to who keeps them."""
    if not plan(settings, host):
        return
    saved, minted = settings.directory / "plan.json", settings.directory / "minted-secrets"
    changes = json.loads(saved.read_text())["resource_changes"]
    if host.ends_with_the_job and not settings.store_secrets and any(one.get("mints_secret") for one in changes):
        message = "The plan makes secrets of new keys, and nothing keeps them: set PIPELINE_STORE_SECRETS to a command."
        host.show(message)
        raise FailedError(message)
    done = gateway(["apply", str(saved), "--secrets-out", str(minted), *settings.apply_flags])
    host.show(done.stdout + done.stderr)
    if done.returncode != 0:
        raise FailedError(f"gateway apply\n\n{done.stderr}{done.stdout}")
    if settings.store_secrets and minted.exists():
        stored = subprocess.run(
            ["sh", "-c", settings.store_secrets], check=False, env={**os.environ, "MINTED_SECRETS": str(minted)}
        )
        if stored.returncode != 0:
            host.show("The new secrets were not kept: rotate these keys to get others.")
            raise FailedError("the secrets of new keys were not kept")
        minted.unlink()


def write_sarif(settings: Settings, host: "Host") -> None:
    """Leaves the findings as `gateway.sarif`."""
    done = gateway(["validate", "--strict", *settings.config, "--format", "sarif"], without=(TOKEN,))
    host.show(done.stderr)
    (settings.directory / "gateway.sarif").write_text(done.stdout)


def gateway(arguments: Sequence[str], without: Sequence[str] = ()) -> "subprocess.CompletedProcess[str]":
    """Runs a command of this checkout's gateway; never a module that lies in the folder of the job (`-P`)."""
    hidden = {*NOT_FOR_THE_GATEWAY, *without}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    return subprocess.run(
        [sys.executable, "-P", "-m", "gateway", *arguments],
        env={**environment, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def owner_of(settings: Settings) -> str:
    """Whose plan it is."""
    return str(json.loads((settings.directory / "plan.json").read_text())["owner"])


def told_as_error(text: str) -> str:
    """A failure as Markdown: nothing in it is a mention, a link or markup."""
    shown = html.escape(text[: LONGEST_COMMENT // 4]).replace("@", "&#64;")
    return f"### gateway: this push cannot be planned\n\nWhat stood here before is void.\n\n<pre>{shown}</pre>\n"


class Host:
    """Where the job runs: how it is told of findings and plans. This one is a plain terminal."""

    findings = "text"
    ends_with_the_job = False
    """Whether nothing that the job leaves on its machine can be used afterwards."""

    def show(self, text: str) -> None:
        """What a command printed."""
        print(text, end="" if text.endswith("\n") or not text else "\n", flush=True)

    def show_findings(self, text: str) -> None:
        """What a command printed of findings."""
        self.show(text)

    def warn(self, text: str) -> None:
        """A sentence of ours that should be seen."""
        self.show(f"warning: {text}")

    def summarize(self, markdown: str) -> None:
        """Beside the log, where there is such a place."""

    def output(self, name: str, value: str) -> None:
        """For later steps of the job."""

    def comments(self) -> Iterator[tuple[str, str]]:
        """Our own comments on the pull request: id and text."""
        yield from ()

    def write_comment(self, id_: str | None, body: str) -> None:
        """Renews a comment, or writes a new one."""

    def comment(self, settings: Settings, body: str, owner: str) -> None:
        """Puts a text into the one comment of this owner, control plane and path, whatever was there before.

        A push that could not be read has no owner: it renews the comment of whichever owner there was.
        """
        where = f"{settings.control_plane.rstrip('/')}\n{' '.join(settings.config)}"
        key = hashlib.sha256(where.encode()).hexdigest()[:32]
        try:
            ours = [(id_, found) for id_, text in self.comments() if (found := MARKER.match(text))]
            same = [(id_, found[2]) for id_, found in ours if found[1] == key]
            fitting = [(id_, whose) for id_, whose in same if not owner or whose in ("", owner)]
            id_, whose = fitting[0] if fitting else (None, "")
            self.write_comment(id_, f"<!-- gateway-ci:{key}:{owner or whose} -->\n{body}")
        except urllib.error.HTTPError as error:
            self.warn(f"The comment could not be written ({error.code}): the job may not write to the pull request.")


class GitHub(Host):
    """A runner of GitHub Actions (https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions)."""

    findings = "github"

    def show(self, text: str) -> None:
        """Printed where the runner takes no commands from it: until a word that nobody can guess."""
        if text.strip():
            word = secrets.token_hex(16)
            print(f"::stop-commands::{word}\n{text.rstrip()}\n::{word}::", flush=True)

    def show_findings(self, text: str) -> None:
        """Annotations are commands, whose values the gateway has escaped; nothing else is."""
        lines = text.splitlines()
        for line in lines:
            if ANNOTATION.fullmatch(line):
                print(line, flush=True)
        self.show("\n".join(line for line in lines if not ANNOTATION.fullmatch(line)))

    def warn(self, text: str) -> None:
        """An annotation of the run."""
        print(f"::warning ::{text}", flush=True)

    def summarize(self, markdown: str) -> None:
        """The summary of the run."""
        with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a") as summary:
            summary.write(markdown)

    def output(self, name: str, value: str) -> None:
        """An output of the step."""
        with Path(os.environ["GITHUB_OUTPUT"]).open("a") as outputs:
            outputs.write(f"{name}={value}\n")

    def comments(self) -> Iterator[tuple[str, str]]:
        """Those of the account whose token this is; anybody could write the marker."""
        author = os.environ.get("PIPELINE_COMMENT_AUTHOR") or "github-actions[bot]"
        for one in pages(self._request, f"{self._issue()}/comments"):
            if (one.get("user") or {}).get("login") == author:
                yield str(one["id"]), one.get("body") or ""

    def write_comment(self, id_: str | None, body: str) -> None:
        """See https://docs.github.com/en/rest/issues/comments."""
        if id_ is None:
            self._request("POST", f"{self._issue()}/comments", {"body": body})
        else:
            self._request("PATCH", f"issues/comments/{id_}", {"body": body})

    def _issue(self) -> str:
        event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text())
        return f"issues/{int(event['pull_request']['number'])}"

    def _request(self, method: str, path: str, body: Any = None) -> Any:
        base = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}"
        headers = {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"}
        return request(method, f"{base}/{path}", headers, body)


class GitLab(Host):
    """A job of GitLab CI/CD (https://docs.gitlab.com/ci/variables/predefined_variables/)."""

    ends_with_the_job = True

    def comments(self) -> Iterator[tuple[str, str]]:
        """Those of the account whose token this is; without a token there are none."""
        if self._token():
            account = self._request("GET", "user")["id"]
            for one in pages(self._request, self._notes()):
                if one["author"]["id"] == account:
                    yield str(one["id"]), one["body"]

    def write_comment(self, id_: str | None, body: str) -> None:
        """See https://docs.gitlab.com/api/notes/."""
        if not self._token():
            self.warn("No note was written: set PIPELINE_COMMENT_TOKEN, a project token of scope `api`.")
        elif id_ is None:
            self._request("POST", self._notes(), {"body": body})
        else:
            self._request("PUT", f"{self._notes()}/{id_}", {"body": body})

    def _token(self) -> str:
        return os.environ.get("PIPELINE_COMMENT_TOKEN", "")

    def _notes(self) -> str:
        merge_request = int(os.environ["CI_MERGE_REQUEST_IID"])
        return f"projects/{int(os.environ['CI_PROJECT_ID'])}/merge_requests/{merge_request}/notes"

    def _request(self, method: str, path: str, body: Any = None) -> Any:
        return request(method, f"{os.environ['CI_API_V4_URL']}/{path}", {"PRIVATE-TOKEN": self._token()}, body)


def host_of(environ: Mapping[str, str]) -> Host:
    """The one that runs this job."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return GitHub()
    return GitLab() if environ.get("GITLAB_CI") == "true" else Host()


def pages(ask: Any, path: str) -> Iterator[Any]:
    """Everything of a list, a hundred at a time."""
    page = 1
    while some := ask("GET", f"{path}?per_page=100&page={page}"):
        yield from some
        page += 1


def request(method: str, url: str, headers: Mapping[str, str], body: Any) -> Any:
    """Asks an API; raises `urllib.error.HTTPError` for what it refuses."""
    content = None if body is None else json.dumps(body).encode()
    given = {**headers, "Content-Type": "application/json", "User-Agent": "gateway-ci"}
    asked = urllib.request.Request(url, content, given, method=method)
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.load(answer)


if __name__ == "__main__":
    if sys.argv[1:] not in [[mode] for mode in MODES]:
        sys.exit(f"usage: pipeline.py {'|'.join(MODES)}")
    sys.exit(main(sys.argv[1]))
