"""The data of a catalogue: as the package `genai-prices` carries it, or newer, in the package's own format.

The package is imported when the first question is asked: it takes some time and memory.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.money.kinds import KINDS
from gateway.money.nano_usd import nearest_to_usd

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

_SHOWN: Final = 5
_CLAUSES: Final = ("or", "and")
_KINDS: Final[Mapping[str, int]] = {name: each for kind in KINDS for name, each in kind.published.items()}
"""Each kind of the package's prices, and for how many of what is counted here it is."""


class BadPriceDataError(ValueError):
    """What was handed over is no data of prices; the text says where, and what is wrong there."""


class PriceData:
    """Lists of prices, one for each seller. `named` is what the source of a price calls them."""

    def __init__(self, named: str, lists: "Iterable[Provider]") -> None:
        self.named = named
        self._lists = {one.id: one for one in lists}

    def find(self, list_name: str, model: str) -> "ModelInfo | None":
        """The entry of a model in one list, by the package's own rules of matching."""
        found = self._lists.get(list_name)
        return None if found is None else found.find_model(model)

    def names(self, list_name: str) -> tuple[str, ...]:
        """The models that one list names in full, without those that are gone; not the beginnings of names."""
        found = self._lists.get(list_name)
        return () if found is None else tuple(one.id for one in found.models if _is_name(one))


def _is_name(model: "ModelInfo") -> bool:
    return not model.deprecated and ":" not in model.id and not model.id.endswith("-")


@lru_cache(maxsize=1)
def installed() -> PriceData:
    """What the installed package carries."""
    import genai_prices  # noqa: PLC0415 - see the module's docstring
    from genai_prices.data import providers  # noqa: PLC0415

    return PriceData(f"genai-prices {genai_prices.__version__}", providers)


def read_price_data(content: bytes, named: str) -> PriceData:
    """Data in the package's format: a JSON array of sellers, each with its models. Raises `BadPriceDataError`."""
    try:
        raw = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadPriceDataError(f"this is no JSON: {error}") from None
    if not isinstance(raw, list) or not raw:
        raise BadPriceDataError("an array of sellers belongs here, as in the `data.json` of genai-prices")
    try:
        lists = _lists_of(raw)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadPriceDataError("; ".join(_faults(raw)) or _first_line(error)) from None
    if problems := [*islice(chain(_bad_patterns(raw), _bad_prices(lists)), _SHOWN)]:
        raise BadPriceDataError("; ".join(problems))
    return PriceData(named, lists)


def _lists_of(raw: Sequence[Any]) -> "list[Provider]":
    from genai_prices.types import _providers_from_raw  # noqa: PLC0415 - the package's own way to read it

    return _providers_from_raw(raw)


def _faults(raw: Sequence[Any]) -> list[str]:
    """What is wrong in which list and model: the whole says it without them, so each is read by itself."""
    found: list[str] = []
    for number, seller in enumerate(raw):
        if len(found) >= _SHOWN:
            break
        if not isinstance(seller, dict):
            found.append(f"[{number}]: a seller is an object")
            continue
        place = f"list {_name_of(seller, number)}"
        models = seller.get("models")
        if not isinstance(models, list):
            found.append(f"{place}: models is no array")
            continue
        found += _fault({**seller, "models": []}, place)
        for index, model in enumerate(models):
            found += _fault({**_BARE, "models": [model]}, f"{place}, model {_name_of(model, index)}")
    return found[:_SHOWN]


_BARE: Final = {"id": "x", "name": "x", "api_pattern": "x"}


def _fault(seller: Mapping[str, Any], place: str) -> Iterator[str]:
    try:
        _lists_of([seller])
    except (ValueError, TypeError, RecursionError) as error:
        yield f"{place}: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    """The first of what is wrong, in one line; where pydantic says it, with the path within the entry."""
    from pydantic import ValidationError  # noqa: PLC0415 - see the module's docstring

    if not isinstance(error, ValidationError):
        return str(error).partition("\n")[0] or type(error).__name__
    first = error.errors(include_url=False, include_input=False)[0]
    path = ".".join(str(part) for part in first["loc"] if not isinstance(part, int) and part != "models")
    return f"{path}: {first['msg']}" if path else first["msg"]


def _name_of(entry: Any, number: int) -> str:
    name = entry.get("id") if isinstance(entry, dict) else None
    return name if isinstance(name, str) and name else f"number {number + 1}"


def _bad_patterns(raw: Iterable[Any]) -> Iterator[str]:
    """Patterns that are no regular expressions, which nothing says before a name is matched."""
    for seller in raw:
        for index, model in enumerate(seller["models"]):
            for pattern in _patterns(model.get("match")):
                try:
                    re.compile(pattern)
                except (re.error, RecursionError, OverflowError) as error:
                    place = f"list {seller['id']}, model {_name_of(model, index)}"
                    yield f"{place}: match: {pattern!r} is no regular expression: {error}"


def _bad_prices(lists: "Iterable[Provider]") -> Iterator[str]:
    """Amounts that cannot be, and kinds that would count as nothing here, which the package lets pass."""
    for seller in lists:
        for model in seller.models:
            for prices in _all_prices(model):
                for kind, amount in vars(prices).items():
                    if amount is None:
                        continue
                    place = f"list {seller.id}, model {model.id}: prices.{kind}"
                    if kind not in _KINDS:
                        yield f"{place}: this version of the gateway does not count such a kind"
                    elif any(one < 0 or not one.is_finite() for one in _amounts(amount)):
                        yield f"{place}: a price is a finite amount of at least 0"
                    elif any(0 < one < 1 and nearest_to_usd(one / _KINDS[kind]) == 0 for one in _amounts(amount)):
                        yield f"{place}: a price this small is none here; amounts are whole nano-USD"


def _all_prices(model: "ModelInfo") -> "Iterator[ModelPrice]":
    if isinstance(model.prices, list):
        yield from (one.prices for one in model.prices)
    else:
        yield model.prices
    yield from (one.prices for one in model.price_variants or ())


def _amounts(price: "Decimal | TieredPrices") -> "Iterator[Decimal]":
    if isinstance(price, Decimal):
        yield price
    else:
        yield price.base
        yield from (tier.price for tier in price.tiers)


def _patterns(clause: Any) -> Iterator[str]:
    if not isinstance(clause, dict):
        return
    if isinstance(clause.get("regex"), str):
        yield clause["regex"]
    for name in _CLAUSES:
        for one in clause.get(name) or ():
            yield from _patterns(one)
