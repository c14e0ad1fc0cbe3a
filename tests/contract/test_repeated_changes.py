"""Changes that are asked for twice under one Idempotency-Key: a client that lost the answer may ask again."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.control_plane.encryption import generate_key
from gateway.storage.engine import open_engine
from tests.support.control_plane import API, ControlPlane
from tests.unit.storage.databases import engine, module_database_url, module_engine  # noqa: F401 - fixtures

KEY = {"Idempotency-Key": "2b0c7a1e"}
CI = {"name": "ci", "spec": {"environment": "test"}}


@pytest.fixture(scope="module")
def started(module_database_url, tmp_path_factory):  # noqa: F811 - fixtures
    key = {"GATEWAY_ENCRYPTION_KEYS": generate_key()}
    plane = ControlPlane(tmp_path_factory.mktemp("plane"), module_database_url, env=key)
    yield plane
    plane.stop()


@pytest.fixture
def plane(engine, started):  # noqa: F811 - fixtures
    """With a provider and a token, and nothing that another test left."""
    started.admin = started.token("admin")
    sim = {"spec": {"type": "simulator"}}
    assert ask(started, "PUT", "/resources/providers/sim", headers={}, json=sim).status_code == 200
    return started


def ask(plane, method, path, *, token=None, headers=KEY, **more):
    authorization = {"authorization": f"Bearer {token or plane.admin}"}
    return plane.client.request(method, API + path, headers={**authorization, **headers}, **more)


def revision(plane):
    return max((row["revision"] for row in plane.get("/audit", plane.admin).json()["entries"]), default=0)


def test_a_key_is_made_once_and_its_secret_told_again(plane, module_database_url):  # noqa: F811
    first = ask(plane, "POST", "/virtual-keys", json=CI)
    again = ask(plane, "POST", "/virtual-keys", json=CI)

    assert first.status_code == 200, first.text
    assert again.content == first.content
    assert ask(plane, "POST", "/virtual-keys", headers={}, json=CI).status_code == 412
    secret = first.json()["secret"]
    opened = open_engine(module_database_url)
    with opened.connect() as connection:
        assert secret not in str(connection.exec_driver_sql("SELECT * FROM kept_answers").all())
    opened.dispose()


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("PUT", "/resources/teams/core", {"json": {"spec": {"description": "x"}}}),
        ("DELETE", "/resources/teams/old", {}),
        ("POST", "/owners/teams/old", {"json": {"owner": "platform"}}),
        ("POST", "/virtual-keys/ci/rotate", {}),
        ("POST", "/virtual-keys/ci/disable", {}),
    ],
)
def test_every_change_is_made_once(plane, method, path, more):
    ask(plane, "PUT", "/resources/teams/old", headers={}, json={"spec": {}})
    ask(plane, "POST", "/virtual-keys", headers={}, json=CI)

    first = ask(plane, method, path, **more)
    before = revision(plane)
    again = ask(plane, method, path, **more)

    assert first.status_code == 200, first.text
    assert (again.status_code, again.content, again.headers.get("etag")) == (
        200,
        first.content,
        first.headers.get("etag"),
    )
    assert revision(plane) == before


def test_asked_at_once_it_is_made_once(plane):
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: ask(plane, "POST", "/virtual-keys", json=CI), range(8)))

    assert {one.status_code for one in answers} == {200}
    assert len({one.content for one in answers}) == 1


def test_a_key_stands_for_one_request_of_one_token(plane):
    assert ask(plane, "PUT", "/resources/teams/a", json={"spec": {}}).status_code == 200

    other = ask(plane, "PUT", "/resources/teams/b", json={"spec": {}})
    assert (other.status_code, other.json()["error"]["type"]) == (409, "conflict")
    assert "Idempotency-Key was used for another request" in other.json()["error"]["message"]
    assert ask(plane, "PUT", "/resources/teams/b", token=plane.token("apply"), json={"spec": {}}).status_code == 200


def test_a_refusal_is_not_kept(plane):
    assert ask(plane, "POST", "/virtual-keys/ci/disable").status_code == 404
    ask(plane, "POST", "/virtual-keys", headers={}, json=CI)

    assert ask(plane, "POST", "/virtual-keys/ci/disable").json()["state"] == "disabled"


@pytest.mark.parametrize("key", ["", "two words", "x" * 256])
def test_keys_that_are_none(plane, key):
    answer = ask(plane, "PUT", "/resources/teams/a", headers={"Idempotency-Key": key}, json={"spec": {}})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "Idempotency-Key")
