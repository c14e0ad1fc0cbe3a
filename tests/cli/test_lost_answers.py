"""What an apply says when its answer is lost, and what can be done about it."""

from contextlib import contextmanager

import httpx
import pytest
import typer

from gateway.cli import plan as plans
from gateway.cli import target as targets
from gateway.cli.target import UNKNOWN, Applied, RefusedError, Target
from gateway.plan.guards import Allowed
from gateway.plan.saved import read

FILE = "version: 1\nowner: us\nproviders: {sim: {type: simulator}}\nvirtual_keys: {k: {environment: test}}\n"
DONE = httpx.Response(200, json={"revision": 3, "already": True, "minted": {"k": "secret"}})
STALE = httpx.Response(409, json={"error": {"type": "stale_plan", "message": "it moved"}})
LOCKED = httpx.Response(409, json={"error": {"type": "locked", "message": "somebody else applies"}})
AWAY = httpx.Response(503, json={"error": {"type": "database_unavailable", "message": "later"}})
PROXY = httpx.Response(504, text="<html>Gateway Time-out")
LOST, UNREACHABLE = httpx.ReadError("gone"), httpx.ConnectError("refused")


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([LOST, DONE], None),
        ([LOST, UNREACHABLE, AWAY, DONE], None),
        ([LOST, UNREACHABLE, UNREACHABLE, UNREACHABLE], UNKNOWN),
        ([LOST, AWAY, AWAY, AWAY], UNKNOWN),
        ([LOST, STALE], targets.STALE),
        ([PROXY, DONE], None),
        ([PROXY, UNREACHABLE, PROXY, PROXY], UNKNOWN),
        ([PROXY, LOCKED, DONE], None),
        ([PROXY, LOCKED, LOCKED, LOCKED], UNKNOWN),
        ([LOCKED], targets.LOCKED),
        ([UNREACHABLE], 1),
        ([AWAY], 1),
    ],
)
def test_after_an_answer_was_lost_the_outcome_is_unknown_until_one_says_it(monkeypatch, answers, code):
    monkeypatch.setattr(targets, "_PAUSES_S", (0, 0, 0))
    left = iter(answers)

    def send(*_, **__):
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    if code is None:
        assert Target(send).apply({}, Allowed()).minted == {"k": "secret"}
    else:
        with pytest.raises(RefusedError) as refused:
            Target(send).apply({}, Allowed())
        assert refused.value.code == code
    assert next(left, None) is None


def test_a_change_that_is_asked_for_again_is_the_same(monkeypatch):
    monkeypatch.setattr(targets, "_PAUSES_S", (0,))
    answers = iter([LOST, httpx.Response(200, json={"secret": "s"}), LOST, UNREACHABLE])
    keys = []

    def send(*_, headers, **__):
        keys.append(headers["Idempotency-Key"])
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert Target(send).verb("k", "rotate") == {"secret": "s"}
    with pytest.raises(RefusedError, match="the outcome is unknown"):
        Target(send).verb("k", "rotate")

    assert (keys[0], keys[2]) == (keys[1], keys[3])
    assert keys[0] != keys[2]


def test_what_changes_nothing_is_asked_for_once():
    def send(*_, headers, **__):
        assert "Idempotency-Key" not in headers
        raise LOST

    with pytest.raises(RefusedError, match="the connection was lost") as refused:
        Target(send).get("/spend")
    assert refused.value.code == 1


@pytest.fixture
def home(monkeypatch, tmp_path):
    """A control plane of this machine; `apply` does what a test puts in its place."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "gateway.yaml").write_text(FILE)

    @contextmanager
    def target(*where, **more):
        with targets.target(*where, **more) as found:
            monkeypatch.setattr(type(found), "apply", lambda *_, **__: target.applied())
            yield found

    monkeypatch.setattr(plans, "target", target)
    return target


def test_a_plan_whose_outcome_is_unknown_is_kept_so_that_it_can_be_asked_for(home, tmp_path, capsys):
    def applied():
        raise RefusedError("lost", UNKNOWN)

    home.applied = applied
    with pytest.raises(typer.Exit) as ended:
        plans.apply(database="default", auto_approve=True)

    (file,) = tmp_path.glob("pl_*.json")
    assert ended.value.exit_code == UNKNOWN
    assert f"gateway apply {file.name} --database default" in capsys.readouterr().err
    assert read(file.read_bytes()).plan.plan_id == file.stem
    assert file.stat().st_mode & 0o777 == 0o600


def test_where_it_cannot_be_kept_the_outcome_is_still_said_to_be_unknown(home, monkeypatch, tmp_path, capsys):
    def applied():
        raise RefusedError("lost: the outcome is unknown", UNKNOWN)

    home.applied = applied
    monkeypatch.chdir("/proc")
    with pytest.raises(typer.Exit) as ended:
        plans.apply(config=[tmp_path / "gateway.yaml"], database="default", auto_approve=True)

    said = capsys.readouterr().err
    assert ended.value.exit_code == UNKNOWN
    assert "pl_" in said
    assert ".json cannot be written" in said
    assert "the outcome is unknown" in said


def test_secrets_that_were_told_before_are_said_to_be_gone(home, capsys):
    home.applied = lambda: Applied(3, True, {})
    plans.apply(database="default", auto_approve=True)

    said = capsys.readouterr().err
    assert "applied before, as revision 3" in said
    assert "The secret of k can no longer be told: gateway keys rotate NAME gives a key another one." in said
