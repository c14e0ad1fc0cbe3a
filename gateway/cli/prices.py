"""`gateway prices`: what models cost, and the lock that makes a change of prices a reviewed diff."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from gateway.cli.database import failed
from gateway.cli.output import Format, results, say, show
from gateway.cli.process_settings import read_settings

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.snapshot.price_lock import Change, Update

app = typer.Typer(help="Show, lock and compare what models cost.", no_args_is_help=True)

ConfigPaths = Annotated[
    list[Path] | None,
    typer.Option("--config", "-c", help="Configuration files and directories; repeatable. Default: GATEWAY_CONFIG"),
]
Output = Annotated[Format, typer.Option("--format", help="text or json.")]
Prune = Annotated[bool, typer.Option("--prune", help="Take out what the configuration does not name any more.")]

_DIFFERENT = 2


@app.command("update", epilog="Example: gateway prices update -c gateway.yaml && git diff prices.lock.yaml")
def update(config: ConfigPaths = None, prune: Prune = False, output: Output = Format.TEXT) -> None:
    """Write the published prices of every model that the configuration names into prices.lock.yaml beside it.

    From then on these prices hold, whatever a newer version of the gateway knows, until the file is updated again.
    Prices of the configuration's own `prices` win over them.
    """
    from gateway.config.files import price_lock  # noqa: PLC0415 - `gateway version` should not wait for it
    from gateway.snapshot.price_lock import text_of  # noqa: PLC0415

    paths = paths_of(config)
    planned = _planned(paths, prunes=prune)
    lock = price_lock(paths)
    if planned.changes or not lock.exists():
        try:
            _replace(lock, text_of(planned.locked))
        except OSError as problem:
            raise failed(f"{lock} cannot be written: {problem.strerror}") from None
    _tell(planned, output, f"{lock}: {len(planned.locked)} prices; {_counted(planned.changes, _DONE)}")


@app.command("diff", epilog="Example: gateway prices diff --exit-code\n\nExit codes: 0, or 2 for changes if asked for.")
def diff(
    config: ConfigPaths = None,
    prune: Prune = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 2 where something would change.")] = False,
    output: Output = Format.TEXT,
) -> None:
    """Show what `gateway prices update` would change, and change nothing."""
    planned = _planned(paths_of(config), prunes=prune)
    _tell(planned, output, _counted(planned.changes, _TO_DO))
    if exit_code and planned.changes:
        raise typer.Exit(_DIFFERENT)


@app.command("list", epilog="Example: gateway prices list -c gateway.yaml --format json")
def list_prices(config: ConfigPaths = None, output: Output = Format.TEXT) -> None:
    """Show what each model that the configuration names costs, and where the price comes from."""
    from gateway import clock  # noqa: PLC0415 - see above
    from gateway.cli.tables import cell, new_table, print_table  # noqa: PLC0415
    from gateway.snapshot.named_models import named_models  # noqa: PLC0415
    from gateway.snapshot.prices import Prices  # noqa: PLC0415
    from gateway.snapshot.written_prices import written_price  # noqa: PLC0415

    loaded = load_config(paths_of(config))
    prices, now = Prices(loaded), clock.now()
    rows = []
    for target in sorted({*named_models(loaded), *loaded.locked_prices}):
        name, _, model = target.partition("/")
        provider = loaded.providers.get(name)
        price = None if provider is None else prices.of(name, provider.type, model).at(now)
        written = {} if price is None else written_price(price)
        rows.append((target, written, "" if price is None else price.source))
    if output is Format.JSON:
        document = [
            {
                "model": target,
                "rates": {name: value for name, value in written.items() if isinstance(value, str)},
                **{name: value for name, value in written.items() if not isinstance(value, str)},
                "source": source or None,
            }
            for target, written, source in rows
        ]
        results.out(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
        return
    table = new_table()
    for column in ("model", "US dollars", "source"):
        table.add_column(column)
    for target, written, source in rows:
        table.add_row(cell(target), cell("\n".join(_said(written)) or "no price"), cell(source))
    print_table(table)


def _said(written: Mapping[str, Any]) -> Iterator[str]:
    """A price in lines: its own rates, those of longer prompts, and those of other services."""
    rates = [f"{_short(name)} {rate}" for name, rate in written.items() if isinstance(rate, str)]
    if rates:
        yield ", ".join(rates)
    for tier in written.get("tiers", ()):
        longer = ", ".join(f"{_short(name)} {rate}" for name, rate in tier.items() if name != "from_tokens")
        yield f"from {tier['from_tokens']:,} tokens: {longer}"
    for section, words in (("service_tiers", "tier"), ("speeds", "speed"), ("regions", "region")):
        for name, service in written.get(section, {}).items():
            for line in _said(service):
                yield f"{words} {name}: {line}"


def _short(name: str) -> str:
    return name.removesuffix("_usd_per_mtok").removesuffix("_usd").replace("_usd_", "_")


def paths_of(config: list[Path] | None) -> Sequence[Path]:
    """The configuration that is meant; ends the command where none is."""
    paths = config or read_settings().config
    if not paths:
        raise failed("name the configuration that is meant, for example: -c gateway.yaml")
    return paths


def load_config(paths: Sequence[Path]) -> "Config":
    """The configuration; ends the command where it is not valid."""
    from gateway.config.load import load  # noqa: PLC0415 - see above

    loaded = load(paths, environ=os.environ, now=datetime.now(UTC))
    show(one for one in loaded.diagnostics if one.is_error)
    if loaded.config is None:
        raise typer.Exit(1)
    return loaded.config


def _planned(paths: Sequence[Path], *, prunes: bool) -> "Update":
    from gateway.money.published_prices import PublishedPrices  # noqa: PLC0415 - see above
    from gateway.snapshot.price_lock import update as plan  # noqa: PLC0415

    return plan(load_config(paths), PublishedPrices(), datetime.now(UTC), prunes=prunes)


def _replace(file: Path, text: str) -> None:
    """Writes beside the file and renames, so that nobody ever reads half of it; the mode of a known file stays."""
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, prefix=".prices.", delete=False) as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())
    Path(new.name).chmod(mode)
    Path(new.name).replace(file)


def _tell(planned: "Update", output: Format, summary: str) -> None:
    if output is Format.JSON:
        document = {"changes": planned.changes, "unknown": planned.unknown}
        results.out(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
        return
    for change in planned.changes:
        results.out(f"{_SIGNS[change.action]} {change.target}")
        for line in _lines(change):
            results.out(f"    {line}")
    for target in planned.unknown:
        say(f"nobody publishes a price of {target}; write it under `prices` if a budget covers it", "yellow")
    say(summary)


def _lines(change: "Change") -> list[str]:
    names = [*change.after, *(name for name in change.before if name not in change.after)]
    return [
        f"{name}: {_shown(change.before.get(name))} -> {_shown(change.after.get(name))}"
        for name in names
        if change.before.get(name) != change.after.get(name)
    ]


def _shown(value: object) -> str:
    return "(none)" if value is None else str(value)


def _counted(changes: Sequence["Change"], words: dict[str, str]) -> str:
    counts = {word: sum(change.action == action for change in changes) for action, word in words.items()}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "nothing changes"


_SIGNS = {"add": "+", "change": "~", "remove": "-"}
_TO_DO = {"add": "to add", "change": "to change", "remove": "to remove"}
_DONE = {"add": "added", "change": "changed", "remove": "removed"}
