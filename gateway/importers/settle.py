"""What an import made is judged like any file; what does not hold is taken out and told: the rest can be used."""

from gateway import clock
from gateway.config.diagnostics import Severity
from gateway.config.findings import Facts, Finding
from gateway.config.judge import judge
from gateway.importers.draft import Draft

_ROUNDS = 25
"""Taking one thing out can leave another without what it refers to."""


def settle(draft: Draft) -> Draft:
    """The draft, without what would not be valid."""
    for _ in range(_ROUNDS):
        errors = _errors(draft)
        for finding in errors:
            _take_out(draft, finding)
        if not errors:
            break
    return draft


def _errors(draft: Draft) -> list[Finding]:
    tree = {"version": 1, "owner": draft.owner, **draft.settings, **draft.sections}
    keys = frozenset(draft.sections.get("virtual_keys", {}))
    hidden = frozenset(("providers", name, "api_key") for name in draft.sections.get("providers", {}))
    _, found = judge(tree, Facts(hidden, keys, clock.utc_now(), strict=False), None)
    return [one.finding for one in found if one.severity is Severity.ERROR]


def _take_out(draft: Draft, finding: Finding) -> None:
    """The entry that the finding is about, or the whole section where it is about that."""
    section, name = (*map(str, finding.path), "", "")[:2]
    draft.note(".".join(one for one in (section, name) if one) or "the file", f"left out: {finding.message}")
    draft.settings.pop(section, None)
    if not name:
        draft.sections.pop(section, None)
    else:
        draft.sections.get(section, {}).pop(name, None)
