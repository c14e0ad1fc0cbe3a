"""What the lock of prices should say: the published price of every model that a configuration names."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final, Literal

import msgspec
import yaml
from pydantic import TypeAdapter, ValidationError

from gateway.config.model import Config
from gateway.config.origins import NOWHERE, Origins
from gateway.config.sections.prices import LockedPrice
from gateway.config.sections.virtual_keys import ModelTarget
from gateway.money.catalogue import Catalogue
from gateway.money.price_times import Period, moment_of, written_out
from gateway.money.prices import Price
from gateway.money.published_prices import may_be_of, origin_of
from gateway.snapshot.named_models import named_models
from gateway.snapshot.prices import seller_at
from gateway.snapshot.written_prices import locked_over_time, written_over_time

_HEAD = """\
# Prices as `gateway prices update` found them published. They win over the published ones, and the `prices` of the
# configuration win over them. Commit this file: then prices change with a reviewed diff only.
"""


class BadPriceError(ValueError):
    """A catalogue has a price that cannot be; the text says of which model, and what is wrong with it."""


class Change(msgspec.Struct, frozen=True):
    """What updating the lock does to one `provider/model`; `before` and `after` name rates in US dollars."""

    target: str
    action: Literal["add", "change", "remove"]
    before: dict[str, Any]
    after: dict[str, Any]


class Update(msgspec.Struct, frozen=True):
    """The new content of the lock, what changes, and which models nobody publishes a price for.

    `skipped` are names that no lock has: clients ask for what they like, and what came from a reference is not written.
    """

    locked: dict[str, dict[str, Any]]
    changes: tuple[Change, ...]
    unknown: tuple[str, ...]
    skipped: tuple[str, ...] = ()


def update(
    config: Config,
    catalogue: Catalogue,
    at: datetime,
    *,
    prunes: bool,
    used: Iterable[str] = (),
    origins: Origins = NOWHERE,
) -> Update:
    """What the lock should say, at whatever hour: every price with its changes. One that is as it was keeps its day.

    `at` (with a zone) is the day of the others; `used` are models that the configuration does not name; `origins` says
    which of its values came from references.

    Raises:
        BadPriceError: The catalogue has a price that no lock can have.
    """
    known = config.locked_prices
    named = {*named_models(config), *(one for one in used if one.partition("/")[0] in config.providers)}
    locked: dict[str, dict[str, Any]] = {}
    changes: list[Change] = []
    unknown: list[str] = []
    skipped = sorted(one for one in named - known.keys() if not _can_be_named(one) or origins.sentence(one) != one)
    for target in sorted((named | known.keys()).difference(skipped)):
        before = None if target not in known else written_over_time(locked_over_time(known[target], ""))
        try:
            prices = _published(config, catalogue, target)
        except ValueError as error:
            raise BadPriceError(f"{target}: {error}") from None
        if not prices or (prunes and target not in named):
            if before is not None and (prunes or not _may_stay(config, target, known[target].source)):
                changes.append(Change(target, "remove", before, {}))
            elif before is not None:
                locked[target] = _entry(before, known[target], known[target].locked_on)
            elif target not in config.prices:
                unknown.append(target)
            continue
        after = written_over_time(prices)
        source = prices[0][1].source
        if before == after and origin_of(known[target].source) in (None, origin_of(source)):
            locked[target] = _entry(before, known[target], known[target].locked_on)
            continue
        locked[target] = {**after, "source": source, "locked_on": at.date()}
        _check(target, locked[target])
        if before == after:
            before, after = {**before, "source": known[target].source}, {**after, "source": source}
        changes.append(Change(target, "add" if before is None else "change", before or {}, after))
    return Update(locked, tuple(changes), tuple(unknown), tuple(map(origins.sentence, skipped)))


_TARGETS: Final = TypeAdapter[str](ModelTarget)


def _can_be_named(target: str) -> bool:
    """Whether a configuration can name a target: neither malformed nor a reference, and as it looks."""
    try:
        _TARGETS.validate_python(target)
    except ValidationError:
        return False
    return target.isprintable() and "${" not in target


def _may_stay(config: Config, target: str, source: str) -> bool:
    """Whether a locked price that is not published stays: one out of a list that counts at its provider does."""
    section = config.providers.get(target.partition("/")[0])
    return section is not None and may_be_of(source, seller_at(section))


def _check(target: str, entry: Mapping[str, Any]) -> None:
    """Raises `BadPriceError` for what would make a lock that cannot be read."""
    try:
        LockedPrice.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadPriceError(f"{target}: {place}: {first['msg']}") from None


def text_of(locked: Mapping[str, Mapping[str, Any]]) -> str:
    """The file: sorted, amounts as exact text, so that its diffs can be read."""
    document = {"version": 1, "locked_prices": {target: dict(locked[target]) for target in sorted(locked)}}
    return _HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _published(config: Config, catalogue: Catalogue, target: str) -> tuple[tuple[Period, Price], ...]:
    """What is published of a target's model, with its changes; of a deployment, of the model that it is."""
    provider, _, model = target.partition("/")
    section = config.providers.get(provider)
    if section is None:
        return ()
    written = config.prices.get(target)
    name = model if written is None else written.base_model or model
    seller = seller_at(section)
    return written_out(
        catalogue.changes(seller, name), lambda seconds: catalogue.price(seller, name, moment_of(seconds))
    )


def _entry(written: dict[str, Any], known: LockedPrice, locked_on: date) -> dict[str, Any]:
    return {**written, "source": known.source, "locked_on": locked_on}
