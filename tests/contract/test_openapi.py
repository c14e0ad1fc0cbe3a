"""The API is what its OpenAPI document says: schemathesis asks every operation, well and badly, and nothing breaks."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.control_plane.app import NOUNS
from gateway.control_plane.database import Database
from gateway.control_plane.encryption import Vault
from gateway.control_plane.minting import Minter
from gateway.control_plane.openapi import BODIES, PARAMETERS, document, operations
from gateway.control_plane.services import Services
from tests.support.control_plane import ControlPlane
from tests.support.sqlite import migrated

ROUTES = [route for noun in NOUNS for route in noun(Services(Database(None), None, Vault(()), Minter(None)))]
SCHEMA = schemathesis.openapi.from_dict(document(ROUTES))


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    directory = tmp_path_factory.mktemp("plane")
    url = migrated(directory / "plane.db")
    started = ControlPlane(directory, url)
    started.admin = started.token("admin")
    yield started
    assert "failed" not in started.log(), started.log()
    started.stop()


@SCHEMA.parametrize()
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation_answers_as_described(case, plane):
    headers = {"authorization": f"Bearer {plane.admin}"}
    case.query = {**(case.query or {}), **({"wait": "0"} if "wait" in (case.query or {}) else {})}

    case.call_and_validate(
        base_url=f"http://127.0.0.1:{plane.port}",
        headers=headers,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ],
    )


def test_the_document_is_served_and_names_every_operation(plane):
    served = plane.get("/openapi.json", plane.admin).json()

    assert served == document(ROUTES)
    named = {f"{method.upper()} {path}" for path, methods in served["paths"].items() for method in methods}
    assert named == {f"{method} /api/gateway/v1{path}" for method, path, _, _ in operations(ROUTES)}
    answered = {f"{method} {path}" for method, path, _, _ in operations(ROUTES)}
    assert {*BODIES, *PARAMETERS} <= answered
    assert {one for one in answered if one.startswith(("POST", "PUT"))} == set(BODIES)


@pytest.mark.parametrize("operation", sorted(PARAMETERS))
def test_only_described_parameters_are_taken(plane, operation):
    path = operation.removeprefix("GET ")

    for name in PARAMETERS[operation]:
        answer = plane.get(path, plane.admin, **{name: ""})
        assert answer.status_code == 204 or answer.json().get("error", {}).get("code") != "unknown_parameter", name
    assert plane.get(path, plane.admin, nonsense="1").json()["error"]["code"] == "unknown_parameter"
