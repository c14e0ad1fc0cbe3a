"""`gateway tokens` and the start of `gateway control-plane serve`."""

import json
import re

import pytest

from gateway import clock

NOW = 1_795_000_000.0


@pytest.fixture(autouse=True)
def _database(tmp_path, monkeypatch, gateway):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.delenv("GATEWAY_DATABASE_URL", raising=False)
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path))
    gateway("db", "upgrade")


def test_a_token_is_shown_once_and_kept_as_a_digest(gateway, tmp_path):
    done = gateway("tokens", "create", "--scope", "view", "--name", "ci", "--expires", "90d")

    secret = done.out.strip()
    assert done.code == 0
    assert re.fullmatch(r"lw_view_[\w-]{43}", secret)
    assert secret not in done.err
    assert "ci, scope view, expires 2027-02-16T11:06:40Z" in done.err
    assert all(secret.encode() not in file.read_bytes() for file in tmp_path.iterdir())
    assert secret not in gateway("tokens", "list", "--format", "json").out


def test_tokens_are_listed_and_revoked(gateway, snapshot):
    gateway("tokens", "create", "--scope", "view", "--name", "ci", "--expires", "90d")
    made = json.loads(gateway("tokens", "create", "--scope", "admin", "--name", "ops", "--format", "json").out)
    assert made["token"].startswith("lw_admin_")

    by_name, by_id = gateway("tokens", "revoke", "ci"), gateway("tokens", "revoke", made["id"], "--format", "json")

    assert by_name.out.startswith("revoked tok_")
    assert [(one["name"], one["state"]) for one in json.loads(by_id.out)] == [("ops", "revoked")]
    assert gateway("tokens", "revoke", "ci").out == "ci was revoked before; nothing to do\n"
    again = gateway("tokens", "create", "--scope", "plan", "--name", "ci")
    assert again.code == 0
    assert re.sub(r"tok_\w+", "tok_(id)", gateway("tokens", "list").out) == snapshot


@pytest.mark.parametrize("scope", ["gateway", "view", "plan", "apply", "admin"])
@pytest.mark.parametrize(
    ("asked", "expires_at"),
    [
        ((), "2027-02-16T11:06:40Z"),
        (("--expires", "24h"), "2026-11-19T11:06:40Z"),
        (("--no-expiry",), None),
    ],
)
def test_how_long_a_token_lasts(gateway, scope, asked, expires_at):
    done = gateway("tokens", "create", "--scope", scope, "--name", "ci", "--format", "json", *asked)

    made = json.loads(done.out)
    assert made["token"].startswith(f"lw_{scope}_")
    assert made["expires_at"] == (None if scope == "gateway" and not asked else expires_at)


def test_a_token_is_bound_to_owners(gateway):
    arguments = ("tokens", "create", "--scope", "apply", "--name", "ci", "--owner", "team-b", "--owner", "team-a")

    done = gateway(*arguments)

    assert "ci, scope apply, bound to team-a, team-b, expires" in done.err
    assert [one["owners"] for one in json.loads(gateway("tokens", "list", "--format", "json").out)] == [
        ["team-a", "team-b"]
    ]


def test_making_and_revoking_tokens_is_audited(gateway):
    made = json.loads(
        gateway("tokens", "create", "--scope", "plan", "--name", "ci", "--owner", "a", "--format", "json").out
    )
    gateway("tokens", "revoke", "ci")
    gateway("tokens", "revoke", "ci")

    done = gateway("audit", "--address", "tokens.ci", "--database", "default", "--format", "json")

    entries = json.loads(done.out)
    facts = {"id": made["id"], "scope": "plan", "owners": ["a"], "expires_at": made["expires_at"]}
    assert [(one["action"], one["before"], one["after"]) for one in entries] == [
        ("revoke token", facts, None),
        ("create token", None, facts),
    ]
    assert all(one["actor"].endswith("(command line)") for one in entries)
    assert made["token"] not in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create", "--scope", "view", "--name", "taken"], "an active token is named 'taken' already"),
        (["create", "--scope", "view", "--name", " "], "a token's name is printable text"),
        (["create", "--scope", "view", "--name", "x" * 300], "a token's name is printable text"),
        (["create", "--scope", "view", "--name", "a\nb"], "a token's name is printable text"),
        (["create", "--scope", "view", "--name", "a", "--expires", "soon"], "--expires: 'soon' is not a duration"),
        (["create", "--scope", "view", "--name", "a", "--expires", "0d"], "--expires: a token lasts longer"),
        (["create", "--scope", "root", "--name", "a"], "'root' is not one of"),
        (["create", "--scope", "view", "--name", "a", "--owner", "a b"], "'a b' is no owner's name"),
        (["create", "--scope", "view", "--name", "a", "--owner", ""], "'' is no owner's name"),
        (["create", "--scope", "gateway", "--name", "a", "--owner", "a"], "a gateway serves every owner"),
        (["create", "--scope", "view", "--name", "a", "--expires", "1d", "--no-expiry"], "--expires or --no-expiry"),
        (["revoke", "nobody"], "there is no token with the id or name 'nobody'"),
    ],
)
def test_what_is_refused_changes_nothing(gateway, arguments, said):
    gateway("tokens", "create", "--scope", "view", "--name", "taken")
    before = gateway("tokens", "list").out

    done = gateway("tokens", *arguments)

    assert (done.code, done.out) == (1, "")
    assert said in done.err
    assert gateway("tokens", "list").out == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "on 0.0.0.0 tokens would cross the network in clear"),
        (["--host", "::"], "on :: tokens would cross the network in clear"),
        (["--host", "example.com", "--allow-remote-http"], "'example.com' is no IP address to listen on"),
        (["--tls-cert", "cert.pem"], "give --tls-cert and --tls-key"),
        (["--tls-cert", "gone.pem", "--tls-key", "gone.pem"], "cannot be served with: No such file"),
        (["--tls-cert", "gateway.db", "--tls-key", "gateway.db"], "cannot be served with: they are no PEM files"),
        (["-c", "gone.yaml"], "gone.yaml"),
        (["--database", "sqlite:///gone.db"], "There is no SQLite database gone.db yet"),
        (["--port", "0"], "Invalid value for '--port'"),
    ],
)
def test_the_control_plane_does_not_start(gateway, arguments, said):
    done = gateway("control-plane", "serve", *arguments)

    assert (done.code, done.out) == (1, "")
    assert said in done.err
