"""Is the tree what the model takes? pydantic decides, fast; only for what it does not take, `jsonschema` says why.

Both come from the same models. What only pydantic finds (exactly one scope, dates that do not exist) is reported with
its words. Keys are taken a few hundred at a time, so that a hundred thousand of them neither fill the memory nor hold
up a process that serves meanwhile.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from gateway.config.field_tree import tree_of_file
from gateway.config.findings import Finding
from gateway.config.key_classes import SECTION, KeyClasses
from gateway.config.model import Config
from gateway.config.packed_keys import NO_CLASSES, PackedKeys
from gateway.config.schema import generate
from gateway.config.sections.base import AMOUNT, AMOUNT_IS, Name
from gateway.config.sections.marks import CalledElsewhere, Mistaken
from gateway.config.sections.virtual_keys import VirtualKey
from gateway.config.source import Path

_KEYS = TypeAdapter(dict[Name, VirtualKey])
_KEYS_AT_A_TIME = 500
_KEYS_TO_EXPLAIN = 1000
"""The schema takes a millisecond a key; where more are at fault, the others are told in the model's own words."""

_OF_OTHERS = {
    **dict.fromkeys(("model_list", "litellm_settings", "general_settings", "router_settings"), "litellm"),
    **dict.fromkeys(("strategy", "targets"), "portkey"),
    **dict.fromkeys(("governance", "client", "mcp"), "bifrost"),
}
"""Sections of the files of other gateways, which `gateway import` reads."""
_YAML_1_1 = "Tools of YAML 1.1 read the name `on` as true and write it so: put it in quotes."
_EMPTY = {"object": "Write {} to have none.", "array": "Write [] to have none."}
_TYPE_NAMES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


def build(
    tree: Any, on_keys: Callable[[Config], None] | None = None, classes: KeyClasses = NO_CLASSES
) -> tuple[Config | None, list[Finding]]:
    """The model of a merged tree, and everything that keeps the tree from being valid.

    Where some entries are at fault, the model is that of the others, so that they can be checked further. `on_keys`
    gets the configuration with some of its keys, until it has seen all that are valid; those of the result are packed.
    Keys, and classes that extend others, are judged with what they inherit.
    """
    errors: list[ErrorDetails] = []
    keys = tree.get("virtual_keys") if isinstance(tree, dict) else None
    apart = isinstance(keys, dict)
    if classes:
        whole = {name: one.tree for name, one in classes.class_trees.items()}
        tree = {**tree, SECTION: {**tree[SECTION], **whole}}
    rest = {section: value for section, value in tree.items() if section != "virtual_keys"} if apart else tree
    config: Config | None
    try:
        config = Config.model_validate(rest)
    except ValidationError as error:
        errors += _details(error)
        config = _of_the_others(rest, errors)
    packed = PackedKeys({}, classes)
    for some in _some_at_a_time(keys if isinstance(keys, dict) else {}):
        models = _valid_keys(_inheriting(some, classes), errors)
        packed.add({name: some[name] for name in models})
        if config is not None and on_keys is not None:
            on_keys(config.model_copy(update={"virtual_keys": models}))
    if config is not None:
        config = config.model_copy(update={"virtual_keys": packed})
    return config, _explained(tree, errors, classes) if errors else []


def _inheriting(some: dict[str, Any], classes: KeyClasses) -> dict[str, Any]:
    return {name: classes.key(one).tree for name, one in some.items()}


def _of_the_others(tree: Any, errors: list[ErrorDetails]) -> Config | None:
    """The model of what no error is about: of a section of names the other entries, of another section nothing."""
    if not isinstance(tree, dict):
        return None
    at_fault = {tuple(one["loc"][:2]) for one in errors}
    sections = {loc[0] for loc in at_fault if len(loc) == 1 or not isinstance(tree.get(loc[0]), dict)}
    others = {
        section: {name: entry for name, entry in value.items() if (section, name) not in at_fault}
        if isinstance(value, dict)
        else value
        for section, value in tree.items()
        if section not in sections
    }
    try:
        return Config.model_validate(others | {"version": 1})
    except ValidationError:
        return None


def _some_at_a_time(keys: dict[str, Any]) -> Iterator[dict[str, Any]]:
    items = iter(keys.items())
    while some := dict(islice(items, _KEYS_AT_A_TIME)):
        yield some


def _valid_keys(some: dict[str, Any], errors: list[ErrorDetails]) -> dict[str, VirtualKey]:
    try:
        return _KEYS.validate_python(some)
    except ValidationError as error:
        details = _details(error, "virtual_keys")
    errors += details
    at_fault = {one["loc"][1] for one in details}
    return _KEYS.validate_python({name: key for name, key in some.items() if name not in at_fault})


def _details(error: ValidationError, *section: str) -> list[ErrorDetails]:
    """Without the input: a message must not carry a value that could be a secret."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    for one in details:
        one["loc"] = (*section, *one["loc"])
    return details


def _explained(tree: Any, errors: list[ErrorDetails], classes: KeyClasses) -> list[Finding]:
    """In the words of the schema where it has any; the schema is slow, so it sees only what is at fault."""
    at_fault = _at_fault(tree, errors, classes)
    findings = list(_by_schema(at_fault))
    if classes and "virtual_keys" in at_fault:
        tree = {**tree, "virtual_keys": {**tree["virtual_keys"], **at_fault["virtual_keys"]}}
    told = {finding.path for finding in findings}
    above = {path[:end] for path in told for end in range(len(path) + 1)}
    for one in errors:
        path = _path(tree, one)
        if path not in above and not any(path[:end] in told for end in range(len(path) + 1)):
            findings.append(Finding("invalid-value", one["msg"].removeprefix("Value error, "), path))
    return findings


def _at_fault(tree: Any, errors: list[ErrorDetails], classes: KeyClasses) -> Any:
    if not isinstance(tree, dict):
        return tree
    sections = {"version", *(one["loc"][0] for one in errors if one["loc"])}
    pruned = {section: value for section, value in tree.items() if section in sections}
    keys = pruned.get("virtual_keys")
    if isinstance(keys, dict):
        names = dict.fromkeys(one["loc"][1] for one in errors if one["loc"][0] == "virtual_keys")
        some = {str(name): keys[name] for name in islice(names, _KEYS_TO_EXPLAIN)}
        pruned["virtual_keys"] = _inheriting(some, classes)
    return pruned


def _by_schema(tree: Any) -> Iterator[Finding]:
    for error in _validator().iter_errors(tree):
        for one in _relevant(error):
            yield from _explain(one)


@cache
def _validator() -> Any:
    # Files that are valid never need it.
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from jsonschema.validators import extend  # noqa: PLC0415

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
            hint = _YAML_1_1 if name == "true" and "on" in known else _meant_field(name, known, path)
            yield Finding("unknown-field", f"{name!r} is not a field here", (*path, name), hint, True)
    elif kind == "required":
        missing = re.match(r"'(.*)' is a required property", error.message)
        name = missing[1] if missing else str(rule)
        field = error.schema.get("properties", {}).get(name, {})
        hint = f"One of {', '.join(field['enum'])}." if "enum" in field else field.get("description")
        yield Finding("missing-field", f"the field {name!r} is missing", path, hint, True)
    elif kind == "propertyNames" or "propertyNames" in error.absolute_schema_path:
        yield Finding("invalid-name", f"{value!r} cannot be a name here", (*path, value), _describe(error), True)
    elif kind == "type":
        yield _of_another_type(error, path, _as_list(rule))
    elif kind in ("anyOf", "oneOf"):
        types = [branch.get("type", "object") for branch in rule if branch.get("type") != "null"]
        yield _of_another_type(error, path, types)
    elif kind in ("enum", "const"):
        yield from _explain_choice(error, path)
    elif error.schema.get("format") == "date-time":
        message = "a date and time with a zone belongs here, for example 2027-01-01T00:00:00Z"
        yield Finding("invalid-value", message, path, _describe(error))
    else:
        said = _mistaken(path, value) if kind == "pattern" else None
        message = _bound(kind, rule) if said is None else said.message
        yield Finding("invalid-value", message, path, (said and said.hint) or _describe(error))


def _mistaken(path: Path, value: Any) -> Mistaken | None:
    """What is wrong with this text, where its field knows what people write there by mistake."""
    field = tree_of_file().below(path)
    marks = () if field is None else field.marks
    return next((one for one in marks if isinstance(one, Mistaken) and re.match(one.pattern, value)), None)


def _of_another_type(error: Any, path: Path, types: list[Any]) -> Finding:
    value = error.instance
    is_number = any(one in ("integer", "number") for one in types)
    is_quoted = is_number and isinstance(value, str) and value.isdecimal()
    empty = next((words for one, words in _EMPTY.items() if value is None and one in types), None)
    hint = "A number has no quotes." if is_quoted else empty or _describe(error)
    return Finding("wrong-type", f"{_types(types)} belongs here, not {_type_of(value)}", path, hint)


def _explain_choice(error: Any, path: Path) -> Iterator[Finding]:
    types, choices, value = _as_list(error.schema.get("type", [])), _as_list(error.validator_value), error.instance
    if types and not any(_validator().is_type(value, one) for one in types):
        return  # what its type should be is told already
    close = difflib.get_close_matches(str(value), [str(choice) for choice in choices], n=1)
    hint = f"Did you mean {close[0]!r}?" if close else _describe(error)
    belongs = f"one of {', '.join(map(str, choices))} belongs here"
    if len(choices) == 1:
        belongs = f"the value has to be {choices[0]}"
    yield Finding("invalid-value", belongs, path, hint)


def _path(tree: Any, error: ErrorDetails) -> Path:
    """The location of an error, without the names of union branches and validators that pydantic adds to it."""
    node, path = tree, []
    for part in error["loc"]:
        if _has(node, part):
            node = node[part]
            path.append(part)
    return tuple(path)


def _has(node: Any, part: str | int) -> bool:
    if isinstance(node, list):
        return isinstance(part, int) and part < len(node)
    return isinstance(node, dict) and part in node


def _describe(error: Any) -> str | None:
    description: str | None = error.schema.get("description")
    if description is None and error.parent is not None:
        description = error.parent.schema.get("description")
    return description


def _meant_field(name: str, known: Iterable[str], path: Path) -> str | None:
    """The field that was meant: by what other tools call it, or by how it is spelt."""
    if not path and name in _OF_OTHERS:
        return f"A file of another gateway? `gateway import {_OF_OTHERS[name]} FILE` makes a gateway.yaml of it."
    members = tree_of_file().along(path)[-1].members
    for ours, field in members.items():
        if ours in known and (elsewhere := field.mark(CalledElsewhere)) is not None and name in elsewhere.names:
            return f"Did you mean {ours!r}?"
    return _meant(name, known)


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
        "maxLength": f"the text may have {rule} characters at most",
        "minItems": "the list may not be empty" if rule == 1 else f"the list needs at least {rule} items",
        "pattern": AMOUNT_IS if str(rule).startswith(AMOUNT) else "the text is not written as this field asks",
    }
    return words.get(str(kind), f"the value does not meet {kind}")


def _as_list(rule: Any) -> list[Any]:
    return rule if isinstance(rule, list) else [rule]


def _types(rule: Any) -> str:
    types = _as_list(rule)
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
