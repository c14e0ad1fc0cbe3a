"""What metrics and the access log say of requests, of those too that are refused at the door."""

import asyncio
import json

import httpx
import pytest

from gateway.control_plane import tokens
from gateway.control_plane.access import AccessLayer, AccessLog
from gateway.control_plane.app import create_app
from gateway.control_plane.console.app import create_console
from gateway.control_plane.database import Database
from gateway.control_plane.encryption import Vault
from gateway.control_plane.metrics import ControlPlaneMetrics
from gateway.control_plane.minting import Minter
from gateway.control_plane.mount import Mount
from gateway.control_plane.rest.route import PREFIX
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope
from gateway.storage.engine import open_engine, writing
from gateway.telemetry.access_log import Callers, lines_of
from gateway.telemetry.exposition import TEXT
from tests.support.console import hidden

ORIGIN = "http://plane.example.com"


class Watched:
    """Both apps of a control plane with what counts and logs them, without a server."""

    def __init__(self, engine):
        services = Services(Database(engine), None, Vault(()), Minter(None))
        mount = Mount(create_app(services), create_console(services, secure=False))
        self._metrics = ControlPlaneMetrics()
        self._log = AccessLog(lines_of("all"), pretty=False)
        self._app = AccessLayer(mount, Callers("node", ()), self._metrics, self._log)

    def ask(self, method, path, **more):
        async def ask():
            async with self._client() as client:
                return await client.request(method, path, **more)

        return asyncio.run(ask())

    def sign_in(self, token, *, form=True, then=None):
        async def sign_in():
            async with self._client() as client:
                page = await client.get("/console/sign-in")
                fields = {**(hidden(page.text) if form else {}), "token": token}
                answer = await client.post("/console/sign-in", data=fields, headers={"origin": ORIGIN})
                return answer if then is None else await client.get(then)

        return asyncio.run(sign_in())

    def last_line(self, capfd):
        self._log.flush()
        return json.loads(capfd.readouterr().out.splitlines()[-1])

    def counts(self, series):
        return f"\n{series} 1.0\n" in self._metrics.render(TEXT).decode()

    def _client(self):
        return httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url=ORIGIN)


def new_token(engine, name="ci", scope=Scope.APPLY, *, state="active"):
    with writing(engine) as connection:
        ends = 2 if state == "expired" else None
        token, secret = tokens.create(connection, name, scope, now=1, expires_at=ends)
        if state == "revoked":
            tokens.revoke(connection, token.id, now=3)
    return secret.reveal()


@pytest.mark.parametrize("what", ["plans", "applies"])
@pytest.mark.parametrize("state", ["expired", "revoked"])
def test_a_token_that_ended_is_named_and_counted_where_it_was_going(engine, capfd, what, state):
    watched, path = Watched(engine), f"{PREFIX}/{what}"
    headers = {"authorization": f"Bearer {new_token(engine, state=state)}"}

    assert watched.ask("POST", path, json={}, headers=headers).status_code == 401

    assert watched.counts(f'control_plane_{what}_total{{result="invalid_token"}}')
    assert watched.counts(f'control_plane_requests_total{{method="POST",route="{path}",status="4xx"}}')
    line = watched.last_line(capfd)
    assert (line["route"], line["token"], line["error_code"]) == (path, "ci", f"token_{state}")


@pytest.mark.parametrize("what", ["plans", "applies"])
def test_a_plan_that_finds_no_database_is_counted_as_one(capfd, what):
    watched, path = Watched(open_engine("postgresql://nobody@127.0.0.1:1/gone")), f"{PREFIX}/{what}"

    answer = watched.ask("POST", path, json={}, headers={"authorization": "Bearer lw_apply_x"})

    assert answer.status_code == 503
    assert watched.counts(f'control_plane_{what}_total{{result="database_unavailable"}}')
    assert watched.last_line(capfd)["route"] == path


def test_what_leads_nowhere_is_counted_so_whoever_asks(engine, capfd):
    watched = Watched(engine)

    assert watched.ask("GET", f"{PREFIX}/nothing").status_code == 401

    assert watched.counts('control_plane_requests_total{method="GET",route="unknown",status="4xx"}')
    line = watched.last_line(capfd)
    assert (line["token"], line["error_code"]) == (None, "token_missing")


@pytest.mark.parametrize(
    ("token", "form", "told"),
    [
        ({}, True, (303, "ci", None, None)),
        (None, True, (403, None, "invalid_token", "token_unknown")),
        ({"state": "revoked"}, True, (403, "ci", "invalid_token", "token_revoked")),
        ({"state": "expired"}, True, (403, "ci", "invalid_token", "token_expired")),
        ({"scope": Scope.GATEWAY}, True, (403, "ci", "insufficient_scope", "insufficient_scope")),
        ({}, False, (403, "ci", "insufficient_scope", "stale_form")),
    ],
    ids=["good", "unknown", "revoked", "expired", "of a gateway", "foreign form"],
)
def test_who_signs_in_to_the_console_is_told_and_why_nobody_did(engine, capfd, token, form, told):
    watched = Watched(engine)

    watched.sign_in("guessed" if token is None else new_token(engine, **token), form=form)

    line = watched.last_line(capfd)
    assert (line["status"], line["token"], line["error_type"], line["error_code"]) == told
    assert told[2] is None or watched.counts(f'control_plane_errors_total{{type="{told[2]}"}}')


def test_who_guesses_at_the_console_is_counted_after_being_told_to_wait(engine, capfd):
    watched = Watched(engine)

    answers = [watched.sign_in("guessed").status_code for _ in range(11)]

    line = watched.last_line(capfd)
    assert (answers[-1], line["error_type"]) == (429, "invalid_token")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/console/nothing", 404, "not_found"),
        ("DELETE", "/console/sign-in", 405, "method_not_allowed"),
        ("POST", "/console/sign-in", 415, "unsupported_media_type"),
    ],
)
def test_a_page_that_fails_says_why_in_the_log(engine, capfd, method, path, status, code):
    watched = Watched(engine)

    answer = watched.ask(method, path, content=b"{", headers={"origin": ORIGIN, "content-type": "text/plain"})

    line = watched.last_line(capfd)
    assert (answer.status_code, line["status"], line["error_code"]) == (status, status, code)
    assert watched.counts(f'control_plane_errors_total{{type="{code}"}}')


def test_a_page_that_is_asked_for_what_cannot_be_says_why_in_the_log(engine, capfd):
    watched = Watched(engine)

    answer = watched.sign_in(new_token(engine), then="/console/spend?from=nonsense")

    line = watched.last_line(capfd)
    assert (answer.status_code, line["error_type"], line["error_code"]) == (400, "bad_request", "invalid_parameter")
