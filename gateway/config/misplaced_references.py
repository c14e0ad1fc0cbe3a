"""References where people read what they stand for: in names, in patterns that callers are told, in text for people."""

from collections.abc import Iterable, Iterator

from gateway.config.field_tree import tree_of_file
from gateway.config.findings import Checked, Finding
from gateway.config.sections.marks import Written
from gateway.config.source import Path


def misplaced(written: Iterable[Path]) -> Iterator[Checked]:
    """A finding for each path at which a reference has no place, or had better none."""
    for path in written:
        said = next((one for field in tree_of_file().along(path) if (one := field.mark(Written)) is not None), None)
        if said is not None:
            yield Checked(Finding(said.code, said.message, path, said.hint), said.severity)
