"""Gateways that follow a control plane: what is applied is in force at once, and stays so when it is away."""

import os
import socket
import subprocess
import sys
import time

import pytest

from gateway import clock
from tests.support import launcher
from tests.support.control_plane import API, ControlPlane
from tests.support.gateway import Gateway, free_port
from tests.support.keys import HASH, PEPPER, SECRET
from tests.support.sqlite import migrated

CONFIG = f"""version: 1
owner: platform
providers: {{sim: {{type: simulator, models: [gpt-5-mini]}}}}
virtual_keys:
  ci: {{environment: test, secret_hash: "{HASH}"}}
"""


class Following:
    """A control plane, and gateways that follow it."""

    def __init__(self, directory):
        self.directory = directory
        self.url = migrated(directory / "plane.db")
        self.start()
        self.admin, self.gateway_token = self.plane.token("admin"), self.plane.token("gateway")
        self.apply(CONFIG)

    def start(self, port=None):
        self.plane = ControlPlane(self.directory, self.url, port=port)

    def apply(self, config):
        file = self.directory / "applied.yaml"
        file.write_text(config)
        command = ["apply", "-c", str(file), "-y", "--allow-delete", "1000", "--database", self.url]
        done = launcher.run(command, env=os.environ)
        assert done.returncode == 0, done.stdout + done.stderr

    def gateway(self, name="one", *arguments, **more):
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        where = ("--control-plane", f"http://127.0.0.1:{self.plane.port}", *arguments)
        return Gateway(directory, None, *where, env={"GATEWAY_CONTROL_PLANE_TOKEN": self.gateway_token, **more})

    def nodes(self):
        return self.plane.get("/nodes", self.admin).json()["nodes"]

    def verb(self, verb):
        headers = {"authorization": f"Bearer {self.admin}"}
        answer = self.plane.client.post(f"{API}/virtual-keys/ci/{verb}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def following(tmp_path):
    made = Following(tmp_path)
    yield made
    if made.plane.process.poll() is None:
        made.plane.stop()


def test_what_is_applied_is_in_force(following):
    gateway = following.gateway()
    assert gateway.chat().status_code == 200
    assert gateway.chat("fast").status_code == 404

    following.apply(CONFIG + "model_aliases: {fast: sim/gpt-5-mini}\n")

    answer = gateway.wait(lambda: (found := gateway.chat("fast")).status_code == 200 and found)
    assert answer.headers["x-langwatch-config-revision"].endswith("@r2")
    standing = gateway.readyz()["control_plane"]
    assert (standing["revision"], standing["fault"]) == (2, None)
    assert 0 <= standing["lag_s"] < 60
    (node,) = gateway.wait(lambda: [one for one in following.nodes() if one["serving_revision"] == 2])
    assert node["state"] == "current"
    gateway.wait(lambda: "gateway_control_plane_revision 2.0" in gateway.client.get("/metrics").text)
    gateway.stop()


def test_tokens_that_end_are_warned_of(following):
    soon = clock.microseconds() + 10 * 86_400_000_000
    following.plane.token("plan", expires_at=soon + 20 * 86_400_000_000)
    assert following.plane.client.get("/readyz").json() == {"status": "ready"}
    following.gateway_token = following.plane.token("gateway", expires_at=soon)
    gateway = following.gateway()

    gateway.wait(lambda: "gateway_control_plane_tokens_ending 1.0" in gateway.client.get("/metrics").text)
    standing = gateway.readyz()["control_plane"]
    assert (standing["tokens_ending"], standing["token_expires_at"]) == (1, clock.iso_of_microseconds(soon)[:19] + "Z")
    (told,) = following.plane.client.get("/readyz").json()["tokens_ending"]
    assert told["scope"] == "gateway"
    assert told["expires_at"] == standing["token_expires_at"]
    command = ["status", "--control-plane", f"http://127.0.0.1:{following.plane.port}", "--token", following.admin]
    done = launcher.run(command, env=os.environ)
    assert f"warning: the token {told['name']} (gateway) ends at {told['expires_at']}" in done.stderr
    gateway.stop()


def test_a_revoked_key_stops_and_a_rotated_one_goes_on(following):
    gateway = following.gateway()
    made = following.verb("rotate")["secret"]

    headers = {"authorization": f"Bearer {made}"}
    gateway.wait(lambda: gateway.chat(headers=headers).status_code == 200)
    assert gateway.chat().status_code == 200
    following.verb("revoke")
    gateway.wait(lambda: gateway.chat().status_code == 403)
    assert gateway.chat(headers=headers).json()["error"]["type"] == "virtual_key_revoked"
    gateway.stop()


def test_it_serves_on_and_starts_again_while_the_control_plane_is_away(following):
    gateway = following.gateway()
    port = following.plane.port
    following.plane.stop()

    gateway.wait(lambda: gateway.readyz()["control_plane"]["fault"])
    assert gateway.chat().status_code == 200
    gateway.stop()
    again = following.gateway()
    assert again.chat().status_code == 200
    assert again.hears("serving the last copy, revision 1")

    following.start(port)
    following.apply(CONFIG + "model_aliases: {fast: sim/gpt-5-mini}\n")
    again.wait(lambda: again.chat("fast").status_code == 200, 20)
    assert again.readyz()["control_plane"]["fault"] is None
    assert again.log().count("the control plane answers again") == 1
    again.stop()


def test_a_control_plane_ends_at_once_whoever_waits_or_waited_for_news(following):
    plane, secret = following.plane, following.gateway_token
    lineage = plane.get("/changes", secret, since=0, wait=0).json()["lineage"]
    ask = (
        f"GET {API}/changes?since=1&lineage={lineage}&wait=60 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\r\n"
    )
    waiting = [socket.create_connection(("127.0.0.1", plane.port)) for _ in range(60)]
    for client in waiting:
        client.sendall(f"{ask}\r\n".encode())
    time.sleep(0.5)
    staying = waiting.pop()
    for client in waiting:
        client.close()

    plane.stop()

    assert staying.recv(1000).startswith(b"HTTP/1.1 204 ")
    staying.close()


def test_the_last_copy_tells_nothing_to_whoever_has_the_disk(following):
    secret = "canary-of-the-header"
    following.apply(CONFIG.replace("type: simulator", f"type: simulator, headers: {{x-canary: {secret}}}"))
    gateway = following.gateway()
    gateway.stop()

    (copy,) = (following.directory / "one" / "data" / "control-plane").iterdir()
    assert copy.stat().st_mode & 0o777 == 0o600
    for file in (following.directory / "one").rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes(), file
    following.gateway_token = following.plane.token("gateway")
    following.gateway().stop()


def test_a_revision_that_a_node_cannot_serve_is_refused_there_alone(following):
    able, unable = (
        following.gateway("able", NODE_VALUE="x", GATEWAY_RUNTIME_ENV="NODE_VALUE"),
        following.gateway("unable", GATEWAY_RUNTIME_ENV="NODE_VALUE"),
    )

    following.apply(
        CONFIG.replace("type: simulator", "type: simulator, headers: {x-node: '${runtime-env:NODE_VALUE}'}")
    )

    able.wait(lambda: able.readyz()["control_plane"]["revision"] == 2)
    refused = unable.wait(lambda: (found := unable.readyz())["config"] == "stale" and found)
    assert "NODE_VALUE is not set on this node" in refused["diagnostics"][0]
    assert unable.chat().status_code == 200
    told = unable.wait(lambda: [one for one in following.nodes() if one["state"] == "refuses"])
    assert told[0]["rejected_revision"] == 2
    assert "NODE_VALUE" in told[0]["rejected_because"]
    following.apply(CONFIG + "stream_keepalive_s: 5\n")
    unable.wait(lambda: unable.readyz()["config"] == "current")
    able.stop()
    unable.stop()


UNSERVABLE = "headers: {x-node: '${runtime-env:NODE_VALUE}'}"


def test_states_of_keys_are_in_force_under_a_revision_that_cannot_be_served(following):
    other = f"hmac-sha256:{'0' * 64}"
    config = CONFIG + f'  spare: {{environment: test, secret_hash: "{other}"}}\n'
    following.apply(config)
    gateway = following.gateway(GATEWAY_RUNTIME_ENV="NODE_VALUE")
    following.apply(config.replace("type: simulator", f"type: simulator, {UNSERVABLE}"))
    gateway.wait(lambda: gateway.readyz()["config"] == "stale")
    assert gateway.chat().status_code == 200

    made = {"authorization": f"Bearer {following.verb('rotate')['secret']}"}
    gateway.wait(lambda: gateway.chat(headers=made).status_code == 200)
    assert gateway.chat().status_code == 200
    following.verb("disable")
    gateway.wait(lambda: gateway.chat(headers=made).status_code == 403)
    following.verb("enable")
    gateway.wait(lambda: gateway.chat(headers=made).status_code == 200)
    following.verb("revoke")
    gateway.wait(lambda: gateway.chat().status_code == 403)

    found = gateway.readyz()
    assert found["config"] == "stale"
    assert "NODE_VALUE is not set on this node" in found["diagnostics"][0]
    standing = found["control_plane"]
    assert (standing["revision"], standing["rejected_revision"], standing["keys_revision"]) == (2, 7, 7)
    metrics = gateway.wait(lambda: (said := gateway.client.get("/metrics").text).count("_revision 7.0") == 2 and said)
    assert "gateway_control_plane_keys_revision 7.0" in metrics
    assert "gateway_control_plane_refused_revision 7.0" in metrics
    (node,) = gateway.wait(lambda: [one for one in following.nodes() if one["keys_revision"] == 7])
    assert (node["state"], node["serving_revision"], node["rejected_revision"]) == ("refuses", 2, 7)
    listed = launcher.run(["status", "--database", following.url], env={**os.environ, "COLUMNS": "250"})
    assert "keys of" in listed.stdout
    gateway.stop()

    again = following.gateway()
    assert again.readyz()["config"] == "stale"
    assert again.hears("configuration rejected: revision 7; the last copy, revision 2, serves")
    assert "gateway_config_stale 1.0" in again.client.get("/metrics").text
    assert again.chat().status_code == 403
    again.stop()
    following.plane.stop()
    away = following.gateway()
    assert away.chat(headers=made).status_code == 403
    away.stop()
    following.start()


def test_a_restored_control_plane_is_followed_from_its_start(following):
    gateway = following.gateway()
    port = following.plane.port
    following.plane.stop()
    following.url = migrated(following.directory / "restored.db")
    following.start(port)
    following.gateway_token, following.admin = following.plane.token("gateway"), following.plane.token("admin")
    following.apply(CONFIG)

    gateway.wait(lambda: "refuses the token" in (gateway.readyz()["control_plane"]["fault"] or ""), 20)
    assert gateway.chat().status_code == 200
    gateway.stop()
    fresh = following.gateway()
    assert fresh.chat().status_code == 200
    fresh.stop()


def test_a_restored_database_is_another_course_whatever_its_number(following):
    """A copy is taken at revision 1; 2 is applied; the copy takes the database's place, and another 2 is applied."""
    gateway, port = following.gateway(), following.plane.port
    following.plane.stop()
    database = following.directory / "plane.db"
    copy = database.read_bytes()
    following.start(port)
    following.apply(CONFIG + "model_aliases: {probe: sim/gpt-5-mini}\n")
    gateway.wait(lambda: gateway.chat("probe").status_code == 200, 20)

    following.plane.stop()
    for ending in ("", "-wal", "-shm"):
        database.with_name(database.name + ending).unlink(missing_ok=True)
    database.write_bytes(copy)
    following.apply(CONFIG + "model_aliases: {other: sim/gpt-5-mini}\n")
    following.start(port)

    gateway.wait(lambda: gateway.chat("other").status_code == 200, 20)
    assert gateway.chat("probe").status_code == 404
    assert gateway.readyz()["control_plane"]["revision"] == 2
    gateway.stop()


def test_a_gateway_that_knows_no_identities_of_revisions_is_answered(following):
    """As one of an earlier version asks."""
    plane, token = following.plane, following.gateway_token
    whole = plane.get("/changes", token, since=0, wait=0).json()
    following.apply(CONFIG + "model_aliases: {fast: sim/gpt-5-mini}\n")

    news = plane.get("/changes", token, since=1, lineage=whole["lineage"], wait=0).json()

    assert (whole["whole"], news["whole"], news["revision"]) == (True, False, 2)
    assert [one["name"] for one in news["resources"]] == ["fast"]
    assert plane.get("/changes", token, since=2, lineage=whole["lineage"], wait=0).status_code == 204
    same = {"since": 2, "lineage": whole["lineage"], "identity": news["identity"], "wait": 0}
    assert plane.get("/changes", token, **same).status_code == 204
    other = plane.get("/changes", token, **{**same, "identity": "another"}).json()
    assert (other["whole"], other["identity"]) == (True, news["identity"])


def test_smoke(following):
    gateway = following.gateway()

    def smoke(*arguments):
        command = ["smoke", "--url", gateway.url, "--model", "gpt-5-mini", "--database", following.url, *arguments]
        return launcher.run(command, env=os.environ)

    good = smoke()
    unknown = smoke("--model", "nowhere")
    nobody = smoke("--url", "http://127.0.0.1:1")

    assert good.returncode == 0, good.stderr
    assert "revoked key refused after" in good.stderr
    assert "lw_vk_" not in good.stderr + good.stdout
    assert (unknown.returncode, nobody.returncode) == (1, 1)
    assert "the call was answered 404" in unknown.stderr
    assert "does not answer" in nobody.stderr
    keys = following.plane.get("/virtual-keys", following.admin).json()["virtual_keys"]
    assert [one["name"] for one in keys] == ["ci"]
    gateway.stop()


@pytest.mark.parametrize(
    ("key", "given", "code", "said"),
    [
        ("-", SECRET, 0, "The gateway serves: answer, usage and trace are as they should be."),
        ("-", SECRET[:-1] + "1", 1, "the call was answered 401"),
        ("-", "", 1, "standard input has no virtual key"),
        (SECRET, "", 1, "the secret is read from standard input"),
    ],
)
def test_smoke_of_a_gateway_that_serves_a_file(tmp_path, key, given, code, said):
    gateway = Gateway(tmp_path, CONFIG)
    command = [
        sys.executable,
        "-m",
        "gateway",
        "smoke",
        "--url",
        gateway.url,
        "--model",
        "gpt-5-mini",
        "--key",
        key,
    ]
    done = subprocess.run(command, input=f"{given}\n", capture_output=True, text=True, check=False)
    gateway.stop()

    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (("--control-plane", "http://127.0.0.1:1"), {}, "set GATEWAY_CONTROL_PLANE_TOKEN"),
        (("--control-plane", "nonsense"), {"GATEWAY_CONTROL_PLANE_TOKEN": "x"}, "is no URL of a control plane"),
        (("--control-plane", "http://10.0.0.1"), {"GATEWAY_CONTROL_PLANE_TOKEN": "x"}, "use https://"),
        (("--control-plane", "https://a.example", "-c", "x.yaml"), {"GATEWAY_CONTROL_PLANE_TOKEN": "x"}, "not both"),
        (("--control-plane", "https://a.example", "--env-file", "x"), {}, "--env-file (GATEWAY_ENV_FILE) is for files"),
        (("--control-plane", "http://127.0.0.1:1"), {"GATEWAY_CONTROL_PLANE_TOKEN": "x"}, "no copy of an earlier"),
    ],
)
def test_a_gateway_that_cannot_begin_says_why(tmp_path, arguments, environment, said):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    done = launcher.run(
        ["serve", "--port", str(free_port()), *arguments],
        env={**kept, **environment, "GATEWAY_DATA_DIR": str(tmp_path)},
    )

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr


def test_the_control_plane_knows_whose_circuit_is_open_where(following):
    down = f"{{type: custom, base_url: 'http://127.0.0.1:{free_port()}', circuit_breaker: {{failures: 1}}}}"
    following.apply(CONFIG.replace("providers: {", f"providers: {{down: {down}, "))
    gateway = following.gateway()
    assert gateway.chat("down/m").status_code == 502
    assert gateway.chat("down/m").status_code == 503

    following.verb("rotate")

    gateway.wait(lambda: [one["open_circuits"] for one in following.nodes()] == [["down"]], 20)
    gateway.stop()


def test_a_gateway_with_another_pepper_than_the_keys_were_hashed_under_says_so(following):
    following.verb("rotate")

    same = following.gateway()
    other = following.gateway("two", GATEWAY_KEY_PEPPER="another-pepper-of-some-length")
    refused = other.chat()

    said = f"keys were hashed under the pepper with the fingerprint {PEPPER.fingerprint}, and GATEWAY_KEY_PEPPER has "
    assert refused.status_code == 401
    assert other.hears(f"the control plane's {said}")
    assert other.hears(f"a well-formed virtual key is not known here: the control plane's {said}")
    assert said not in same.log()
    assert "another-pepper" not in other.log()
    same.stop()
    other.stop()
