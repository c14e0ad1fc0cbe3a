"""PostgreSQL goes away under load and comes back: traffic goes on, and nothing is lost or counted twice."""

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from gateway.storage.engine import open_engine
from gateway.storage.migrate import upgrade
from tests.contract.conftest import config as of_one_provider
from tests.contract.test_budgets import config
from tests.support.keeper import Keeper
from tests.support.ledger import ledger_entries
from tests.unit.storage.databases import SERVER, postgresql_database

pytestmark = pytest.mark.service

CENT = 10_000_000


@pytest.fixture
def url():
    with postgresql_database() as found:
        engine = open_engine(found)
        upgrade(engine)
        engine.dispose()
        yield found


def administer(*statements: str) -> None:
    server = open_engine(SERVER)
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(text(statement))
    server.dispose()


def take_away(name: str) -> None:
    """Nobody can connect to the database, and whoever had is thrown out."""
    administer(
        f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false",
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",  # noqa: S608 - our own name
    )


def bring_back(name: str) -> None:
    administer(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")


def test_traffic_goes_on_and_the_ledger_is_complete_afterwards(url, start_gateway):
    gateway = start_gateway(
        config("cap: {scope: {team: engineering}, window: total, limit_usd: 0.30}"), env={"GATEWAY_DATABASE_URL": url}
    )
    name = make_url(url).database
    before = [gateway.chat("cent").status_code for _ in range(10)]

    take_away(name)
    try:
        gateway.wait(lambda: gateway.chat("no/such").status_code == 404 and gateway.readyz()["ledger"]["fault"], 30)
        meanwhile = [gateway.chat("cent").status_code for _ in range(10)]
        assert gateway.readyz()["ledger"]["waiting_entries"] >= 10
        assert url not in str(gateway.readyz())
    finally:
        bring_back(name)
    after = [gateway.chat("cent").status_code for _ in range(15)]

    assert before + meanwhile + after == [200] * 30 + [402] * 5
    gateway.wait(lambda: gateway.readyz()["ledger"]["waiting_entries"] == 0, 60)
    found = ledger_entries(gateway, url=url)
    assert sum(entry.cost_nano_usd for entry in found) == 30 * CENT
    assert len({entry.request_id for entry in found}) == len(found)


def test_a_start_without_the_database_refuses_what_a_budget_blocks_until_it_is_back(url, start_gateway):
    text_ = config("cap: {scope: {team: engineering}, window: total, limit_usd: 0.02}")
    first = start_gateway(text_, env={"GATEWAY_DATABASE_URL": url})
    assert first.chat("cent").status_code == 200
    first.wait(lambda: first.readyz()["ledger"]["waiting_entries"] == 0, 30)
    name = make_url(url).database

    take_away(name)
    try:
        again = start_gateway(text_, env={"GATEWAY_DATABASE_URL": url})
        refused = again.chat("cent")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "counters_unavailable")
    finally:
        bring_back(name)

    again.wait(lambda: again.chat("cent").status_code == 200, 60)
    assert again.chat("cent").status_code == 402


def test_ids_of_an_outage_are_served_by_the_process_that_has_them_and_unknown_to_nobody(url, start_gateway, upstream):
    upstream.play = Keeper("made")
    first, second = (start_gateway(of_one_provider(upstream.url), env={"GATEWAY_DATABASE_URL": url}) for _ in "ab")
    name = make_url(url).database

    def make():
        return first.post({"model": "openai/gpt-5", "input": "hi"}, path="/v1/responses").json()["id"]

    def fetched(gateway, id_):
        answer = gateway.client.get(f"/v1/responses/{id_}")
        return answer.status_code, answer.json().get("error", {}).get("code")

    before = make()
    second.wait(lambda: fetched(second, before) == (200, None))
    take_away(name)
    try:
        first.wait(lambda: first.chat("no/such").status_code == 404 and first.readyz()["ledger"]["fault"])
        meanwhile = make()
        assert fetched(first, meanwhile) == (200, None)
        assert fetched(second, meanwhile) == (503, "state_unknown")
        assert fetched(second, "resp_of_nobody") == (503, "state_unknown")
    finally:
        bring_back(name)
    seen = []
    second.wait(lambda: seen.append(fetched(second, meanwhile)) or seen[-1] == (200, None), 60)
    assert set(seen) <= {(200, None), (503, "state_unknown")}
    second.wait(lambda: fetched(second, "resp_of_nobody") == (404, "not_found"), 60)
