"""Every resource says what it is open to, and every error has its row in the documentation."""

import asyncio
from typing import ClassVar

import falcon.testing
import pytest

from docs.generate import DOCS
from gateway.control_plane import app as app_module
from gateway.control_plane import tokens
from gateway.control_plane.app import NOUNS, create_app
from gateway.control_plane.database import Database
from gateway.control_plane.encryption import Vault
from gateway.control_plane.errors import API_ERROR_TYPES
from gateway.control_plane.minting import Minter
from gateway.control_plane.rest.route import PREFIX, Route, answer
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope
from gateway.storage.engine import writing


def services(engine):
    return Services(Database(engine), None, Vault(()), Minter(None))


class Things:
    """A resource such as others will add."""

    scopes: ClassVar = {"GET": Scope.VIEW, "POST": Scope.APPLY}
    keeps_owners_apart: ClassVar = ("GET",)

    async def on_get(self, _request, response):
        answer(response, {})

    async def on_post(self, _request, _response):
        raise RuntimeError("secret detail")

    async def on_delete(self, _request, response):
        answer(response, {})


@pytest.fixture
def call(engine, monkeypatch):
    """Asks a new app for things, with a new token: its answer and that token."""
    monkeypatch.setattr(app_module, "NOUNS", (*NOUNS, lambda _: (Route("/things", Things()),)))

    def ask(method, scope):
        with writing(engine) as connection:
            _, secret = tokens.create(connection, f"{method} {scope}", scope, now=1)
        client = falcon.testing.TestClient(create_app(services(engine)))
        headers = {"authorization": f"Bearer {secret.reveal()}"}
        return client.simulate_request(method, f"{PREFIX}/things", headers=headers), secret.reveal()

    return ask


def test_a_scope_opens_what_it_covers_and_nothing_unnamed(call):

    refused, _ = call("POST", Scope.PLAN)
    assert call("GET", Scope.VIEW)[0].status_code == 200
    assert refused.status_code == 403
    assert refused.json["error"]["type"] == "insufficient_scope"
    assert 'scope="apply"' in refused.headers["www-authenticate"]
    assert call("DELETE", Scope.ADMIN)[0].status_code == 405


def test_a_defect_is_told_without_its_details(call, caplog):
    broken, secret = call("POST", Scope.ADMIN)

    assert broken.status_code == 500
    assert "secret detail" not in broken.text
    assert "secret detail" in caplog.text
    assert secret not in caplog.text


def test_every_resource_names_its_scopes():
    routes = [route for noun in NOUNS for route in noun(services(None))]

    assert all(route.resource.scopes for route in routes)
    assert len({route.path for route in routes}) == len(routes)


EXPECTED = {
    "GET /spend": "view",
    "GET /spend/unpriced": "view",
    "GET /warnings": "view",
    "GET /ledger/differences": "admin",
    "GET /budgets": "view",
    "GET /requests": "view",
    "GET /traffic": "view",
    "GET /providers": "view",
    "GET /requests/{request_id}": "view",
    "POST /plans": "plan",
    "POST /applies": "apply",
    "GET /applies": "view",
    "GET /applies/{plan_id}": "view",
    "GET /resources": "view",
    "GET /resources/{kind}/{name:path}": "view",
    "PUT /resources/{kind}/{name:path}": "apply",
    "DELETE /resources/{kind}/{name:path}": "apply",
    "POST /owners/{kind}/{name:path}": "admin",
    "GET /virtual-keys": "view",
    "POST /virtual-keys": "apply",
    "POST /virtual-keys/{name}/{verb}": "apply",
    "GET /changes": "gateway",
    "GET /nodes": "view",
    "POST /nodes": "gateway",
    "GET /audit": "view",
    "GET /revisions": "view",
}


FOR_NOBODY_ELSE = {
    "GET /ledger/differences",
    "GET /changes",
    "POST /nodes",
}
"""What tells of every owner at once, or is for gateways: bound tokens do not get there."""


def declared():
    """Every method and path that has a responder, with its scope."""
    found = {}
    for noun in NOUNS:
        for route in noun(services(None)):
            for method, scope in route.resource.scopes.items():
                suffix = f"_{route.suffix}" if route.suffix else ""
                if hasattr(route.resource, f"on_{method.lower()}{suffix}"):
                    found[f"{method} {route.path}"] = scope
    return found


def test_every_route_wants_the_scope_that_it_should():
    assert {route: str(scope) for route, scope in declared().items()} == EXPECTED


def answers(engine, headers):
    """What one app says to every route that is declared."""

    async def ask():
        async with falcon.testing.ASGIConductor(create_app(services(engine))) as conductor:
            told = {}
            for route in declared():
                method, _, path = route.partition(" ")
                path = path.replace("{kind}", "teams").replace("{name:path}", "a").replace("{name}", "a")
                told[route] = await conductor.simulate_request(method, PREFIX + path, headers=headers)
            return told

    return asyncio.run(ask())


@pytest.mark.parametrize("held", list(Scope))
def test_no_route_is_open_to_a_lesser_token(engine, held):
    with writing(engine) as connection:
        _, secret = tokens.create(connection, "held", held, now=1)
    headers = {"authorization": f"Bearer {secret.reveal()}"}

    told = answers(engine, headers)
    for route, needed in declared().items():
        answer_ = told[route]
        assert (answer_.status_code == 403) is not held.covers(needed), (route, held, answer_.text)


def test_bound_tokens_get_to_what_keeps_owners_apart_and_nowhere_else():
    open_ = {
        route
        for noun in NOUNS
        for one in noun(services(None))
        for route in (f"{method} {one.path}" for method in one.resource.keeps_owners_apart)
    }

    assert open_ & set(EXPECTED) == set(EXPECTED) - FOR_NOBODY_ELSE


@pytest.mark.parametrize("held", [one for one in Scope if one is not Scope.GATEWAY])
def test_owners_are_a_dimension_of_the_matrix(engine, held):
    """Whatever scope a bound token has, what another owner has is not there for it, and a lesser scope is no more."""
    with writing(engine) as connection:
        _, secret = tokens.create(connection, "bound", held, now=1, owners=("beta",))
    headers = {"authorization": f"Bearer {secret.reveal()}"}

    told = answers(engine, headers)
    for route, needed in declared().items():
        answer_ = told[route]
        if not held.covers(needed):
            assert (answer_.status_code, answer_.json["error"]["code"]) == (403, "insufficient_scope"), route
        elif route in FOR_NOBODY_ELSE:
            assert (answer_.status_code, answer_.json["error"]["code"]) == (403, "bound_token"), route
        else:
            assert answer_.status_code != 403, (route, answer_.text)


@pytest.mark.parametrize("ended", ["expired", "revoked", "unknown", "none"])
def test_no_route_is_open_to_a_token_that_ended(engine, ended):
    with writing(engine) as connection:
        token, secret = tokens.create(
            connection, "ended", Scope.ADMIN, now=1, expires_at=2 if ended == "expired" else None
        )
        if ended == "revoked":
            tokens.revoke(connection, token.id, now=3)
    text = secret.reveal() + ("x" if ended == "unknown" else "")
    headers = {} if ended == "none" else {"authorization": f"Bearer {text}"}

    for route, answer_ in answers(engine, headers).items():
        assert answer_.status_code == 401, route


def test_questions_run_in_threads(engine):
    """A slow question leaves the event loop free."""

    async def both():
        database = Database(engine)
        gate = asyncio.Event()
        loop = asyncio.get_running_loop()

        def slow(_connection):
            return asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(10)

        question = asyncio.create_task(database.read(slow))
        await asyncio.sleep(0)
        gate.set()
        return await question

    assert asyncio.run(both())


def test_every_error_is_documented():
    page = (DOCS / "control-plane.md").read_text()

    assert all(f"| `{name}` | {status} | {when} |" in page for name, (status, when) in API_ERROR_TYPES.items())
