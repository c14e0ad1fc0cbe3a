"""Is the tree what the model takes? pydantic decides, fast; only for a tree that is not, `jsonschema` says why.

Both come from the same models. What only pydantic finds (exactly one scope, zones of dates) is reported with its words.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.validators import extend
from pydantic import ValidationError

from gateway.config.model import Config
from gateway.config.schema import generate
from gateway.config.source import Path

_TYPE_NAMES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


class Finding(msgspec.Struct, frozen=True):
    """What is wrong at one path. `at_key` says that the key is meant, not its value."""

    code: str
    message: str
    path: Path
    hint: str | None = None
    at_key: bool = False


def build(tree: Any) -> tuple[Config | None, list[Finding]]:
    """The model of a merged tree, or everything that keeps it from being one."""
    try:
        return Config.model_validate(tree), []
    except ValidationError as error:
        findings = list(_by_schema(tree))
        known = {finding.path for finding in findings}
        findings += [one for one in _by_model(error) if not _is_told(one.path, known)]
        return None, findings


def _by_schema(tree: Any) -> Iterator[Finding]:
    for error in _validator().iter_errors(tree):
        for one in _relevant(error):
            yield from _explain(one)


@cache
def _validator() -> Any:
    checker = Draft202012Validator.TYPE_CHECKER.redefine(
        "number", lambda _, value: isinstance(value, int | Decimal) and not isinstance(value, bool)
    )
    validator: Any = extend(Draft202012Validator, type_checker=checker)  # type: ignore[no-untyped-call] # jsonschema leaves it untyped
    return validator(generate())


def _relevant(error: Any) -> list[Any]:
    """For a choice, the findings of the branch that was meant: the one whose type fits."""
    if error.validator not in ("anyOf", "oneOf"):
        return [error]
    branches: dict[Any, list[Any]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.schema_path[0], []).append(inner)
    for inners in branches.values():
        at_root = [one for one in inners if one.validator == "type" and not one.path]
        if not at_root:
            return [found for one in inners for found in _relevant(one)]
    return [error]


def _explain(error: Any) -> Iterator[Finding]:
    path: Path = tuple(error.absolute_path)
    kind, rule, value = error.validator, error.validator_value, error.instance
    if kind == "additionalProperties":
        known = error.schema.get("properties", {})
        for name in sorted(set(value) - set(known)):
            yield Finding("unknown-field", f"{name!r} is not a field here", (*path, name), _meant(name, known), True)
    elif kind == "required":
        missing = re.match(r"'(.*)' is a required property", error.message)
        name = missing[1] if missing else str(rule)
        described = error.schema.get("properties", {}).get(name, {}).get("description")
        yield Finding("missing-field", f"the field {name!r} is missing", path, described, True)
    elif kind == "propertyNames" or "propertyNames" in error.absolute_schema_path:
        yield Finding("invalid-name", f"{value!r} cannot be a name here", (*path, value), _describe(error), True)
    elif kind == "type":
        yield Finding("wrong-type", f"{_types(rule)} belongs here, not {_type_of(value)}", path, _describe(error))
    elif kind in ("anyOf", "oneOf"):
        types = [branch.get("type", "object") for branch in rule if branch.get("type") != "null"]
        yield Finding("wrong-type", f"{_types(types)} belongs here, not {_type_of(value)}", path, _describe(error))
    elif kind in ("enum", "const"):
        choices = rule if isinstance(rule, list) else [rule]
        hint = _meant(str(value), [str(choice) for choice in choices])
        yield Finding("invalid-value", f"one of {', '.join(map(str, choices))} belongs here", path, hint)
    else:
        yield Finding("invalid-value", _bound(kind, rule), path, _describe(error))


def _by_model(error: ValidationError) -> Iterator[Finding]:
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        message = one["msg"].removeprefix("Value error, ")
        path = tuple(part for part in one["loc"] if not _is_of_pydantic(part))
        yield Finding("invalid-value", message, path)


def _is_of_pydantic(part: str | int) -> bool:
    """Pydantic adds the names of union branches and validators to its locations."""
    return isinstance(part, str) and (
        part in ("[key]", "str") or bool(re.match(r"(constrained-|list\[|function-)", part))
    )


def _is_told(path: Path, known: Iterable[Path]) -> bool:
    """Whether a finding stands at this path already, above it or below it."""
    return any(path[: len(other)] == other or other[: len(path)] == path for other in known)


def _describe(error: Any) -> str | None:
    description: str | None = error.schema.get("description")
    if description is None and error.parent is not None:
        description = error.parent.schema.get("description")
    return description


def _meant(name: str, known: Iterable[str]) -> str | None:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known here: {', '.join(names)}." if names else None


def _bound(kind: Any, rule: Any) -> str:
    words = {
        "minimum": f"the value has to be at least {rule}",
        "exclusiveMinimum": f"the value has to be greater than {rule}",
        "maximum": f"the value may be at most {rule}",
        "minLength": "the text may not be empty" if rule == 1 else f"the text needs at least {rule} characters",
        "maxLength": f"the text may have at most {rule} characters",
        "minItems": "the list may not be empty" if rule == 1 else f"the list needs at least {rule} items",
        "pattern": "the text is not written as this field asks",
    }
    return words.get(str(kind), f"the value does not meet {kind}")


def _types(rule: Any) -> str:
    types = rule if isinstance(rule, list) else [rule]
    return " or ".join(dict.fromkeys(_TYPE_NAMES.get(str(one), str(one)) for one in types))


def _type_of(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, Decimal):
        return "a number with a fraction"
    names = {dict: "a mapping", list: "a list", str: "a string", int: "a number"}
    return names.get(type(value), type(value).__name__)
