"""How `gateway top` looks."""

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.cli.tables import bar, cell, new_table
from gateway.cli.top_figures import Figures, ProviderFigures

_PERMILLE = 1000
_WARNS_FROM, _FULL = 0.8, 1.0
_FAILS_FROM = 0.05
_MOST_BUDGETS = 12


def view(figures: Figures, url: str) -> RenderableType:
    """One screen: what serves, the traffic, providers, the fullest budgets."""
    parts: list[RenderableType] = [_head(figures, url), _traffic(figures), Text(), _providers(figures.providers)]
    if figures.budgets:
        parts += [Text(), _budgets(figures.budgets)]
    return Group(*parts)


def _head(figures: Figures, url: str) -> Text:
    line = Text.assemble((cell(url).plain, "bold"), f"  gateway {figures.version}  revision {figures.revision[:12]}")
    if figures.is_stale:
        line.append("  the newest configuration is refused", "bold red")
    if not figures.counters_answer:
        line.append("  limits and budgets cannot be counted", "bold red")
    if figures.spooled:
        line.append(f"  {figures.spooled} ledger entries wait", "yellow")
    return line


def _traffic(figures: Figures) -> Text:
    share = figures.server_errors / figures.requests if figures.requests else 0
    line = Text(f"{figures.requests:.1f} req/s  {figures.under_way} under way  ")
    line.append(f"{share:.1%} 5xx", "red" if share >= _FAILS_FROM else "")
    line.append(f"  p50 {seconds(figures.p50_s)}  p95 {seconds(figures.p95_s)}  {figures.tokens:,.0f} tok/s  ")
    line.append(f"${figures.usd_per_hour:,.2f}/h")
    for name, rate in figures.denials.items():
        line.append(f"  {name} denied {rate:.1f}/s", "yellow")
    return line


def _providers(providers: tuple[ProviderFigures, ...]) -> Table:
    table = new_table()
    table.add_column("provider")
    for name in ("calls/s", "ok", "p50", "p95", "tok/s", "$/h"):
        table.add_column(name, justify="right")
    table.add_column("circuit")
    table.add_column("failures/s")
    for one in providers:
        failed = sum(one.failures.values())
        share = 1 - failed / one.calls if one.calls else None
        table.add_row(
            cell(one.name),
            f"{one.calls:.1f}",
            Text(
                "-" if share is None else f"{share:.0%}", "red" if share is not None and share < 1 - _FAILS_FROM else ""
            ),
            seconds(one.p50_s),
            seconds(one.p95_s),
            f"{one.tokens:,.0f}",
            f"{one.usd_per_hour:,.2f}",
            Text("open", "bold red") if one.is_open else Text("closed", "green"),
            cell("  ".join(f"{outcome} {rate:.1f}" for outcome, rate in one.failures.items())),
        )
    return table


def _budgets(budgets: Mapping[str, float]) -> Table:
    table = new_table()
    for name in ("budget", "", "of its limit"):
        table.add_column(name)
    fullest = sorted(budgets.items(), key=lambda one: (-one[1], one[0]))[:_MOST_BUDGETS]
    for name, share in fullest:
        color = "red" if share >= _FULL else "yellow" if share >= _WARNS_FROM else "cyan"
        table.add_row(cell(name), bar(int(share * _PERMILLE), _PERMILLE, color), f"{share:.0%}")
    return table


def seconds(value: float | None) -> str:
    """A duration for people."""
    if value is None:
        return "-"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
