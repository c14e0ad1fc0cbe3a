"""The API described in OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0), made from the routes themselves."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from gateway.config.documents import NodeReport, PlanRequest
from gateway.control_plane.errors import API_ERROR_TYPES
from gateway.control_plane.rest import requests, resources, traffic, virtual_keys
from gateway.control_plane.rest.plans import ApplyRequest
from gateway.control_plane.rest.route import PREFIX, Route
from gateway.ledger import by_request, report
from gateway.version import __version__

BODIES: Final[Mapping[str, type]] = {
    "POST /plans": PlanRequest,
    "POST /applies": ApplyRequest,
    "PUT /resources/{kind}/{name}": resources.PutBody,
    "POST /owners/{kind}/{name}": resources.OwnerBody,
    "POST /virtual-keys": virtual_keys.MintBody,
    "POST /virtual-keys/{name}/{verb}": virtual_keys.VerbBody,
    "POST /nodes": NodeReport,
}
"""What each operation reads; only a verb's body may be left away."""

REPEATABLE: Final = ("PUT ", "DELETE ", "POST /virtual-keys", "POST /owners")
"""Operations that take an `Idempotency-Key`; an apply is known by the id of its plan."""

PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "GET /spend": report.SPEND_PARAMETERS,
    "GET /spend/unpriced": by_request.PARAMETERS,
    "GET /warnings": by_request.PARAMETERS,
    "GET /budgets": ("limit",),
    "GET /requests": requests.PARAMETERS,
    "GET /traffic": traffic.PARAMETERS,
    "GET /providers": traffic.PARAMETERS,
    "GET /applies": ("limit",),
    "GET /resources": ("kind", "owner", "after", "limit"),
    "GET /virtual-keys": ("after", "limit"),
    "GET /revisions": ("before", "limit"),
    "GET /audit": ("address", "actor", "before", "limit"),
    "GET /changes": ("since", "lineage", "wait"),
}
"""What each operation takes in its query."""

WITHOUT_CONTENT: Final = frozenset({"POST /nodes", "GET /changes"})
"""Operations that answer 204 where there is nothing to say."""

_ERRORS: Final = tuple(sorted({status for status, _ in API_ERROR_TYPES.values()}))


def operations(routes: Iterable[Route]) -> Iterator[tuple[str, str, Route, Any]]:
    """Every method and path that is answered: method, path as OpenAPI writes it, route, and what answers."""
    for route in routes:
        for method in route.resource.scopes:
            responder = getattr(
                route.resource, f"on_{method.lower()}{f'_{route.suffix}' if route.suffix else ''}", None
            )
            if responder is not None:
                yield method, re.sub(r":[a-z]+\}", "}", route.path), route, responder


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The whole description."""
    (*_,), components = msgspec.json.schema_components(BODIES.values(), ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for method, path, route, responder in operations(routes):
        paths.setdefault(PREFIX + path, {})[method.lower()] = _operation(f"{method} {path}", route, responder, method)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "LLM gateway control plane",
            "version": __version__,
            "description": "What is applied, what would change, who did what, and what was spent.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {**{name: _closed(name, schema) for name, schema in components.items()}, "Error": _ERROR},
        },
    }


def _closed(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Unknown members of bodies are refused, but for those that gateways of other versions send."""
    is_open = name == NodeReport.__name__ or "properties" not in schema
    return schema if is_open else {**schema, "additionalProperties": False}


_ERROR: Final = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["type", "code", "message"],
            "properties": {
                "type": {"type": "string", "enum": [*API_ERROR_TYPES]},
                "code": {"type": "string"},
                "message": {"type": "string"},
                "param": {"type": "string"},
            },
        }
    },
}


def _operation(name: str, route: Route, responder: Any, method: str) -> dict[str, Any]:
    summary = " ".join((responder.__doc__ or "").split("Raises")[0].split())
    told: dict[str, Any] = {
        "operationId": re.sub(r"[^a-z]+", "_", name.lower()).strip("_"),
        "summary": summary,
        "description": f"Needs a token of scope `{route.resource.scopes[method]}`.",
        "parameters": [*_in_path(name), *_in_query(name), *_in_header(name)],
        "responses": {
            "200": {"description": "Done.", "content": {"application/json": {"schema": {"type": "object"}}}},
            **{
                str(status): {
                    "description": " ".join(when for code, when in API_ERROR_TYPES.values() if code == status),
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
                for status in _ERRORS
            },
        },
    }
    if name in WITHOUT_CONTENT:
        told["responses"]["204"] = {"description": "There is nothing to say."}
    if (body := BODIES.get(name)) is not None:
        schema = {"$ref": f"#/components/schemas/{body.__name__}"}
        required = body is not virtual_keys.VerbBody
        told["requestBody"] = {"required": required, "content": {"application/json": {"schema": schema}}}
    return told


def _in_path(name: str) -> Iterator[dict[str, Any]]:
    for parameter in re.findall(r"\{([a-z_]+)\}", name):
        yield {"name": parameter, "in": "path", "required": True, "schema": {"type": "string"}}


def _in_header(name: str) -> Iterator[dict[str, Any]]:
    if name.startswith(REPEATABLE):
        meaning = "Under the same key the same change is made once, and answered alike for a day."
        schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        yield {"name": "Idempotency-Key", "in": "header", "description": meaning, "schema": schema}


def _in_query(name: str) -> Iterator[dict[str, Any]]:
    for parameter in PARAMETERS.get(name, ()):
        yield {"name": parameter, "in": "query", "schema": {"type": "string"}}
