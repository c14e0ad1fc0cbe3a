"""Bodies of the control plane's API: bounded, every member known and there once."""

import json
import os

import pytest

from gateway.control_plane.openapi import BODIES
from tests.support.control_plane import API, ControlPlane
from tests.support.sqlite import migrated

PLAN = {"owner": "o", "resources": [{"kind": "teams", "name": "planned", "spec": {"description": "x"}}]}
GOOD = {
    "POST /plans": PLAN,
    "PUT /resources/teams/t": {"spec": {}},
    "POST /owners/teams/t": {"owner": "o"},
    "POST /virtual-keys": {"name": "k", "spec": {"environment": "test"}},
    "POST /virtual-keys/k/rotate": {"grace_s": 0},
    "POST /nodes": {"node": "n", "version": "1", "serving_revision": 0, "serving_since": 0},
}


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    directory = tmp_path_factory.mktemp("plane")
    started = ControlPlane(directory, migrated(directory / "plane.db"))
    started.admin = started.token("admin")
    ask(started, "PUT /resources/providers/sim", {"spec": {"type": "simulator"}})
    ask(started, "PUT /resources/teams/t", {"spec": {}})
    ask(started, "POST /virtual-keys", {"name": "k", "spec": {"environment": "test"}})
    yield started
    started.stop()


def ask(plane, operation, body):
    method, path = operation.split()
    content = body if not isinstance(body, dict) else json.dumps(body)
    return plane.client.request(method, API + path, content=content, headers={"authorization": f"Bearer {plane.admin}"})


def refused(answer, param):
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("invalid_body", param)
    return error["message"]


@pytest.mark.parametrize("operation", GOOD)
def test_an_unknown_member_is_refused_with_its_place(plane, operation):
    answer = ask(plane, operation, {**GOOD[operation], "colour": 1})

    if operation == "POST /nodes":
        assert answer.status_code == 204  # a gateway of a later version may know more
    else:
        assert "there is no `colour` here" in refused(answer, "colour")


@pytest.mark.parametrize("operation", GOOD)
def test_a_repeated_member_is_refused_with_its_place(plane, operation):
    name, value = next(iter(GOOD[operation].items()))
    body = json.dumps(GOOD[operation])[:-1] + f", {json.dumps(name)}: {json.dumps(value)}}}"

    assert f"`{name}` is there twice" in refused(ask(plane, operation, body), name)


@pytest.mark.parametrize(
    ("operation", "body", "param"),
    [
        ("PUT /resources/teams/t", '{"spec": {"description": "a", "description": "b"}}', "spec.description"),
        ("POST /virtual-keys", '{"name": "x", "spec": {"tags": [{"a": 1, "a": 2}]}}', "spec.tags.0.a"),
        ("POST /plans", {**PLAN, "resources": [{**PLAN["resources"][0], "colour": 1}]}, "resources.0.colour"),
        ("POST /virtual-keys", {"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ("POST /virtual-keys/k/rotate", {"grace": "0s"}, "grace"),
        ("POST /virtual-keys/k/revoke", {"grace_s": 0}, "grace_s"),
        ("POST /virtual-keys/k/rotate", {"expires_at": None}, "expires_at"),
        ("POST /virtual-keys/k/expire", {}, "expires_at"),
        ("POST /virtual-keys/k/expire", "", "expires_at"),
        ("POST /virtual-keys/k/rotate", iter([b'{"grace":', b'"0s"}']), "grace"),
    ],
)
def test_places_and_verbs(plane, operation, body, param):
    refused(ask(plane, operation, body), param)


def test_what_shows_a_plan_is_known_too(plane):
    made = ask(plane, "POST /plans", PLAN).json()

    assert "saved.plan.colour" in refused(
        ask(plane, "POST /applies", {"saved": {**made, "plan": {**made["plan"], "colour": 1}}}), "saved.plan.colour"
    )
    applied = ask(plane, "POST /applies", {"saved": made})
    assert applied.status_code == 200, applied.text


def test_a_body_has_4_mib_at_most_but_for_whole_configurations(plane):
    large = os.urandom(2_200_000).hex()

    for operation, body in GOOD.items():
        answer = ask(plane, operation, {**body, "colour": large})
        assert answer.status_code == (400 if operation == "POST /plans" else 413), operation
    wanted = [{"kind": "teams", "name": "t", "spec": {"description": large}}]
    assert ask(plane, "POST /plans", {"owner": "large", "resources": wanted}).status_code == 200


def test_every_body_is_described_and_says_that_it_is_closed(plane):
    described = plane.get("/openapi.json", plane.admin).json()

    for operation, body in BODIES.items():
        method, path = operation.split()
        content = described["paths"][API + path][method.lower()]["requestBody"]["content"]
        name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        schema = described["components"]["schemas"][name]
        assert name == body.__name__
        assert schema.get("additionalProperties", True) is (operation == "POST /nodes")
