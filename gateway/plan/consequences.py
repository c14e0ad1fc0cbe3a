"""What will happen because of a change: computed from live figures, not from the difference alone."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, get_args

import msgspec

from gateway import clock
from gateway.clock import moment_at
from gateway.config.resources import Resource, Spec
from gateway.config.sections.virtual_keys import FALLBACK_SUFFIX
from gateway.money.budget import Unit, amount_shown
from gateway.money.nano_usd import from_usd, shown
from gateway.plan.change import Consequence, ResourceChange
from gateway.plan.figures import Figures, KeyFigures
from gateway.plan.trace_readers import content_read
from gateway.plan.words import ago, count, moment, names
from gateway.policy.patterns import compile_glob

_PERCENT = 100


class Situation(msgspec.Struct, frozen=True):
    """What the consequences of one change are computed from, and in whose words they are said.

    Args:
        figures: Of use and spend.
        after: Every resource as it will be, by kind and name.
        now: Microseconds since the epoch.
        seen: The change as people are told of it: what came from a reference is the reference there, and in sentences.
    """

    figures: Figures
    after: Mapping[tuple[str, str], Resource]
    now: int
    seen: ResourceChange

    def prices_are_references(self, alias: Spec) -> bool:
        """Whether the price of an alias' first target would tell what a reference stands for."""
        price = self.after.get(("prices", _first_target(alias)))
        return price is not None and bool(price.references)

    def keys_under(self, rules: str) -> list[str]:
        """The virtual keys that will refer to a set of rules."""
        keys = (one for (kind, _), one in self.after.items() if kind == "virtual_keys")
        return sorted(one.name for one in keys if rules in one.spec.get("policy_rules", ()))


Find = Callable[[ResourceChange, Situation], Iterator[Consequence]]


def consequences(change: ResourceChange, situation: Situation) -> list[Consequence]:
    """Everything that follows from one change."""
    return [found for find in FINDERS.get(change.kind, ()) for found in find(change, situation)]


def _spent_budget(change: ResourceChange, situation: Situation) -> Iterator[Consequence]:
    after = change.after
    if change.before is None or after is None:
        return
    unit = next(one for one in get_args(Unit) if f"limit_{one}" in after)
    field = f"limit_{unit}"
    # What counts something else begins at zero.
    if field not in change.before or not _touches(change, field, "on_breach"):
        return
    limit = from_usd(after[field]) if unit == "usd" else after[field]
    for counter in situation.figures.budgets.get(change.name, ()):
        if counter.spent < limit + counter.raised:
            continue
        whose = f" by {counter.whose}" if counter.whose else ""
        used, most = (
            shown(one) if unit == "usd" else amount_shown(unit, one) for one in (counter.spent, limit + counter.raised)
        )
        spent = f"{used} of {most if counter.raised else _as_written(situation, field) or most} already spent{whose}"
        until = "from now on" if counter.ends_at is None else f"until {moment(moment_at(counter.ends_at))}"
        if after.get("on_breach") == "warn":
            yield Consequence("budget_already_exceeded", f"{spent}: requests will carry a warning {until}")
        else:
            keys = f"{count(len(counter.keys), 'key')} will be refused {until}"
            listed = f" ({names(counter.keys)})" if counter.keys else ""
            yield Consequence("budget_already_exceeded", f"{spent}: {keys}{listed}", bool(counter.keys))


def _key_in_use(change: ResourceChange, situation: Situation) -> Iterator[Consequence]:
    why = _end_of_key(change, situation.now)
    figures = situation.figures.keys.get(change.name)
    if why is None or figures is None or figures.last_used_at is None:
        return
    recent = f"{count(figures.requests_last_day, 'request')} in the last 24 h, "
    used = f"still in use: {recent}last {ago(figures.last_used_at, situation.now)}; {why}"
    yield Consequence("key_in_use", used, figures.requests_last_day > 0)


def _end_of_key(change: ResourceChange, now: int) -> str | None:
    if change.after is None:
        return "refused at once"
    if change.before is None:
        return None
    state = change.after.get("state", "active")
    if state != "active" and change.before.get("state", "active") == "active":
        return f"{state} at once"
    ends = change.after.get("expires_at")
    if ends is not None and ends != change.before.get("expires_at"):
        return "expired already, so refused at once" if _microseconds(ends) <= now else None
    return None


def _microseconds(written: str) -> int:
    return clock.microseconds_of(datetime.fromisoformat(written))


def _secret_replaced(change: ResourceChange, situation: Situation) -> Iterator[Consequence]:
    """Secrets that clients have, and that the key does not answer to any more or not for long."""
    before, after, now = change.before, change.after, situation.now
    if before is None or after is None or {one.get("state", "active") for one in (before, after)} != {"active"}:
        return
    figures = situation.figures.keys.get(change.name, KeyFigures())
    used = f"{count(figures.requests_last_day, 'request')} in the last 24 h" if figures.requests_last_day else ""
    has = _accepted(after, now)
    for had, ends in _accepted(before, now).items():
        whose = "the secret that it has" if ends is None else "the secret before the last rotation"
        last = has.get(had)
        if had not in has:
            text = f"{whose} is refused at once{f': {used}' if used else ''}"
            yield Consequence("secret_replaced", text, bool(used))
        elif last is not None and ends is None:
            end = _as_written(situation, "previous_secret_expires_at") or moment(moment_at(last))
            yield Consequence("secret_replaced", f"{whose} is refused from {end} on{f'; {used}' if used else ''}")


def _accepted(spec: Spec, now: int) -> dict[str, int | None]:
    """The hashes of the secrets that a key answers to, with when each ends; `None`: with the key."""
    found: dict[str, int | None] = {}
    if (previous := spec.get("previous_secret_hash")) is not None:
        ends = spec.get("previous_secret_expires_at")
        at = None if ends is None else _microseconds(ends)
        if at is None or at > now:
            found[previous] = at
    if (secret := spec.get("secret_hash")) is not None:
        found[secret] = None
    return found


def _key_loses_providers(change: ResourceChange, situation: Situation) -> Iterator[Consequence]:
    figures = situation.figures.keys.get(change.name)
    if figures is None or change.before is None or change.after is None:
        return
    reachable = change.after.get("providers")
    had = change.before.get("providers")
    if reachable is None:
        return
    used = _by_provider(figures)
    called = dict(zip(had or (), (situation.seen.before or {}).get("providers") or (), strict=False))
    for provider in sorted(used if had is None else had):
        if provider not in reachable:
            share = _share(used.get(provider, 0), sum(used.values()))
            served = f", which served {share} of its requests in the last 7 days" if provider in used else ""
            text = f"can no longer reach {called.get(provider, provider)}{served}"
            yield Consequence("provider_out_of_reach", text, set(used) == {provider})


def _key_loses_models(change: ResourceChange, situation: Situation) -> Iterator[Consequence]:
    figures = situation.figures.keys.get(change.name)
    if figures is None or change.after is None or not _touches(change, "models_allowed"):
        return
    allowed = change.after.get("models_allowed")
    if isinstance(allowed, dict):
        allowed = None if allowed.get("mode") == "warn" else allowed["allow"]
    if allowed is None:
        return
    globs = [compile_glob(one) for one in allowed]
    lost = {
        target: requests
        for target, requests in figures.requests.items()
        if not any(matches(spelling) for matches in globs for spelling in (target, target.partition("/")[2]))
    }
    if lost:
        share = _share(sum(lost.values()), sum(figures.requests.values()))
        text = f"{names(sorted(lost))} will be refused: {share} of its requests in the last 7 days"
        yield Consequence("models_out_of_reach", text, True)


def _provider_in_use(change: ResourceChange, situation: Situation) -> Iterator[Consequence]:
    if change.after is not None and "replace" not in change.actions:
        return
    used = {name: _by_provider(one).get(change.name, 0) for name, one in situation.figures.keys.items()}
    keys = sorted(name for name, requests in used.items() if requests)
    if keys:
        text = f"served {count(sum(used.values()), 'request')} in the last 7 days, for {names(keys)}"
        yield Consequence("provider_in_use", text, change.after is None)


def _provider_renamed(change: ResourceChange, situation: Situation) -> Iterator[Consequence]:
    """Clients that write a provider before the model write the name that it had."""
    if (old := change.previous_name) is None:
        return
    asked = sum(
        requests
        for name, requests in situation.figures.asked.items()
        if name.startswith(f"{old}/") and ("model_aliases", name) not in situation.after
    )
    if asked:
        yield _not_found(f"{old}/...", asked)


def _alias_renamed(change: ResourceChange, situation: Situation) -> Iterator[Consequence]:
    """Clients ask for the name that it had, but for one that names a fallback."""
    old = change.previous_name
    if old is not None and not old.endswith(FALLBACK_SUFFIX):
        yield _not_found(old, situation.figures.asked.get(old, 0))


def _not_found(old: str, asked: int) -> Consequence:
    used = f": {count(asked, 'request')} in the last 24 h" if asked else ""
    return Consequence("renamed_for_clients", f"clients that ask for {old} find it no more{used}", asked > 0)


def _alias_moves(change: ResourceChange, situation: Situation) -> Iterator[Consequence]:
    asked = situation.figures.asked.get(change.name, 0)
    used = f"; {count(asked, 'request')} in the last 24 h" if asked else ""
    if change.before is None:
        return
    if change.after is None:
        if asked:
            yield Consequence("alias_in_use", f"{count(asked, 'request')} asked for it in the last 24 h", True)
        return
    ratio = None
    if not any(situation.prices_are_references(spec) for spec in (change.before, change.after)):
        ratio = _price_ratio(change.before, change.after, situation.figures)
    if ratio is not None:
        yield Consequence("alias_price", f"list price x{ratio:.2g}{used}")
    elif used:
        yield Consequence("alias_in_use", used.removeprefix("; "))


def _model_in_use(change: ResourceChange, situation: Situation) -> Iterator[Consequence]:
    asked = situation.figures.asked.get(change.name, 0)
    if asked and change.before is not None:
        is_gone = change.after is None
        text = (
            f"{count(asked, 'request')} asked for it in the last 24 h"
            if is_gone
            else f"{count(asked, 'request')} in the last 24 h"
        )
        yield Consequence("alias_in_use", text, is_gone)


def _rules_apply_to(change: ResourceChange, situation: Situation) -> Iterator[Consequence]:
    keys = situation.keys_under(change.name)
    if change.before is None or not keys:
        return
    whom = f"{count(len(keys), 'key')} ({names(keys)})"
    for field in situation.seen.changes:
        dimension, _, kind = field.path.removeprefix("/").partition("/")
        if kind == "deny":
            if field.removed:
                text = f"{dimension} matching {names(field.removed)} are no longer denied to {whom}"
                yield Consequence("rule_lifted", text)
            if field.added:
                yield Consequence("rule_added", f"{dimension} matching {names(field.added)} will be denied to {whom}")
        elif kind or dimension in ("tools", "mcp", "urls", "models"):
            yield Consequence("rule_changed", f"the rules on {dimension} change for {whom}")


def _content_read(change: ResourceChange, situation: Situation) -> Iterator[Consequence]:
    yield from content_read(change, situation.after)


FINDERS: Final[Mapping[str, tuple[Find, ...]]] = {
    "budgets": (_spent_budget,),
    "virtual_keys": (_key_in_use, _secret_replaced, _key_loses_providers, _key_loses_models, _content_read),
    "teams": (_content_read,),
    "projects": (_content_read,),
    "trace_collectors": (_content_read,),
    "settings": (_content_read,),
    "providers": (_provider_in_use, _provider_renamed),
    "model_aliases": (_alias_moves, _alias_renamed),
    "models": (_model_in_use, _alias_renamed),
    "policy_rules": (_rules_apply_to,),
}


def _as_written(situation: Situation, field: str) -> str | None:
    """The reference that stands in a field, where one does."""
    written = (situation.seen.after or {}).get(field)
    return written if isinstance(written, str) and "${" in written else None


def _touches(change: ResourceChange, *members: str) -> bool:
    return any(one.path.split("/")[1] in members for one in change.changes)


def _by_provider(figures: KeyFigures) -> dict[str, int]:
    sums: dict[str, int] = {}
    for target, requests in figures.requests.items():
        provider = target.partition("/")[0]
        sums[provider] = sums.get(provider, 0) + requests
    return sums


def _share(part: int, whole: int) -> str:
    return f"{round(_PERCENT * part / whole)} %" if whole else "none"


def _price_ratio(before: Spec, after: Spec, figures: Figures) -> float | None:
    """How much dearer the first target is, input and output tokens alike."""
    prices = [figures.prices.get(_first_target(spec)) for spec in (before, after)]
    if prices[0] is None or prices[1] is None or not sum(prices[0]) or prices[0] == prices[1]:
        return None
    return sum(prices[1]) / sum(prices[0])


def _first_target(spec: Spec) -> str:
    first: Any = spec["targets"][0]
    if isinstance(first, str):
        return first
    return f"{next(iter(first['balance']))}/{first['model']}"
