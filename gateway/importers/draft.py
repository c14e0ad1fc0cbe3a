"""The configuration that an import builds up, and what it has to tell about it."""

import re
from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any

import msgspec
import yaml

from gateway.importers.peers import may_be_secret

_ENV = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")
_REFERENCE = re.compile(r"(\$?)\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_NAME = 128
PERIOD = re.compile(r"(\d{1,6})(s|m|h|d|w|mo)")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "mo": 30 * 86_400}
_WINDOWS = {60: "minute", 3600: "hour", 86_400: "day", 7 * 86_400: "week", 30 * 86_400: "month"}
_LARGEST_USD = 10**9
_LARGEST_WEIGHT = 1_000_000
_PARTS = 1000
_DECIMAL_PLACES = Decimal("0.000000001")


class Note(msgspec.Struct, frozen=True):
    """Something that did not come along as it was, or needs a person: where it stood, and what to do."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


class Draft:
    """A `gateway.yaml` in the making. Credentials in clear never get into it or into a note."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.sections: dict[str, dict[str, Any]] = {}
        self.settings: dict[str, Any] = {}
        self.notes: list[Note] = []
        self.reserved: set[str] = set()
        """Variables that hold other credentials than any that stands in clear."""
        self._in_clear: dict[str, str] = {}
        self._names: dict[tuple[str, str], str] = {}

    @property
    def variables(self) -> set[str]:
        """The environment variables that the file refers to."""
        return {name for escape, name in _REFERENCE.findall(self.text()) if not escape}

    def note(self, where: str, text: str) -> None:
        """Tells once."""
        note = Note(where, text)
        if note not in self.notes:
            self.notes.append(note)

    def section(self, name: str) -> dict[str, Any]:
        """A section to add to."""
        return self.sections.setdefault(name, {})

    def credential(self, written: object, suggested: str, where: str) -> str:
        """A reference in place of a credential. One that stood in clear gets a variable to be set, of its own."""
        if isinstance(written, str) and (found := _ENV.fullmatch(written)):
            return "${env:" + found[1] + "}"
        variable = self._variable(written, variable_name(suggested))
        self.note(where, f"set {variable} to the credential" + (" that stood here" if written else ""))
        return "${env:" + variable + "}"

    def headers(self, written: object, where: str) -> dict[str, str]:
        """Headers as a provider has them: what may be a secret in a variable, `where` and a dot before its name."""
        return {
            name: self.credential(value, name, f"{where}.{name}")
            if may_be_secret(name, value)
            else words(value) or str(value)
            for name, value in mapping(written).items()
        }

    def _variable(self, written: object, wanted: str) -> str:
        """The variable of a credential; without one in the file it is the usual one, whatever else stands there."""
        if not written:
            return wanted
        credential = str(written)
        name, number = wanted, 2
        while self._in_clear.get(name, credential) != credential or name in self.reserved:
            name, number = f"{wanted}_{number}", number + 1
        self._in_clear[name] = credential
        return name

    def named(self, kind: str, identifier: str) -> str:
        """A name of a kind for something that is told by what may not be shown: `kind`, `kind-2`, ..."""
        known = self._names.get((kind, identifier))
        if known is None:
            count = sum(one == kind for one, _ in self._names)
            known = self._names[kind, identifier] = kind if not count else f"{kind}-{count + 1}"
        return known

    def aws_profile(self, kind: str, access_key: str, where: str) -> str:
        """The AWS profile for the keys of an account, told by the id of one: they cannot stand in the file."""
        profile = self.named(kind, access_key)
        self.note(where, f"put the account's keys into the AWS profile {profile!r}: they cannot stand in the file")
        return profile

    def entry(self, section: str, identifier: str) -> str:
        """The name of an entry for something with an identifier: no two of a section share one."""
        known = self._names.get((section, identifier))
        if known is None:
            taken = {name: None for (one, _), name in self._names.items() if one == section}
            known = self._names[section, identifier] = unique(
                entry_name(identifier), {**self.section(section), **taken}
            )
        return known

    def organization(self) -> str:
        """The organization that all requests are of, for what holds for everybody."""
        return str(self.settings.get("organization") or self.owner)

    def budget(self, where: str, scope: Mapping[str, str], wanted: str, row: Mapping[str, Any], **further: Any) -> None:
        """A budget, where a row has a cap; `further` are more of its members.

        Windows here follow the calendar. A period that none has becomes the next longer one, so that the cap allows no
        more than before.
        """
        if row.get("max_budget") is None:
            return
        limit = amount(row["max_budget"])
        if limit is None:
            self.note(f"{where}.max_budget", "not carried over: it is no amount")
            return
        if "organization" in scope:
            self.settings.setdefault("organization", self.organization())
        duration = words(row.get("budget_duration"))
        window, is_exact = window_of(duration)
        if not is_exact:
            text = f"{duration!r} has no counterpart; a window of {window} is written, which allows no more"
            self.note(f"{where}.budget_duration", text)
        budgets = self.section("budgets")
        budgets[unique(entry_name(wanted), budgets)] = {
            "scope": dict(scope),
            "window": window,
            "limit_usd": limit,
            **further,
        }

    def limit(self, match: Mapping[str, str], wanted: str, limits: Mapping[str, int]) -> None:
        """Rate limits of what a selector matches, where there are any."""
        if limits:
            sets = self.section("limits")
            sets[unique(entry_name(wanted), sets)] = {"match": dict(match), **limits}

    def provider(self, wanted: str, members: Mapping[str, Any], *, own: bool = False) -> str:
        """The name of a provider with these members: one that is there, unless it is to be its own, or a new one."""
        providers = self.section("providers")
        for name, known in providers.items():
            if known == members and not own:
                return name
        name = unique(provider_name(wanted), providers)
        providers[name] = dict(members)
        return name

    def text(self) -> str:
        """The file."""
        ordered = {name: self.sections[name] for name in _ORDER if self.sections.get(name)}
        document = {"version": 1, "owner": self.owner, **self.settings, **ordered}
        return yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)


class _Plain(yaml.SafeDumper):
    """Writes what stands in two places twice: anchors are harder to review than lines."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the library's signature
        return True


_ORDER = (
    "teams",
    "projects",
    "principals",
    "providers",
    "model_aliases",
    "virtual_keys",
    "budgets",
    "limits",
    "prices",
)


def variable_name(text: str) -> str:
    """Something that may be the name of an environment variable: it does not begin with a digit."""
    name = re.sub(r"[^A-Z0-9]+", "_", text.upper()).strip("_") or "API_KEY"
    return f"KEY_{name}" if name[0].isdigit() else name


def provider_name(text: str) -> str:
    """Something that may be a provider's name."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:48] or "provider"


def entry_name(text: str) -> str:
    """Something that may be the name of a key, a team, a budget."""
    return re.sub(r"[^A-Za-z0-9._@:+-]+", "-", text).strip("-._@:+")[: _NAME - 8] or "unnamed"


def unique(name: str, taken: Mapping[str, Any]) -> str:
    """The name, or the first free one of its kind."""
    number, found = 2, name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found


def mapping(value: object) -> dict[str, Any]:
    """A mapping, empty where something else stands."""
    return {str(key): inner for key, inner in value.items()} if isinstance(value, dict) else {}


def sequence(value: object) -> list[Any]:
    """A list, empty where something else stands."""
    return value if isinstance(value, list) else []


def words(value: object) -> str:
    """A text, empty where something else stands: a variable of LiteLLM's becomes a reference.

    References of ours mean nothing there, so they are kept as text.
    """
    if not isinstance(value, str):
        return ""
    found = _ENV.fullmatch(value)
    return value.replace("${", "$${") if found is None else "${env:" + found[1] + "}"


def in_turns(model: str, shares: Mapping[str, float], **further: str) -> list[Any]:
    """The targets of a model that several providers serve in these proportions; one whose share is nothing stands by.

    `further` are more members of a balanced target.
    """
    most = max(shares.values())
    if most <= 0:
        return [f"{provider}/{model}" for provider in shares]
    scale = next((10**n for n in range(4) if all(round(one * 10**n, 6) % 1 == 0 for one in shares.values())), 0)
    if not scale or most * scale > _LARGEST_WEIGHT:
        scale = _PARTS / most
    weights = {name: max(1, round(one * scale)) for name, one in shares.items() if one > 0}
    standing_by = [f"{name}/{model}" for name in shares if name not in weights]
    if len(weights) == 1:
        return [f"{next(iter(weights))}/{model}", *standing_by]
    return [{"model": model, "balance": weights, **further}, *standing_by]


def variables_in(value: object) -> set[str]:
    """The variables that LiteLLM would read for a value, whatever is in it."""
    if isinstance(value, str):
        found = _ENV.fullmatch(value)
        return set() if found is None else {found[1]}
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for one in inner for name in variables_in(one)}


def variable_in(value: object) -> str:
    """The variable that a value is read from, else nothing."""
    found = _ENV.fullmatch(value) if isinstance(value, str) else None
    return "" if found is None else found[1]


def is_reference(text: str) -> bool:
    """Whether `words` made a reference."""
    return text.startswith("${env:")


def amount(written: object) -> str | None:
    """US dollars as the file writes them, rounded down to nano-dollars; `None` for what is no cap."""
    try:
        limit = Decimal(str(written)).quantize(_DECIMAL_PLACES, ROUND_DOWN)
        fits = 0 <= limit <= _LARGEST_USD
    except ArithmeticError:  # no number, or none that compares
        return None
    return format(limit.normalize(), "f") if fits else None


def window_of(duration: str) -> tuple[str, bool]:
    """The window of a period such as `30d`, and whether it is as long; without a period it never ends."""
    found = PERIOD.fullmatch(duration)
    if found is None:
        return "total", not duration
    seconds = int(found[1]) * SECONDS[found[2]]
    longer = [length for length in _WINDOWS if length >= seconds]
    return (_WINDOWS[longer[0]], longer[0] == seconds) if longer else ("total", False)


def share(value: object) -> float | None:
    """A number from 0 on, or nothing."""
    if isinstance(value, bool) or (not isinstance(value, int | float | str) and not hasattr(value, "is_finite")):
        return None
    try:
        found = float(str(value))
    except ValueError:
        return None
    return found if 0 <= found < _LARGEST_USD else None


def number(value: object, most: int = 10**15) -> int | None:
    """A positive whole number within bounds, or nothing."""
    if isinstance(value, bool) or (not isinstance(value, int | float | str) and not hasattr(value, "is_finite")):
        return None
    try:
        found = int(float(str(value)))
    except (ValueError, OverflowError):
        return None
    return found if 0 < found <= most else None
