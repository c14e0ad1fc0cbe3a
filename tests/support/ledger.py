"""The ledger of a gateway, read as its owner would: from the database."""

from collections.abc import Sequence

from gateway.ledger.query import entries
from gateway.storage.engine import default_database_url, open_engine
from gateway.telemetry.decision_record import DecisionRecord
from tests.support.gateway import Gateway


def ledger_entries(*gateways: Gateway, url: str | None = None) -> Sequence[DecisionRecord]:
    """Every entry, oldest first."""
    engine = open_engine(url or default_database_url(gateways[0].directory / "data"))
    found: list[DecisionRecord] = []
    try:
        with engine.connect() as connection:
            cursor = None
            while True:
                page = entries(connection, limit=1000, cursor=cursor, newest_first=False)
                found += page.entries
                cursor = page.following
                if cursor is None:
                    return found
    finally:
        engine.dispose()


def entries_at_the_end(gateway: Gateway, count: int) -> Sequence[DecisionRecord]:
    """The entries of a gateway that is asked nothing more: it ends, and writes what waits."""
    gateway.stop()
    found = ledger_entries(gateway)
    assert len(found) == count
    return found


def settled_entries(gateway: Gateway, count: int, *, url: str | None = None) -> Sequence[DecisionRecord]:
    """The entries, once there are so many of them and none waits any more."""

    def complete() -> Sequence[DecisionRecord] | None:
        found = ledger_entries(gateway, url=url)
        return found if len(found) >= count and gateway.readyz()["ledger"]["waiting_entries"] == 0 else None

    found: Sequence[DecisionRecord] = gateway.wait(complete, 30)
    assert len(found) == count
    return found
