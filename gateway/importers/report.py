"""What an import made and what it has to tell, as Markdown for the pull request that brings the file."""

import re
from collections.abc import Iterable
from typing import Final

from gateway.importers.draft import Draft, Note

_GROUPS: Final = (
    ("Keys that come disabled", re.compile(r"\bcomes? disabled")),
    ("To do before it is used", re.compile(r"^(set|put) |has to hold|cannot come along|without GATEWAY_KEY_PEPPER")),
    ("Left out", re.compile(r"\bleft out\b")),
    ("Not carried over", re.compile(r"^not carried over|are not carried over")),
)
_REST: Final = "Otherwise than before"
_COUNTED: Final = (
    ("providers", "providers"),
    ("model_aliases", "model names"),
    ("virtual_keys", "virtual keys"),
    ("teams", "teams"),
    ("principals", "principals"),
    ("budgets", "budgets"),
    ("prices", "prices"),
)


def markdown(draft: Draft) -> str:
    """The report of a draft."""
    keys = draft.sections.get("virtual_keys", {})
    disabled = sum(one.get("state") == "disabled" for one in keys.values())
    lines = ["# Import", "", "| | |", "|---|---|"]
    for section, told in _COUNTED:
        if count := len(draft.sections.get(section, {})):
            more = f", {disabled} of them disabled" if section == "virtual_keys" and disabled else ""
            lines.append(f"| {told} | {count}{more} |")
    if draft.variables:
        names = ", ".join(f"`{name}`" for name in sorted(draft.variables))
        lines += ["", f"Set before it is used: {names}."]
    groups: dict[str, list[Note]] = {}
    for note in draft.notes:
        groups.setdefault(next((name for name, told in _GROUPS if told.search(note.text)), _REST), []).append(note)
    for name in (*(name for name, _ in _GROUPS), _REST):
        if name in groups:
            lines += ["", f"## {name}", "", "| where | what |", "|---|---|", *_rows(groups[name])]
    return "\n".join(lines) + "\n"


def _rows(notes: Iterable[Note]) -> Iterable[str]:
    return (f"| `{_line(one.where).replace('`', ' ')}` | {_text(one.text)} |" for one in notes)


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _text(text: str) -> str:
    """A cell of what may have come from anywhere: it makes neither links nor HTML."""
    return _line(text).replace("<", "&lt;").replace("[", r"\[")
