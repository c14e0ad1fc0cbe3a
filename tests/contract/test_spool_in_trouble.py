"""The ledger's spool when it is full, deleted or left: what probes, metrics and reports say of it."""

import shutil

import httpx
from sqlalchemy import func, select

from gateway.storage.engine import default_database_url, open_engine
from gateway.storage.tables import counter_nodes
from tests.contract.conftest import config
from tests.support.ledger import ledger_entries


def test_a_node_whose_spool_is_full_is_not_ready(start_gateway, upstream):
    gateway = start_gateway(
        config(upstream.url),
        env={"GATEWAY_DATABASE_URL": "postgresql://gateway@127.0.0.1:1/none", "GATEWAY_SPOOL_MAX_BYTES": str(2**20)},
    )
    while gateway.chat("no/such").status_code == 404:
        continue

    answer = httpx.get(f"{gateway.url}/readyz")

    assert (answer.status_code, answer.json()["status"]) == (503, "refusing")
    assert answer.json()["ledger"]["refuses"]
    assert httpx.get(f"{gateway.url}/healthz").status_code == 200
    assert gateway.hears("the ledger's spool is full, and every request is refused")
    gateway.kill()  # it would take seconds to give up on that database


def test_a_spool_that_is_deleted_is_made_again_and_loses_nothing(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url))
    spool = gateway.directory / "data" / "spool"
    asked = [gateway.chat("sim").headers["x-langwatch-request-id"]]
    gateway.wait(lambda: gateway.readyz()["ledger"]["waiting_entries"] == 0)
    shutil.rmtree(spool)

    asked += [gateway.chat("sim").headers["x-langwatch-request-id"] for _ in range(20)]
    gateway.wait(lambda: "somebody deleted the ledger's spool file" in gateway.log())
    asked += [gateway.chat("sim").headers["x-langwatch-request-id"] for _ in range(20)]

    gateway.wait(lambda: gateway.readyz()["ledger"]["waiting_entries"] == 0)
    assert {one.request_id for one in ledger_entries(gateway)} == set(asked)
    assert gateway.readyz()["ledger"]["lost_entries"] == 0
    assert list(spool.rglob("*.seg"))


def test_a_process_that_ends_in_peace_is_no_silent_one(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url))
    engine = open_engine(default_database_url(gateway.directory / "data"))

    def known() -> int:
        with engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(counter_nodes))

    gateway.wait(lambda: known() == 1)
    gateway.stop()

    assert known() == 0
    engine.dispose()
