"""What was spent at another gateway, written to the ledger: one opening row for each counter, once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway import clock
from gateway.cli.budgets import budgets_of_files
from gateway.cli.check_ledger import mend_counters
from gateway.cli.database import database, failed
from gateway.cli.output import results, say
from gateway.cli.process_settings import read_settings
from gateway.control_plane.known_budgets import applied_budgets
from gateway.importers.litellm_spend import openings
from gateway.ledger import names
from gateway.ledger.insert import insert_entries
from gateway.ledger.pace import FAST
from gateway.ledger.retention import pruned_before
from gateway.money.nano_usd import NANO_PER_USD
from gateway.plan.words import count
from gateway.storage.engine import reading, writing


def open_budgets(dump: Any, paths: Sequence[Path], written_database: str | None) -> None:
    """Writes an opening row for each counter, once, and says which. Ends the command where there are no budgets.

    Args:
        dump: LiteLLM's.
        paths: The files that declare the budgets; none: those count that were applied to the database.
        written_database: The `--database` that was given.
    """
    with database(written_database, upgrades_own=True) as engine:
        with reading(engine) as connection:
            known = None if paths else applied_budgets(connection)
            ids, before = names.read(connection).ids, pruned_before(connection)
        budgets = budgets_of_files(paths) if paths else () if known is None else known.budgets
        if not budgets:
            raise failed("there are no budgets: give the imported gateway.yaml as --config, or apply it first")
        found, told = openings(dump, budgets, {} if paths else ids, clock.now(), before)
        with writing(engine) as connection:
            made = insert_entries(connection, [one.record for one in found], FAST)
        if made:
            mend_counters(read_settings(), engine, budgets)
    for one in found:
        results.out(f"{one.counter} {one.amount / NANO_PER_USD:.9f}")
    for note in told:
        say(f"note: {note}", "yellow")
    there = len(found) - made
    stay = "was there already, and stays as it is" if there == 1 else "were there already, and stay as they are"
    more = f"; {there} {stay}" if there else ""
    is_are = "is" if made == 1 else "are"
    say(f"{count(made, 'opening row')} {is_are} written{more}." if made else f"Nothing is written{more}.")
