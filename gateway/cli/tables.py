"""Tables for people: as wide as the terminal, or as they need to be where a file or a pipe takes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rich import box
from rich.bar import Bar
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gateway import clock
from gateway.cli.output import results
from gateway.money.nano_usd import to_usd
from gateway.plan.words import ago
from gateway.visible import visible

BAR_WIDTH: Final = 20
_ANY_WIDTH: Final = 10_000
_FEWEST_PLACES: Final = 2


def since(written: str | None, now: int) -> str:
    """How long ago a moment (RFC 3339) was at `now`, microseconds since the epoch; nothing where there is none."""
    return "" if written is None else ago(clock.microseconds_of(datetime.fromisoformat(written)), now)


def new_table() -> Table:
    """A table with a line below its head and its rows."""
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)


def print_table(table: RenderableType) -> None:
    """Prints a table, or lines with tables; only a terminal that is too narrow folds their cells."""
    if results.is_terminal:
        results.print(table, soft_wrap=False)
        return
    options = results.options.update(max_width=_ANY_WIDTH)
    width = Measurement.get(results, options, table).maximum
    Console(file=results.file, width=width, highlight=False, color_system=None).print(table)


def print_rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table of plain texts."""
    table = new_table()
    for name in head:
        table.add_column(name)
    for row in rows:
        table.add_row(*(cell(text) for text in row))
    print_table(table)


def bar(part: int, whole: int, color: str = "cyan") -> Bar:
    """A part of a whole, both of any unit; never longer than the whole."""
    shown = min(part, whole) if whole else 0
    return Bar(max(whole, 1), 0, shown, width=BAR_WIDTH, color=color)


def exact_usd(amounts: Sequence[int]) -> list[str]:
    """Amounts of nano-USD as exact decimals of one column: as many places as the finest of them needs, 2 at least."""
    texts = [to_usd(amount) for amount in amounts]
    places = max([_FEWEST_PLACES, *(len(text.partition(".")[2]) for text in texts)])
    return [_padded(text, places) for text in texts]


def cell(text: str, style: str = "") -> Text:
    """A name in a table, never read as markup; what is not printable shows as an escape, as names may be anybody's."""
    return Text(visible(text), style=style, overflow="fold")


def _padded(text: str, places: int) -> str:
    whole, _, fraction = text.partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits):,}.{fraction.ljust(places, '0')}"
