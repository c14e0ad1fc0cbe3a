"""A configuration with everything that keys inherit written out, and where each value comes from."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import yaml

from gateway.config.model import Config
from gateway.config.packed_keys import PackedKeys
from gateway.config.resources import inheriting, resources_of, tree_of
from gateway.config.source import Path, with_value
from gateway.secret import Secret

_KEYS: Final = "virtual_keys"
_WIDTH: Final = 10_000
"""One value is one line, however long."""
_COLUMN: Final = 48
"""Where comments begin, if there is room."""


def resolved(config: Config, references: Mapping[Path, str], only: str | None = None) -> Iterator[str]:
    """The lines of a file that serves the same without classes.

    Args:
        config: Of a file.
        references: What the file has in place of values, which it keeps.
        only: One key's name, to have that alone. Raises `KeyError` where there is none.
    """
    keys = config.virtual_keys
    if only is None:
        yield from _beside_keys(config, references)
        if keys:
            yield f"{_KEYS}:"
    elif only not in keys:
        raise KeyError(only)
    for name in keys if only is None else (only,):
        yield from _key(keys, name, references)


def _beside_keys(config: Config, references: Mapping[Path, str]) -> Iterator[str]:
    found = tree_of(one for one in inheriting(resources_of(config, references)) if one.kind != _KEYS)
    said = {"version": 1, "owner": config.owner, **found}
    said["moved"] = [one.model_dump(by_alias=True) for one in config.moved]
    for section, value in said.items():
        if value:
            shown = {section: _shown(value, (section,), references)}
            yield from yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=_WIDTH).splitlines()


def _key(keys: Mapping[str, Any], name: str, references: Mapping[Path, str]) -> Iterator[str]:
    if not isinstance(keys, PackedKeys):
        raise TypeError("the keys of a configuration that was loaded are packed")
    written = keys.written(name)
    tree = keys.classes.whole(written)
    chain = ", ".join(keys.classes.names_of(written))
    yield _with_comment(
        f"  {_on_a_line(name)}:" if tree else f"  {_on_a_line(name)}: {{}}", f"of {chain}" if chain else ""
    )
    yield from _members(tree, (_KEYS, name), {name: written}, keys, references)


def _members(
    tree: Mapping[str, Any],
    at: Path,
    written: Mapping[str, Any],
    keys: PackedKeys,
    references: Mapping[Path, str],
) -> Iterator[str]:
    """Each member on a line of its own, and each member of one that comes from several places."""
    indent = "  " * len(at)
    for member, value in tree.items():
        path = (*at, member)
        places = {_origin(one, written, keys) for one in _leaves(value, path)}
        if isinstance(value, Mapping) and len(places) > 1:
            yield f"{indent}{_on_a_line(member)}:"
            yield from _members(value, path, written, keys, references)
        elif isinstance(value, list) and len(places) > 1:
            yield f"{indent}{_on_a_line(member)}:"
            for index, one in enumerate(value):
                text = _on_a_line(_shown_at((*path, index), one, written, keys, references))
                yield _with_comment(f"{indent}  - {text}", _origin((*path, index), written, keys))
        else:
            text = _on_a_line(_shown_at(path, value, written, keys, references))
            yield _with_comment(f"{indent}{_on_a_line(member)}: {text}", next(iter(places), ""))


def _leaves(value: Any, path: Path) -> Iterator[Path]:
    """Places of which each may come from somewhere else."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, list) and value:
        yield from ((*path, index) for index in range(len(value)))
    else:
        yield path


def _origin(path: Path, written: Mapping[str, Any], keys: PackedKeys) -> str:
    """The class that says what stands at a path; nothing, where the key does."""
    place = keys.classes.written_at(path, written)
    return "" if place[0] == _KEYS else f"{place[0]}.{place[1]}"


def _shown_at(
    path: Path, value: Any, written: Mapping[str, Any], keys: PackedKeys, references: Mapping[Path, str]
) -> Any:
    """A value with the references that the file has in it, wherever that is written."""
    for leaf in _leaves(value, path):
        text = references.get(keys.classes.written_at(leaf, written))
        if text is not None:
            value = with_value(value, leaf[len(path) :], text)
    return value


def _shown(value: Any, path: Path, references: Mapping[Path, str]) -> Any:
    """Plain data with references in place of what was read for them; of a secret nothing else is shown."""
    if isinstance(value, Secret):
        return references.get(path, "(sensitive)")
    if isinstance(value, Mapping):
        return {name: _shown(inner, (*path, name), references) for name, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner, (*path, index), references) for index, inner in enumerate(value)]
    return references.get(path, value)


def _on_a_line(value: Any) -> str:
    """A value, or a name, as YAML has it on one line."""
    return _text_on_a_line(value) if type(value) is str else _dumped(value)


# PERF: names of members and classes come again with every key.
@lru_cache(maxsize=4096)
def _text_on_a_line(text: str) -> str:
    return _dumped(text)


def _dumped(value: Any) -> str:
    text = yaml.dump(
        [value],
        Dumper=yaml.CSafeDumper,
        allow_unicode=True,
        width=_WIDTH,
        default_flow_style=True,
        sort_keys=False,
    )
    return text.rstrip()[1:-1]


def _with_comment(line: str, comment: str) -> str:
    return f"{line:<{_COLUMN}}  # {comment}" if comment else line
