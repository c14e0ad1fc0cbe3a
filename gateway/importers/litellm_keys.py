"""LiteLLM's virtual keys, from its database or `/key/list`, as JSON.

Their secrets cannot come along: LiteLLM keeps SHA-256 digests, this gateway HMACs of secrets in its own form. Keys come
without a hash, so that a control plane mints their secrets at apply.
"""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from gateway.importers.draft import Draft, entry_name, mapping, number, sequence, unique, words

_WINDOWS: Final = {
    "1m": "minute",
    "60s": "minute",
    "1h": "hour",
    "60m": "hour",
    "24h": "day",
    "1d": "day",
    "7d": "week",
    "30d": "month",
    "1mo": "month",
}


def read_keys(draft: Draft, dump: object) -> None:
    """Adds keys, teams and budgets: of a list of keys, or of a mapping with `keys`, `teams` and `users`."""
    document = mapping(dump)
    keys = sequence(dump) or sequence(document.get("keys")) or sequence(document.get("data"))
    for index, one in enumerate(sequence(document.get("teams"))):
        team = mapping(one)
        name = _team(draft, words(team.get("team_id")), words(team.get("team_alias")))
        if name:
            _budget(draft, f"teams[{index}]", {"team": name}, f"team-{name}", team)
    for index, one in enumerate(keys):
        _key(draft, f"keys[{index}]", mapping(one))
    if draft.sections.get("virtual_keys"):
        text = "secrets cannot come along: a control plane mints new ones at apply, `gateway keys mint NAME` in a file"
        draft.note("keys", text)


def _key(draft: Draft, where: str, key: dict[str, Any]) -> None:
    written = words(key.get("key_alias")) or words(key.get("key_name"))
    if not written:
        draft.note(where, "left out: it has neither key_alias nor key_name")
        return
    keys = draft.section("virtual_keys")
    name = unique(entry_name(written), keys)
    spec: dict[str, Any] = {}
    if team := _team(draft, words(key.get("team_id")), ""):
        spec["team"] = team
    if user := words(key.get("user_id")):
        spec["principal"] = entry_name(user)
        draft.section("principals").setdefault(entry_name(user), {})
    if models := [words(one) for one in sequence(key.get("models")) if words(one)]:
        spec |= _models(draft, where, models)
    limits = {
        ours: found
        for theirs, ours in (("rpm_limit", "rpm"), ("tpm_limit", "tpm"), ("max_parallel_requests", "concurrency"))
        if (found := number(key.get(theirs))) is not None
    }
    if limits:
        spec["rate_limits"] = limits
    if key.get("blocked") is True:
        spec["state"] = "disabled"
    if ends := _moment(draft, where, key.get("expires")):
        spec["expires_at"] = ends
    if tags := [words(one) for one in sequence(mapping(key.get("metadata")).get("tags")) if words(one)]:
        spec["tags"] = [tag[:256] for tag in tags]
    keys[name] = spec
    _budget(draft, where, {"virtual_key": name}, f"key-{name}", key)


def _models(draft: Draft, where: str, models: list[str]) -> dict[str, Any]:
    """Names that clients may ask for. Here what they resolve to is judged, so aliases allow their targets."""
    if "all-proxy-models" in models or "all-team-models" in models:
        return {}
    allowed: list[str] = []
    for model in models:
        targets = draft.section("model_aliases").get(model, model)
        every = targets if isinstance(targets, list) else [targets]
        allowed += [one if isinstance(one, str) else one["model"] for one in every]
    if any(len(one) > 512 for one in allowed):  # noqa: PLR2004 - what a glob may have
        draft.note(where, "a model's name is too long, and left out")
    return {"models_allowed": list(dict.fromkeys(one for one in allowed if len(one) <= 512))}  # noqa: PLR2004 - see above


def _team(draft: Draft, identifier: str, alias: str) -> str:
    if not identifier:
        return ""
    name = entry_name(identifier)
    teams = draft.section("teams")
    teams.setdefault(name, {})
    if alias:
        teams[name]["description"] = alias
    return name


def _budget(draft: Draft, where: str, scope: dict[str, str], wanted: str, row: dict[str, Any]) -> None:
    if row.get("max_budget") is None:
        return
    try:
        limit = Decimal(str(row["max_budget"])).quantize(Decimal("0.000000001"))
    except InvalidOperation:
        limit = Decimal(-1)
    if not 0 <= limit <= 10**9:
        draft.note(f"{where}.max_budget", "not carried over: it is no amount")
        return
    duration = words(row.get("budget_duration"))
    window = _WINDOWS.get(duration, "total" if not duration else "month")
    if duration and duration not in _WINDOWS:
        draft.note(f"{where}.budget_duration", f"{duration!r} has no counterpart; a calendar month is assumed")
    budgets = draft.section("budgets")
    name = unique(entry_name(wanted), budgets)
    budgets[name] = {"scope": scope, "window": window, "limit_usd": format(limit.normalize(), "f")}
    if row.get("spend"):
        draft.note(f"{where}.spend", "what was spent there is not known here: windows begin at zero")


def _moment(draft: Draft, where: str, written: object) -> str | None:
    if not isinstance(written, str) or not written:
        return None
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        draft.note(f"{where}.expires", "not carried over: it is no date")
        return None
    aware = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    try:
        return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return None
