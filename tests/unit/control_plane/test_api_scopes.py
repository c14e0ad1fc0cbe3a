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
from gateway.control_plane.errors import API_ERROR_TYPES
from gateway.control_plane.rest.route import PREFIX, Route, answer
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope
from gateway.storage.engine import writing


class Things:
    """A resource such as others will add."""

    scopes: ClassVar = {"GET": Scope.VIEW, "POST": Scope.APPLY}

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
        client = falcon.testing.TestClient(create_app(Services(Database(engine), None)))
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
    routes = [route for noun in NOUNS for route in noun(Services(None, None))]

    assert all(route.resource.scopes for route in routes)
    assert len({route.path for route in routes}) == len(routes)


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
    page = (DOCS / "spend.md").read_text()

    assert all(f"| `{name}` | {status} | {when} |" in page for name, (status, when) in API_ERROR_TYPES.items())
