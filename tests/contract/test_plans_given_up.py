"""Plans that nobody waits for any more, and plans that look at a database which is not there."""

import json
import os
import re
import socket
import subprocess
import sys
import time

import falcon.testing
import msgspec
import pytest

from gateway.config.documents import PlanRequest, document
from gateway.config.resources import Resource
from gateway.control_plane import planning, tokens
from gateway.control_plane.app import create_app
from gateway.control_plane.database import Database
from gateway.control_plane.encryption import Vault, generate_key
from gateway.control_plane.minting import Minter
from gateway.control_plane.rest import plans
from gateway.control_plane.rest.route import PREFIX
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope
from gateway.storage.engine import open_engine, writing
from gateway.storage.patience import Patience, TooSlowError
from tests.support import launcher
from tests.support.control_plane import API, ControlPlane
from tests.support.sqlite import migrated

CONFIG = "version: 1\nowner: platform\nteams: {a: {}}\n"


def many_keys(number):
    keys = (
        Resource("virtual_keys", f"k{one}", {"environment": "test", "secret_hash": f"hmac-sha256:{one:064x}"})
        for one in range(number)
    )
    simulator = Resource("providers", "simulator", {"type": "simulator"})
    return PlanRequest("platform", [document(one) for one in (simulator, *keys)])


def test_a_plan_whose_client_has_left_is_given_up(tmp_path):
    plane = ControlPlane(tmp_path, migrated(tmp_path / "plane.db"))
    token = plane.token("plan")
    body = msgspec.json.encode(many_keys(8_000))
    head = (
        f"POST {API}/plans HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", plane.port)) as connection:
        connection.sendall(head.encode() + body)
        time.sleep(0.3)

    assert plane.hears("a plan is given up: its client has left", timeout=20)
    assert "Traceback" not in plane.log()
    assert plane.get("/nodes", plane.token("view")).status_code == 200
    plane.stop()


@pytest.fixture
def engine(tmp_path):
    engine = open_engine(migrated(tmp_path / "plane.db"))
    yield engine
    engine.dispose()


def test_a_plan_that_takes_too_long_is_refused_with_what_to_do(engine, monkeypatch):
    monkeypatch.setattr(plans, "PATIENCE_S", 0)
    with writing(engine) as connection:
        _, secret = tokens.create(connection, "ci", Scope.PLAN, now=1)
    services = Services(Database(engine), None, Vault((generate_key(),)), Minter(None))
    client = falcon.testing.TestClient(create_app(services))

    refused = client.simulate_post(
        f"{PREFIX}/plans",
        body=json.dumps({"owner": "platform", "resources": []}),
        headers={"authorization": f"Bearer {secret.reveal()}"},
    )

    assert refused.status_code == 503
    assert refused.json["error"]["type"] == "too_slow"
    assert "The plan is not made after 0 s. Plan a part of it (--target)" in refused.json["error"]["message"]


def test_the_work_on_a_plan_ends_when_nobody_waits(engine):
    patience = Patience(60)
    asked = 0

    def still():
        nonlocal asked
        asked += 1
        if asked == 30:
            patience.end()
        patience.check()

    with engine.connect() as connection, pytest.raises(TooSlowError):
        planning.plan(connection, Vault((generate_key(),)), many_keys(20), now=1, still=still)

    assert asked == 30


def run(directory, *arguments, code=0):
    environment = {"GATEWAY_DATA_DIR": str(directory / "data"), "COLUMNS": "200"}
    done = launcher.run([*arguments, "--database", "default"], env=environment, directory=directory)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_plan_makes_no_file(tmp_path):
    (tmp_path / "gateway.yaml").write_text(CONFIG)

    said = run(tmp_path, "plan", "-c", "gateway.yaml", "--detailed-exitcode", code=2)

    assert re.search(r"-> a new control plane   revision 0   owner platform\n", said)
    assert "Plan: 1 to create, 0 to change, 0 to remove." in said
    assert [one.name for one in tmp_path.iterdir()] == ["gateway.yaml"]


def test_a_plan_of_a_database_that_is_there_writes_nothing_into_it(tmp_path):
    (tmp_path / "gateway.yaml").write_text(CONFIG)
    run(tmp_path, "apply", "-c", "gateway.yaml", "-y")
    (tmp_path / "data" / "gateway.db.encryption-key").unlink()
    before = {one: one.read_bytes() for one in (tmp_path / "data").iterdir()}

    assert "No changes. 1 resource matches." in run(tmp_path, "plan", "-c", "gateway.yaml")

    assert {one: one.read_bytes() for one in (tmp_path / "data").iterdir()} == before


def test_a_plan_that_is_saved_prepares_what_it_is_for(tmp_path):
    (tmp_path / "gateway.yaml").write_text(CONFIG)

    run(tmp_path, "plan", "-c", "gateway.yaml", "--out", "plan.json")

    assert "Applied as revision 1." in run(tmp_path, "apply", "plan.json")


def test_a_database_of_an_older_version_is_not_planned_against(tmp_path):
    (tmp_path / "gateway.yaml").write_text(CONFIG)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "gateway.db").touch()

    assert "has no tables of the gateway yet. To make them, run: gateway db upgrade" in run(
        tmp_path, "plan", "-c", "gateway.yaml", code=1
    )


def test_a_plan_on_this_machine_builds_no_server(tmp_path):
    (tmp_path / "gateway.yaml").write_text(CONFIG)
    run(tmp_path, "apply", "-c", "gateway.yaml", "-y")
    command = [sys.executable, "-X", "importtime", "-m", "gateway", "plan", "-c", "gateway.yaml"]
    environment = {**os.environ, "GATEWAY_DATA_DIR": str(tmp_path / "data")}

    done = subprocess.run(
        [*command, "--database", "default"], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )

    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {"falcon", "granian", "jinja2"}
