"""Resources as a file again."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from gateway.config.field_tree import HASHES, fields_of
from gateway.config.resources import Resource, join_secrets, tree_of
from gateway.config.source import Path, pointer
from gateway.secret import Secret


def exported(owner: str, rows: Iterable[Mapping[str, Any]]) -> tuple[str, list[str]]:
    """A file with these resources, and the environment variables that its references name.

    Args:
        owner: Whose they are.
        rows: `kind`, `name`, `spec` with null in place of secrets, and `references`, as the API answers.
    """
    variables: set[str] = set()
    resources = []
    for row in rows:
        variables.update(_variables(row["references"].values()))
        fields = fields_of(row["kind"], row["name"])
        places = [path for path in _empty(row["spec"], ()) if (at := fields.below(path)) is None or at.is_secret]
        references = {
            pointer(path): row["references"].get(pointer(path)) or _suggested(row["name"], path) for path in places
        }
        variables.update(_variables(references.values()))
        # A hash of which only the beginning is known is left out: the control plane keeps what a file does not say.
        spec = {name: value for name, value in row["spec"].items() if name not in HASHES or not _is_cut(value)}
        resources.append(Resource(row["kind"], row["name"], join_secrets(spec, references)))
    tree = tree_of(resources)
    document = {"version": tree.pop("version"), "owner": owner, **tree}
    text = yaml.dump(_plain(document), sort_keys=False, allow_unicode=True, width=120)
    return text, sorted(variables)


def _variables(texts: Iterable[str]) -> Iterable[str]:
    return (name for text in texts for name in re.findall(r"\$\{env:([A-Za-z0-9_]+)\}", text))


def _is_cut(value: object) -> bool:
    return isinstance(value, str) and value.endswith("\u2026")


def _empty(value: Any, path: Path) -> Iterable[Path]:
    if value is None:
        yield path
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _empty(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _empty(inner, (*path, index))


def _suggested(name: str, path: Path) -> str:
    """`${env:OPENAI_API_KEY}` for the field `api_key` of the provider `openai`."""
    words = "_".join((name, *map(str, path[-1:])))
    return "${env:" + re.sub(r"[^A-Z0-9]+", "_", words.upper()).strip("_") + "}"


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
