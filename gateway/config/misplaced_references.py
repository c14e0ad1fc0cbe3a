"""References where people read what they stand for: in names, in patterns that callers are told, in text for people."""

from collections.abc import Iterable, Iterator
from typing import Final

from gateway.config.diagnostics import Severity
from gateway.config.findings import Checked, Finding
from gateway.config.source import Path

_NAMES: Final = (("owner",), ("organization",))


def misplaced(written: Iterable[Path]) -> Iterator[Checked]:
    """A finding for each path at which a reference has no place, or had better none."""
    for path in written:
        if path in _NAMES or (path[0] == "moved" and path[-1] in ("from", "to")):
            yield _name(path, "a name cannot come from a reference", "Write the name itself.")
        elif _is_tag(path):
            hint = "Write the tag itself: budgets, reports and traces show it."
            yield _name(path, "a tag cannot come from a reference", hint)
        elif _names_a_model(path):
            hint = "Write the model itself: metrics, reports and answers show it."
            yield _name(path, "a model's name cannot come from a reference", hint)
        elif path[-2:-1] == ("deny",) and isinstance(path[-1], int):
            message = "a pattern that denies cannot come from a reference: callers whom it refuses are told it"
            yield Checked(Finding("reference-in-pattern", message, path, "Write the pattern itself."))
        elif path[-1] == "description":
            message = "free text comes from a reference, which is all that plans and the console show of it"
            hint = "Write the text itself."
            yield Checked(Finding("reference-in-text", message, path, hint), Severity.WARNING)


def _name(path: Path, message: str, hint: str) -> Checked:
    return Checked(Finding("reference-in-name", message, path, hint))


def _is_tag(path: Path) -> bool:
    return (path[0] == "virtual_keys" and path[2:3] == ("tags",)) or (
        path[0] == "budgets" and path[2:] == ("scope", "tag")
    )


def _names_a_model(path: Path) -> bool:
    """Whether models are named: where aliases lead, what a provider or a price declares, what a key may ask for."""
    if path[0] == "virtual_keys":
        return path[2:3] in (("model_aliases",), ("models_allowed",))
    if path[0] == "providers":
        return path[2:3] == ("models",)
    return path[0] == "model_aliases" or (path[0] in ("prices", "locked_prices") and path[-1] == "base_model")
