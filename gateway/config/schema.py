"""JSON Schemas (draft 2020-12), generated from the models: of `gateway.yaml`, and of what else people write.

Editors use them on the raw file, where any string may be a `${...}` reference, so patterns let references pass.
"""

import json
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from gateway.config.model import Config
from gateway.config.source import ASIDE

Schema = dict[str, Any]

IDS: Final = "https://gateway.invalid/schema/"
"""What the `$id` of every schema begins with; its file's name follows."""
PART: Final = "One of several files of a configuration: sections of gateway.yaml; another file has the version."
_ASIDE: Final = (
    "For values that others share by anchors; it means nothing itself, and nothing in it is resolved or kept."
)
_REFERENCE = r"\$\{"


def generate() -> Schema:
    """The schema of a whole configuration."""
    return of_model(Config, "gateway.schema.json", "gateway.yaml")


def generate_part() -> Schema:
    """The schema of one of several files, which need not say the version."""
    schema = of_model(Config, "gateway-part.schema.json", "part of a configuration")
    del schema["required"]
    return {**schema, "description": PART}


def of_model(model: type[BaseModel], name: str, title: str) -> Schema:
    """The schema of what people write, in an order that only changes when the model does."""
    schema = model.model_json_schema(schema_generator=_Generator)
    _walk(schema)
    if model is Config:
        schema["patternProperties"] = {f"^{ASIDE}": {"description": _ASIDE}}
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"{IDS}{name}",
        "title": title,
        "description": schema.pop("description"),
        **{key: value for key, value in schema.items() if key != "title"},
    }


def with_references(schema: Schema) -> Schema:
    """A schema for editors: where a number or a truth value belongs, a text with a reference may stand."""
    found: Schema = _with_references(schema)
    return found


def _with_references(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_references(one) for one in node]
    if not isinstance(node, dict):
        return node
    inner = {name: _with_references(value) for name, value in node.items()}
    if node.get("type") in ("integer", "number", "boolean"):
        return {**inner, "type": [node["type"], "string"], "pattern": _REFERENCE}
    return inner


def render() -> str:
    """The schema as the text of `schema/gateway.schema.json`."""
    return text_of(with_references(generate()))


def text_of(schema: Schema) -> str:
    """A schema as the text of its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


class _Generator(GenerateJsonSchema):
    """Keeps defaults out of the way that are models or secrets."""

    ignored_warning_kinds = {"non-serializable-default", "skipped-choice"}  # noqa: RUF012 - pydantic's own attribute


def _walk(node: Any) -> None:
    if isinstance(node, list):
        for item in node:
            _walk(item)
        return
    if not isinstance(node, dict):
        return
    for value in node.values():
        _walk(value)
    if isinstance(node.get("title"), str):
        del node["title"]
    _name_patterns(node)
    _choose_by_type(node)
    if node.get("type") == "string" and "pattern" in node and "propertyNames" not in node:
        node["pattern"] = f"{node['pattern']}|{_REFERENCE}"


def _name_patterns(node: Schema) -> None:
    """`patternProperties` lets misspelt names pass unjudged; judge the names and describe every value instead."""
    patterns = node.pop("patternProperties", None)
    if patterns is None:
        return
    ((pattern, values),) = patterns.items()
    node["additionalProperties"] = values
    node["propertyNames"] = {**node.get("propertyNames", {}), "pattern": pattern}


def _choose_by_type(node: Schema) -> None:
    """A union that `type` decides becomes if/then by that type, so that findings are about the branch meant."""
    discriminator = node.pop("discriminator", None)
    if discriminator is None:
        return
    del node["oneOf"]
    field, mapping = discriminator["propertyName"], discriminator["mapping"]
    node["type"] = "object"
    node["required"] = [field]
    node["properties"] = {field: {"enum": sorted(mapping), "description": "Which kind of upstream this is."}}
    node["allOf"] = [
        {"if": {"properties": {field: {"const": name}}, "required": [field]}, "then": {"$ref": reference}}
        for name, reference in sorted(mapping.items())
    ]
