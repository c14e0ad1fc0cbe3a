"""The teams that a key's requests are paid by: that of its project and that of its principal, which may be two."""

from collections.abc import Iterator
from typing import Final

from gateway.config.diagnostics import Severity
from gateway.config.findings import Checked, Facts, Finding
from gateway.config.model import Config
from gateway.config.packed_keys import KeyOwner, key_owners
from gateway.config.sections.virtual_keys import VirtualKey

_NAMED: Final = 5
"""Names that one warning tells; a file may have thousands of keys that span the same two teams."""


def teams_of_key(key: VirtualKey | KeyOwner, config: Config) -> tuple[str, ...]:
    """The teams whose budgets count a key's requests, the one that reports attribute them to first.

    They are its project's and its principal's, or, where neither has one, the one that the key names itself.
    """
    project = config.projects.get(key.project) if key.project is not None else None
    principal = config.principals.get(key.principal) if key.principal is not None else None
    paying = dict.fromkeys(one.team for one in (project, principal) if one is not None and one.team is not None)
    return tuple(paying) or (() if key.team is None else (key.team,))


def keys_across_teams(config: Config, _facts: Facts) -> Iterator[Checked]:
    """A warning for each two teams that some keys span."""
    spanning: dict[tuple[str, ...], list[str]] = {}
    for name, owner in zip(config.virtual_keys, key_owners(config.virtual_keys), strict=True):
        teams = teams_of_key(owner, config)
        if len(teams) > 1:
            spanning.setdefault(teams, []).append(name)
    for (project, principal), names in spanning.items():
        told = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        message = f"the project is of the team {project!r} and the principal of {principal!r}: {told}"
        hint = f"Budgets of both teams count these keys; reports attribute them to {project!r}."
        yield Checked(
            Finding("key-spans-teams", message, ("virtual_keys", names[0], "principal"), hint), Severity.WARNING
        )
