"""The configuration that an import builds up, and what it has to tell about it."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import yaml

_ENV = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")
_NAME = 128


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
        self.variables: set[str] = set()

    def note(self, where: str, text: str) -> None:
        """Tells once."""
        note = Note(where, text)
        if note not in self.notes:
            self.notes.append(note)

    def section(self, name: str) -> dict[str, Any]:
        """A section to add to."""
        return self.sections.setdefault(name, {})

    def credential(self, written: object, suggested: str, where: str) -> str:
        """A reference in place of a credential; one that stood in clear gets a variable to be set."""
        found = _ENV.fullmatch(written) if isinstance(written, str) else None
        variable = found[1] if found else variable_name(suggested)
        if found is None:
            self.note(where, f"set {variable} to the credential" + (" that stood here" if written else ""))
        self.variables.add(variable)
        return "${env:" + variable + "}"

    def provider(self, wanted: str, members: Mapping[str, Any]) -> str:
        """The name of a provider with these members: one that is there already, or a new one."""
        providers = self.section("providers")
        for name, known in providers.items():
            if {key: value for key, value in known.items() if key != "rate_limits"} == members:
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


_ORDER = ("teams", "projects", "principals", "providers", "model_aliases", "virtual_keys", "budgets", "prices")


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
    """A text, empty where something else stands. References of ours mean nothing there, so they are kept as text."""
    return value.replace("${", "$${") if isinstance(value, str) else ""


def number(value: object, most: int = 10**15) -> int | None:
    """A positive whole number within bounds, or nothing."""
    if isinstance(value, bool) or (not isinstance(value, int | float | str) and not hasattr(value, "is_finite")):
        return None
    try:
        found = int(float(str(value)))
    except (ValueError, OverflowError):
        return None
    return found if 0 < found <= most else None
