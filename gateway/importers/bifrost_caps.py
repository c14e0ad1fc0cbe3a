"""Bifrost's budgets and rate limits, as budgets and limits here, or as reasons why a key cannot go on.

https://docs.getbifrost.ai/features/governance/budget-and-limits
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.importers.draft import Draft, amount, mapping, number, sequence, words

_PERIOD: Final = re.compile(r"(\d{1,6})([smhdwMQY])")
_SECONDS: Final = {
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86_400,
    "w": 7 * 86_400,
    "M": 30 * 86_400,
    "Q": 90 * 86_400,
    "Y": 365 * 86_400,
}
_MINUTE: Final = 60
_DAY: Final = 86_400
_WRITTEN: Final = {"M": "mo", "Q": "mo", "Y": "mo"}
_MONTHS: Final = {"Q": 3, "Y": 12}


class Caps:
    """The budgets and rate limits of a file, by whose they are."""

    def __init__(self, governance: dict[str, Any]) -> None:
        self._budgets = [mapping(one) for one in sequence(governance.get("budgets"))]
        self._limits = {words(one.get("id")): one for one in map(mapping, sequence(governance.get("rate_limits")))}
        self._by_id = {words(one.get("id")): one for one in self._budgets}

    def budgets(self, owner: str, identifier: object, row: Mapping[str, Any]) -> list[dict[str, Any] | None]:
        """The budgets of an owner, such as `team_id`: that name it, that it names, its own. `None`: not there."""
        named = [words(row.get("budget_id")), *map(words, sequence(row.get("budget_ids")))]
        found: list[dict[str, Any] | None] = [self._by_id.get(one) for one in named if one]
        found += [mapping(one) for one in (*sequence(row.get("budgets")), row.get("budget")) if mapping(one)]
        if identifier not in (None, ""):
            found += [one for one in self._budgets if one.get(owner) == identifier and one not in found]
        return found

    def orphans(self, known: set[object]) -> list[str]:
        """The ids of budgets of a provider config, where the file has none of that id."""
        stated = ((one, one.get("provider_config_id")) for one in self._budgets)
        return [words(one.get("id")) for one, owner in stated if owner is not None and owner not in known]

    def limits(self, draft: Draft, where: str, row: Mapping[str, Any]) -> tuple[dict[str, int], list[str]]:
        """The rate limits of a row as they are written here, and why those that are not cannot be."""
        limits: dict[str, int] = {}
        reasons: list[str] = []
        for one in self._rows(row):
            if one is None:
                reasons.append("its rate limit is not in the file")
                continue
            for kind, by_day in (("request", "rpd"), ("token", "")):
                figure, duration = one.get(f"{kind}_max_limit"), words(one.get(f"{kind}_reset_duration"))
                if figure is None:
                    continue
                rate = _rate(figure, duration, f"{kind[0]}pm", by_day)
                if rate is None:
                    reasons.append(f"{figure!r} {kind}s per {duration!r} cannot be said")
                    continue
                name, value, is_exact = rate
                if not is_exact:
                    text = f"{figure} {kind}s per {duration} have no counterpart; {name} {value} allows no more"
                    draft.note(f"{where}.rate_limit", text)
                limits[name] = min(value, limits.get(name, value))
        return limits, reasons

    def _rows(self, row: Mapping[str, Any]) -> Iterator[dict[str, Any] | None]:
        for one in (words(row.get("rate_limit_id")), *map(words, sequence(row.get("rate_limit_ids")))):
            if one:
                yield self._limits.get(one)
        if mapping(row.get("rate_limit")):
            yield mapping(row["rate_limit"])


def write_budgets(
    draft: Draft,
    where: str,
    scope: Mapping[str, str],
    wanted: str,
    budgets: list[dict[str, Any] | None],
    **further: Any,
) -> list[str]:
    """Writes budgets, and says why those that cannot be written cannot."""
    reasons: list[str] = []
    for one in budgets:
        if one is None or amount(one.get("max_limit")) is None:
            reasons.append("a budget is not in the file" if one is None else "a budget has no amount (max_limit)")
            continue
        row = {"max_budget": one["max_limit"], "budget_duration": _as_written(words(one.get("reset_duration")))}
        draft.budget(where, scope, wanted, row, **further)
        if one.get("current_usage"):
            draft.note(f"{where}.current_usage", "what was spent there is not known here: windows begin at zero")
    return reasons


def _as_written(duration: str) -> str:
    """A period as `Draft.budget` reads it: `1mo` for `1M`."""
    found = _PERIOD.fullmatch(duration)
    if found is None or found[2] not in _WRITTEN:
        return duration or "unsaid"
    return f"{int(found[1]) * _MONTHS.get(found[2], 1)}{_WRITTEN[found[2]]}"


def _rate(written: object, duration: str, by_minute: str, by_day: str) -> tuple[str, int, bool] | None:
    """A limit per minute or day that allows no more than so many in a period, and whether it says the same."""
    figure, found = number(written), _PERIOD.fullmatch(duration)
    if figure is None or found is None or not int(found[1]):
        return None
    seconds = int(found[1]) * _SECONDS[found[2]]
    if by_day and seconds >= _DAY:
        name, value = by_day, figure // -(-seconds // _DAY)
    else:
        name, value = by_minute, figure if seconds <= _MINUTE else figure * _MINUTE // seconds
    return (name, value, seconds in (_MINUTE, _DAY) and value == figure) if value else None
