import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway import clock
from gateway.keys.digest import DEVELOPMENT_PEPPER, Pepper, format_hash
from gateway.keys.virtual_key import environment_of
from tests.cli.conftest import FILE, HASH

ROOT = Path(__file__).parents[2]
NOW = datetime(2027, 1, 1, 12, 0, 0, 7, tzinfo=UTC)
OWN = "a pepper of our own"


def hashed(secret, pepper=DEVELOPMENT_PEPPER):
    return format_hash(Pepper(pepper).digest(secret))


@pytest.fixture(autouse=True)
def _at_noon(monkeypatch):
    monkeypatch.setattr(clock, "utc_now", lambda: NOW)


def test_mint_prints_the_secret_once_and_the_line_to_commit(gateway):
    done = gateway("keys", "mint", "new", "--environment", "test")

    secret, line = done.out.splitlines()
    assert done.code == 0
    assert environment_of(secret) == "test"
    assert line == f"secret_hash: {hashed(secret)}"
    assert secret not in done.err
    assert "development pepper" in done.err


def test_mint_for_machines(gateway):
    done = gateway("keys", "mint", "new", "--format", "json", GATEWAY_KEY_PEPPER=OWN)

    minted = json.loads(done.out)
    assert set(minted) == {"name", "secret", "secret_hash"}
    assert minted["name"] == "new"
    assert environment_of(minted["secret"]) == "live"
    assert minted["secret_hash"] == hashed(minted["secret"], OWN.encode())
    assert OWN not in done.out + done.err


@pytest.mark.parametrize("command", ["mint", "rotate"])
def test_a_live_key_needs_a_pepper_of_ones_own(gateway, command):
    done = gateway("keys", command, "new", "--environment", "live")

    assert (done.code, done.out) == (1, "")
    assert "set GATEWAY_KEY_PEPPER" in done.err
    assert "--environment test" in done.err


@pytest.mark.parametrize("pepper", ["", "too short", "fifteen letters"])
@pytest.mark.parametrize("command", [("mint", "new"), ("rotate", "old"), ("hash",)])
@pytest.mark.parametrize("environment", ["live", "test"])
def test_a_pepper_that_serve_refuses_makes_no_key(gateway, file, command, pepper, environment):
    write = () if command == ("hash",) else ("--environment", environment, "--write", "gateway.yaml")
    secret = f"lw_vk_{environment}_01HZX9M3V4K5N6P7Q8R9S0T1V2"
    done = gateway("keys", *command, *write, stdin=secret, GATEWAY_KEY_PEPPER=pepper)
    served = gateway("serve", "--config", "gateway.yaml", GATEWAY_KEY_PEPPER=pepper)

    assert (done.code, done.out, done.err) == (1, "", f"error: {json.loads(served.err)['event']}\n")
    assert "GATEWAY_KEY_PEPPER" in done.err
    assert file.read_text() == FILE


def test_a_live_key_is_not_rotated_in_a_file_without_a_pepper(gateway, file):
    live = FILE.replace("environment: test", "environment: live")
    file.write_text(live)

    done = gateway("keys", "rotate", "old", "--write", "gateway.yaml")

    assert (done.code, done.out) == (1, "")
    assert file.read_text() == live


def test_mint_writes_the_new_key_into_the_file(gateway, file):
    done = gateway("keys", "mint", "new", "--environment", "test", "--write", "gateway.yaml")

    (secret,) = done.out.splitlines()
    assert done.code == 0
    assert file.read_text() == FILE + f"  new:\n    environment: test\n    secret_hash: {hashed(secret)}\n"
    assert gateway("validate", "gateway.yaml").code == 0


def test_a_file_is_utf8_whatever_the_locale(file):
    file.write_bytes(FILE.replace("for people", "für Leute").encode())
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "gateway", "keys", "mint", "new", "--environment", "test", "--write", file.name]

    done = subprocess.run(command, env=environment, capture_output=True, check=False)

    assert done.returncode == 0, done.stderr
    assert file.read_bytes().startswith(FILE.replace("for people", "für Leute").encode())
    assert b"  new:\n" in file.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("mint", "old", "--environment", "test", "--write", "gateway.yaml"), "has a secret already"),
        (("mint", "bad name", "--environment", "test", "--write", "gateway.yaml"), "would not be valid"),
        (("mint", "new", "--environment", "test", "--write", "absent.yaml"), "cannot be read"),
        (("rotate", "nobody", "--write", "gateway.yaml"), "no virtual key named nobody"),
        (("rotate", "old", "--write", "gateway.yaml", "--grace", "soon"), "--grace"),
        (("rotate", "old", "--write", "gateway.yaml", "--grace", "999999d9"), "--grace"),
        (("rotate", "old", "--environment", "test", "--grace", "999999d"), None),
    ],
)
def test_a_refused_change_shows_no_secret_and_leaves_the_file(gateway, file, arguments, reason):
    done = gateway("keys", *arguments)

    if reason is None:
        assert done.code == 0
    else:
        assert (done.code, done.out) == (1, "")
        assert reason in done.err
    assert file.read_text() == FILE
    assert list(file.parent.iterdir()) == [file]


def test_mint_fills_a_section_that_is_there_but_empty(gateway, file):
    head, _, _ = FILE.partition("  # for people")
    file.write_text(head)

    done = gateway("keys", "mint", "new", "--environment", "test", "--write", "gateway.yaml")

    assert done.code == 0
    assert hashed(done.out.strip()) in file.read_text()
    assert gateway("validate", "gateway.yaml").code == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("version: 1\nvirtual_keys: [new]\n", "virtual_keys is not a mapping"),
        ("version: 1\nvirtual_keys: {new: text}\n", "new is not a mapping"),
        ("version: 1\nvirtual_keys: {new: {environment: live}}\n", "is a key of environment live"),
    ],
)
def test_mint_does_not_write_over_what_says_otherwise(gateway, file, text, reason):
    file.write_text(text)

    done = gateway("keys", "mint", "new", "--environment", "test", "--write", "gateway.yaml")

    assert (done.code, done.out) == (1, "")
    assert reason in done.err
    assert file.read_text() == text


def test_rotate_keeps_the_old_hash_for_the_grace(gateway, file):
    done = gateway("keys", "rotate", "old", "--write", "gateway.yaml", "--grace", "30m")

    (secret,) = done.out.splitlines()
    assert done.code == 0
    assert environment_of(secret) == "test"
    assert file.read_text() == FILE.replace(HASH, hashed(secret)) + (
        f"    previous_secret_hash: {HASH}\n    previous_secret_expires_at: '2027-01-01T12:30:00Z'\n"
    )


def test_rotate_without_a_file_prints_the_lines_to_commit(gateway):
    done = gateway("keys", "rotate", "old", "--environment", "test", "--grace", "7d")

    secret, line, until = done.out.splitlines()
    assert line == f"secret_hash: {hashed(secret)}"
    assert until == f"previous_secret_expires_at: '{(NOW + timedelta(days=7)).date()}T12:00:00Z'"
    assert "previous_secret_hash" in done.err


def test_rotate_for_machines(gateway, file):
    done = gateway("keys", "rotate", "old", "--write", "gateway.yaml", "--format", "json")

    rotated = json.loads(done.out)
    assert rotated["previous_secret_expires_at"] == "2027-01-02T12:00:00Z"
    assert rotated["secret_hash"] == hashed(rotated["secret"])
    assert rotated["secret_hash"] in file.read_text()


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_hash_reads_the_secret_from_standard_input(gateway, ending):
    secret = "lw_vk_test_01K00000000000000000000000"

    done = gateway("keys", "hash", stdin=secret + ending)

    assert (done.code, done.out) == (0, f"{hashed(secret)}\n")


def test_hash_takes_no_secret_from_the_arguments(gateway):
    assert gateway("keys", "hash", "lw_vk_test_01K00000000000000000000000").code == 1


@pytest.mark.parametrize("text", ["", "nonsense", "lw_vk_test_01K"])
def test_hash_refuses_what_is_no_virtual_key_without_repeating_it(gateway, text):
    done = gateway("keys", "hash", stdin=text)

    assert (done.code, done.out) == (1, "")
    assert "not a virtual key" in done.err
    assert not text or not re.search(rf"\b{text}\b", done.err)


def test_a_pepper_that_is_too_short_is_told_in_words(gateway):
    done = gateway("keys", "mint", "new", GATEWAY_KEY_PEPPER="short")

    assert done.err == "error: GATEWAY_KEY_PEPPER: a pepper has 16 characters or more\n"


SERIES = f"""version: 1
virtual_keys:
  team-a-1: {{environment: test, secret_hash: {HASH}}}
  dev-migration: {{environment: test}}
"""


@pytest.mark.parametrize(
    ("name", "flags", "meant"),
    [
        ("dev-migraton", (), "did you mean dev-migration?"),
        ("team-b-1", (), "did you mean team-a-1?"),
        ("dev-migraton", ("--new",), None),
        ("team-a-2", (), None),
        ("somebody", (), None),
    ],
)
def test_a_key_that_is_added_is_told_and_a_misspelt_one_is_not_added(gateway, file, name, flags, meant):
    file.write_text(SERIES)

    done = gateway("keys", "mint", name, "--environment", "test", "--write", "gateway.yaml", *flags)

    if meant is not None:
        assert (done.code, done.out) == (1, "")
        assert meant in done.err
        assert "--new" in done.err
        assert file.read_text() == SERIES
    else:
        assert done.code == 0
        assert f"{name} is new in gateway.yaml: nothing of its own limits it" in done.err
        assert f"  {name}:\n" in file.read_text()


def test_a_key_that_waits_for_its_secret_is_not_new(gateway, file):
    file.write_text(SERIES)

    done = gateway("keys", "mint", "dev-migration", "--environment", "test", "--write", "gateway.yaml")

    assert done.code == 0
    assert "is new" not in done.err


@pytest.mark.parametrize("command", [("mint", "new"), ("rotate", "old", "--grace", "0s")])
def test_the_control_plane_of_the_environment_is_asked(gateway, file, command):
    plane = {"GATEWAY_CONTROL_PLANE_URL": "http://127.0.0.1:1", "GATEWAY_CONTROL_PLANE_TOKEN": "x"}

    there = gateway("keys", *command, "--environment", "test", **plane)
    here = gateway("keys", *command, "--environment", "test", "--write", "gateway.yaml", **plane)

    assert (there.code, there.out) == (1, "")
    assert "the control plane cannot be reached" in there.err
    assert here.code == 0


def test_a_rotation_on_a_persons_line_tells_of_which_environment_the_secret_is(gateway, file):
    file.write_text("principals: {ada: {secret_hash: 'hmac-sha256:" + "1" * 64 + "'}}\n")

    done = gateway("keys", "rotate", "ada", "--environment", "test", "--write", "gateway.yaml")

    assert done.out.startswith("lw_vk_test_")
    assert "gateway.yaml does not say the environment of ada: the new secret is a test one" in done.err
