"""Names that refer to something which is not there."""

import difflib
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from gateway.config.field_tree import SETTINGS, kind_of
from gateway.config.findings import Checked, Facts, Finding
from gateway.config.model import Config
from gateway.config.referring import named_in, naming_section, split
from gateway.config.sections.marks import Refers
from gateway.config.source import Path

_MAX_CANDIDATES = 1000


def unknown_names(tree: Mapping[str, Any], config: Config, facts: Facts) -> Iterator[Checked]:
    """What the sections beside the keys, and the file's own fields, name and the file does not declare.

    Args:
        tree: As it is written; of it, what the model has.
        config: The model of what is written rightly.
        facts: The names of all keys.
    """
    for section, written in tree.items():
        if section == "virtual_keys" or section not in config.model_fields_set:
            continue
        if section in SETTINGS or not isinstance(written, Mapping):
            yield from _unknown(section, written, config, facts)
            continue
        valid = getattr(config, section)
        if not isinstance(valid, Mapping):
            continue
        yield from _unknown(section, {name: one for name, one in written.items() if name in valid}, config, facts)


def unknown_names_in_keys(tree: Mapping[str, Any], config: Config, facts: Facts) -> Iterator[Checked]:
    """The same of the keys that the model has."""
    keys = tree["virtual_keys"]
    yield from _unknown("virtual_keys", {name: keys[name] for name in config.virtual_keys}, config, facts)


def unknown_names_at_fault(tree: Mapping[str, Any], config: Config, facts: Facts) -> Iterator[Checked]:
    """The same of entries that are at fault for something else, which the model has not; of many keys, the first."""
    for section, written in tree.items():
        valid = getattr(config, section, None)
        if section not in SETTINGS and isinstance(written, Mapping) and isinstance(valid, Mapping):
            others = ((name, one) for name, one in written.items() if name not in valid)
            yield from _unknown(section, dict(islice(others, _MAX_CANDIDATES)), config, facts)


def _unknown(section: str, written: Any, config: Config, facts: Facts) -> Iterator[Checked]:
    for refers, text, path, at_key in named_in(written, naming_section(section), (section,)):
        if refers.form == "glob" or refers.may_be_gone or refers.kind == "organizations":
            continue
        name = split(refers, text)[0]
        declared = facts.key_names if refers.kind == "virtual_keys" else getattr(config, refers.kind)
        if name not in declared:
            yield _finding(name, declared, refers, path, at_key=at_key)


def _finding(name: str, declared: Collection[str], refers: Refers, path: Path, *, at_key: bool) -> Checked:
    noun = kind_of(refers.kind).noun
    hint = _meant(name, tuple(islice(declared, _MAX_CANDIDATES)), noun)
    message = f"there is no {noun} named {name!r}"
    return Checked(Finding("unknown-reference", message, path, hint, at_key, refers.kind))


@lru_cache(maxsize=1024)
def _meant(name: str, declared: tuple[str, ...], noun: str) -> str:
    """Cached, since a name that is wrong once is often wrong in every key."""
    close = difflib.get_close_matches(name, declared, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Declared: {', '.join(declared[:10])}." if declared else f"The file declares no {noun}."
