"""`gateway prices`: what models cost, and the lock that makes a change of prices a reviewed diff."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from gateway.cli.database import failed
from gateway.cli.groups import Commands
from gateway.cli.options import ConfigPaths, ControlPlaneUrl, Database, PatchPaths, Token, paths_of, roots
from gateway.cli.output import Format, print_json, results, say, show
from gateway.plan.words import count
from gateway.private_files import replace
from gateway.visible import visible

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.config.origins import Origins
    from gateway.snapshot.price_lock import Change, Update

app: Final = Commands("prices", "Show, lock and compare what models cost.")

Output = Annotated[Format, typer.Option("--format", help="text or json.")]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="FILE|URL",
        help="Newer prices than this version has: data in the format of genai-prices, from a file or an https URL.",
    ),
]
Used = Annotated[
    str | None,
    typer.Option(
        "--used",
        metavar="PERIOD",
        help="Also every model that the ledger's requests since then went to, such as 30d or 2026-11-01.",
    ),
]
Prune = Annotated[bool, typer.Option("--prune", help="Take out what the configuration does not name any more.")]

_DIFFERENT = 2


@app.command("update", epilog="Example: gateway prices update -c gateway.yaml && git diff prices.lock.yaml")
def update(
    config: ConfigPaths = None,
    patch: PatchPaths = None,
    from_: From = None,
    used: Used = None,
    prune: Prune = False,
    output: Output = Format.TEXT,
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
) -> None:
    """Write the published prices of every model that the configuration names into prices.lock.yaml beside it.

    From then on these prices hold, whatever a newer version of the gateway knows, until the file is updated again.
    Prices of the configuration's own `prices` win over them. Nothing is fetched unless --from says so.
    """
    from gateway.config.files import price_lock  # noqa: PLC0415 - `gateway version` should not wait for it
    from gateway.snapshot.price_lock import text_of  # noqa: PLC0415

    paths = paths_of(config, patch)
    planned = _planned(paths, from_, _used(used, (control_plane, database, token)), prunes=prune)
    lock = price_lock(paths)
    if planned.changes or not lock.exists():
        try:
            _replace(lock, text_of(planned.locked))
        except OSError as problem:
            raise failed(f"{lock} cannot be written: {problem.strerror}") from None
    _tell(planned, from_, output, f"{lock}: {count(len(planned.locked), 'price')}; {_counted(planned.changes, _DONE)}")


@app.command("diff", epilog="Example: gateway prices diff --exit-code\n\nExit codes: 0, or 2 for changes if asked for.")
def diff(
    config: ConfigPaths = None,
    patch: PatchPaths = None,
    from_: From = None,
    used: Used = None,
    prune: Prune = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 2 where something would change.")] = False,
    output: Output = Format.TEXT,
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
) -> None:
    """Show what `gateway prices update` would change, and change nothing."""
    planned = _planned(paths_of(config, patch), from_, _used(used, (control_plane, database, token)), prunes=prune)
    _tell(planned, from_, output, _counted(planned.changes, _TO_DO))
    if exit_code and planned.changes:
        raise typer.Exit(_DIFFERENT)


@app.command("list", epilog="Example: gateway prices list -c gateway.yaml --format json")
def list_prices(
    config: ConfigPaths = None,
    patch: PatchPaths = None,
    used: Used = None,
    output: Output = Format.TEXT,
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
) -> None:
    """Show what each model that the configuration names costs: now, on later days and at other hours, and why."""
    from gateway import clock  # noqa: PLC0415 - see above
    from gateway.cli.tables import cell, new_table, print_table  # noqa: PLC0415
    from gateway.snapshot.named_models import named_models  # noqa: PLC0415
    from gateway.snapshot.price_calendar import changes_after  # noqa: PLC0415
    from gateway.snapshot.prices import Prices  # noqa: PLC0415
    from gateway.snapshot.written_prices import written_price  # noqa: PLC0415

    loaded, origins = _loaded(paths_of(config, patch))
    prices, now = Prices(loaded), clock.now()
    rows = []
    for target in sorted(
        {*named_models(loaded), *loaded.locked_prices, *_used(used, (control_plane, database, token))}
    ):
        name, _, model = target.partition("/")
        provider = loaded.providers.get(name)
        found = None if provider is None else prices.of(name, provider.type, model)
        price = None if found is None else found.at(now)
        written = {} if price is None else written_price(price)
        if found is not None and (changes := changes_after(found, now)):
            written["changes"] = changes
        rows.append((origins.sentence(target), written, "" if price is None else price.source))
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
        print_json(document)
        return
    table = new_table()
    for column in ("model", "US dollars", "source"):
        table.add_column(column)
    for target, written, source in rows:
        lines = [cell(line) for line in _said(written)] or [cell("no price")]
        table.add_row(cell(target), Text("\n").join(lines), cell(source))
    print_table(table)


def _said(written: Mapping[str, Any]) -> Iterator[str]:
    """A price in lines: its own rates, those of longer prompts, of other services, and of other days and hours."""
    rates = [f"{_short(name)} {rate}" for name, rate in written.items() if isinstance(rate, str) and name not in _WHEN]
    if rates:
        yield ", ".join(rates)
    for tier in written.get("tiers", ()):
        longer = ", ".join(f"{_short(name)} {rate}" for name, rate in tier.items() if name != "from_tokens")
        yield f"from {tier['from_tokens']:,} tokens: {longer}"
    for section, words in (("service_tiers", "tier"), ("speeds", "speed"), ("regions", "region")):
        for name, service in written.get(section, {}).items():
            for line in _said(service):
                yield f"{words} {name}: {line}"
    usual = (
        [*_said({name: value for name, value in written.items() if name != "changes"})] if "changes" in written else []
    )
    for change in written.get("changes", ()):
        when = " ".join(f"{words} {change[name]}" for name, words in _WHEN.items() if name in change)
        lines = [*_said(change)] or ["no price"]
        yield from (f"{when}: {line}" for line in lines if line not in usual)


_WHEN = {"from": "from", "hours_utc": "at UTC"}


def _short(name: str) -> str:
    return name.removesuffix("_usd_per_mtok").removesuffix("_usd").replace("_usd_", "_")


def load_config(paths: Sequence[Path]) -> "Config":
    """The configuration; ends the command where it is not valid."""
    return _loaded(paths)[0]


def _loaded(paths: Sequence[Path]) -> "tuple[Config, Origins]":
    """The configuration, and which of its values came from references."""
    from gateway.config.load import load  # noqa: PLC0415 - see above

    loaded = load(paths, environ=os.environ, now=datetime.now(UTC), file_roots=roots(None), may_lack_credentials=True)
    show(one for one in loaded.diagnostics if one.is_error)
    if loaded.config is None:
        raise typer.Exit(1)
    return loaded.config, loaded.origins


def _planned(paths: Sequence[Path], newer: str | None, used: Sequence[str], *, prunes: bool) -> "Update":
    from gateway.cli.price_data import in_time, price_data  # noqa: PLC0415 - see above
    from gateway.money.published_prices import PublishedPrices  # noqa: PLC0415
    from gateway.snapshot.price_lock import BadPriceError  # noqa: PLC0415
    from gateway.snapshot.price_lock import update as plan  # noqa: PLC0415

    (config, origins), now = _loaded(paths), datetime.now(UTC)
    try:
        if newer is None:
            return plan(config, PublishedPrices(), now, prunes=prunes, used=used, origins=origins)
        with in_time(newer):
            return plan(config, PublishedPrices(price_data(newer)), now, prunes=prunes, used=used, origins=origins)
    except BadPriceError as error:
        raise failed(f"a price that cannot be: {visible(str(error))}") from None


def _used(since: str | None, where: tuple[str | None, str | None, str | None]) -> Sequence[str]:
    """Every `provider/model` that requests went to."""
    if since is None:
        return ()
    from gateway import clock  # noqa: PLC0415 - see above
    from gateway.cli.target import ask_ledger  # noqa: PLC0415
    from gateway.ledger.period import BadParameterError  # noqa: PLC0415
    from gateway.ledger.report import MAX_LIMIT, document, read_question, spend_report  # noqa: PLC0415

    parameters = {"by": ["provider,model"], "from": [since], "limit": [str(MAX_LIMIT)]}
    try:
        question = read_question(parameters, clock.utc_now())
    except BadParameterError as error:
        raise failed(f"--used: {error}") from None
    told = ask_ledger(where, "/spend", parameters, lambda connection: document(spend_report(connection, question)))
    groups = (row["group"] for row in told["rows"])
    return [f"{one['provider']}/{one['model']}" for one in groups if one["provider"] and one["model"]]


def _replace(file: Path, text: str) -> None:
    """Writes beside the file and renames, so that nobody ever reads half of it; the mode of a known file stays."""
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
    replace(file, text.encode(), mode=mode)


def _tell(planned: "Update", newer: str | None, output: Format, summary: str) -> None:
    if output is Format.JSON:
        document = {"changes": planned.changes, "unknown": planned.unknown, "skipped": planned.skipped}
        print_json(document)
        return
    for change in planned.changes:
        results.out(f"{_SIGNS[change.action]} {visible(change.target)}")
        for line in _lines(change):
            results.out(f"    {visible(line)}")
    for target in planned.unknown:
        who = "nobody publishes a price" if newer is None else "what was handed over has no price"
        say(f"{who} of {visible(target)}; write it under `prices` if a budget covers it", "yellow")
    for target in planned.skipped:
        say(f"{visible(target)} is left out: no lock can have such a name", "yellow")
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
