"""Everything that commands and servers write, under a umask that takes nothing away, beside the table of the docs."""

import os
import re
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from gateway import ids
from gateway.ledger.segment import frame
from tests.cli.test_command_tree import PATHS
from tests.support import launcher
from tests.support.control_plane import ControlPlane
from tests.support.gateway import Gateway
from tests.support.keys import HASH

DOCS = Path(__file__).parents[2] / "docs" / "security.md"
CONFIG = f"""version: 1
owner: platform
teams: {{t: {{}}}}
providers: {{sim: {{type: simulator, models: [gpt-5-mini]}}}}
virtual_keys:
  ci: {{environment: test, secret_hash: "{HASH}", team: t}}
  new: {{environment: test}}
"""
SERVED = CONFIG.replace("  new: {environment: test}\n", "").replace("owner: platform\n", "")
TEST = "config: served.yaml\ncases: [{name: one, key: ci, model: gpt-5-mini, expect: {provider: sim}}]\n"
DATABASE = ("--database", "default")
OFFLINE = {
    "validate": ("gateway.yaml",),
    "schema": ("--output", "schema --output"),
    "keys mint": ("other", "--environment", "test", "--write", "keys mint --write"),
    "prices update": (),
    "prices diff": (),
    "prices list": (),
    "test": ("served.test.yaml", "--junit", "test --junit"),
    "diff": ("served.yaml", "gateway.yaml"),
    "explain": ("-c", "served.yaml", "--key", "ci", "--model", "gpt-5-mini"),
    "config": ("-c", "served.yaml", "--resolved"),
    "import litellm": ("litellm.yaml", "--output", "import --output", "--report", "import --report"),
    "import portkey": ("portkey.json",),
    "import bifrost": ("portkey.json",),
    "init": ("init", "--yes"),
    "completion": ("bash",),
    "version": (),
    "control-plane generate-key": (),
    "db upgrade": (),
    "db status": (),
    "plan": (*DATABASE, "--out", "plan --out"),
    "show": ("plan --out",),
    "apply": ("plan --out", *DATABASE, "--secrets-out", "apply --secrets-out"),
    "adopt": ("virtual_keys/ci", "--owner", "platform", *DATABASE),
    "adopt-id": ("file-1", "--key", "ci", "--provider", "openai", *DATABASE),
    "export": ("--owner", "platform", *DATABASE, "--out", "export --out"),
    "tokens create": ("--name", "x", "--scope", "view"),
    "tokens list": (),
    "audit": DATABASE,
    "history": DATABASE,
    "status": DATABASE,
    "keys rotate": ("new", *DATABASE),
    "keys list": DATABASE,
    "keys disable": ("new", *DATABASE),
    "keys enable": ("new", *DATABASE),
    "keys expire": ("new", *DATABASE),
    "keys revoke": ("new", *DATABASE),
    "spend": (),
    "budgets": (),
    "check-ledger": (),
    "report unpriced": (),
    "report warnings": (),
    "ledger prune": ("--keep", "13 months"),
    "control-plane rotate-encryption": (),
}
OF_A_GATEWAY = {
    "ready": (),
    "top": ("--once", "--interval", "0.2"),
    "smoke": ("--model", "gpt-5-mini", *DATABASE),
}
NOT_RUN = {
    "serve": "it is run twice, as two gateways",
    "control-plane serve": "it is run as a control plane",
    "tokens revoke": "it writes to the database alone, as `tokens create` does",
    "keys hash": "it reads a secret from standard input and prints its hash",
    "keys purge": "it writes to the database alone, as `keys revoke` does",
}


@contextmanager
def umask(mask):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


class Machine:
    """Folders of one user, and the modes of all that was seen in them."""

    def __init__(self, root):
        self.root = root
        self.data, self.work, self.harness = root / "DATA", root / "work", root / "harness"
        for folder in (self.data, self.work, self.harness, root / "TMPDIR", root / "home"):
            folder.mkdir()
        self.work.joinpath("gateway.yaml").write_text(CONFIG)
        self.work.joinpath("served.yaml").write_text(SERVED)
        self.work.joinpath("keys mint --write").write_text(CONFIG)
        self.work.joinpath("keys mint --write").chmod(0o640)
        self.work.joinpath("served.test.yaml").write_text(TEST)
        self.work.joinpath("litellm.yaml").write_text("model_list: []\n")
        self.work.joinpath("portkey.json").write_text('{"provider": "openai", "api_key": "x"}')
        self.own = {path.name for path in self.work.iterdir()} - {"keys mint --write"}
        self.environment = {
            "GATEWAY_DATA_DIR": str(self.data),
            "TMPDIR": str(root / "TMPDIR"),
            "HOME": str(root / "home"),
            "XDG_STATE_HOME": str(root / "home"),
            "NO_COLOR": "1",
        }
        self.seen = {}

    def run(self, command, arguments):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        environment = {**kept, **self.environment}
        done = launcher.run([*command.split(), *arguments], env=environment, directory=self.work)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        self.look()

    def look(self):
        """Notes what is there now."""
        for path in self.root.rglob("*"):
            name = str(path.relative_to(self.root)).removeprefix("work/")
            if not path.is_relative_to(self.harness) and name not in (*self.own, "work", "TMPDIR", "home"):
                mode = path.lstat().st_mode & 0o777
                assert self.seen.setdefault(f"{name}/" if path.is_dir() else name, mode) == mode, name


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    machine = Machine(tmp_path_factory.mktemp("machine"))
    machine.data.chmod(0o777)
    with umask(0):
        gateway = Gateway(machine.harness, SERVED, "--workers", "2", env=machine.environment)
        assert gateway.chat().status_code == 200
        gateway.wait((machine.data / "known-peppers").exists)
        machine.look()
        gateway.stop()
        left_by_a_dead_worker(machine.data)
        for command, arguments in OFFLINE.items():
            machine.run(command, arguments)
        plane = ControlPlane(machine.harness, f"sqlite:///{machine.data / 'gateway.db'}", env=machine.environment)
        following = {"GATEWAY_CONTROL_PLANE_TOKEN": plane.token("gateway"), **machine.environment}
        gateway = Gateway(machine.harness, None, "--control-plane", str(plane.client.base_url), env=following)
        assert gateway.chat().status_code == 200
        gateway.wait(lambda: gateway.readyz()["ledger"]["set_aside_entries"])
        for command, arguments in OF_A_GATEWAY.items():
            machine.run(command, ("--url", gateway.url, *arguments))
        gateway.stop()
        plane.stop()
    return machine.seen


def left_by_a_dead_worker(data):
    """An entry that no database takes."""
    (spool,) = (data / "spool").iterdir()
    worker = spool / ids.ulid()
    worker.mkdir()
    worker.chmod(0o755)
    segment = worker / "00000001.seg"
    segment.write_bytes(frame(b'{"no": "entry"}'))
    worker.chmod(0o700)
    segment.chmod(0o600)


def table():
    """Patterns of paths and the modes that the docs promise."""
    section = DOCS.read_text().partition("## What is written to disk")[2].partition("\n## ")[0]
    for row in re.findall(r"^\| (`.*?) \| .* \| (.*) \|$", section, re.MULTILINE):
        for pattern in re.findall("`([^`]+)`", row[0]):
            yield pattern, row[1]


def fits(pattern, name):
    steps, found = pattern.split("/"), name.split("/")
    return len(steps) == len(found) and all(map(fnmatchcase, found, steps))


MODES = {
    "0600": 0o600,
    "0700": 0o700,
    "as it was": 0o640,
    "as it was, 0644 at first": 0o644,
    "as the umask says": 0o666,
}
TABLE = dict(table())


def test_every_command_is_run_or_has_a_reason():
    assert sorted([*OFFLINE, *OF_A_GATEWAY, *NOT_RUN]) == sorted(PATHS)


def test_whatever_is_written_has_the_mode_of_the_table(seen):
    told = {name: {mode for pattern, mode in TABLE.items() if fits(pattern, name)} for name in seen}

    assert {
        name: oct(seen[name]) for name, modes in told.items() if {MODES[mode] for mode in modes} != {seen[name]}
    } == {}


@pytest.mark.parametrize("pattern", TABLE)
def test_whatever_the_table_has_is_written(seen, pattern):
    assert [name for name in seen if fits(pattern, name)]
