"""Health, models, sizes, slow clients, shutdown and workers."""

import contextlib
import gzip
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
import zstandard
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.contract.conftest import config
from tests.support import launcher
from tests.support.gateway import free_port
from tests.support.keys import SECRET, new_key
from tests.support.upstream import stream

FEW = new_key()
SETTINGS = {
    "GATEWAY_TRUSTED_PROXIES": "127.0.0.0/8",
    "GATEWAY_NODE_NAME": "eu-1",
    "GATEWAY_METRICS_LABELS": "model,key,team",
}


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    few = f'  few: {{environment: test, secret_hash: "{FEW[1]}", providers: [simulator], models_allowed: ["gpt-*"], expires_at: 2100-01-01T00:00:00Z}}\n'
    text = config(upstream.url, few).replace("{type: simulator}", "{type: simulator, models: [gpt-5-mini, claude-x]}")
    return module_gateway(text, env=SETTINGS)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/startupz", "/", "/api/hello"])
def test_probes_and_connectivity_checks_of_clients_need_no_key(gateway, path):
    answer = httpx.get(gateway.url + path)

    head = httpx.head(gateway.url + path)

    assert answer.status_code == head.status_code == 200
    assert answer.headers["x-langwatch-request-id"].startswith("grq_")
    assert head.headers["content-type"] == answer.headers["content-type"]
    assert head.content == b""


@pytest.mark.parametrize(
    ("path", "status"), [("/healthz", 200), ("/v1/chat/completions", 200), ("/v1/models/x", 200), ("/nothing", 404)]
)
def test_options_are_answered_with_the_headers_of_every_response(gateway, path, status):
    first, second = (gateway.client.options(path) for _ in range(2))

    assert first.status_code == status
    assert first.headers["x-langwatch-request-id"].startswith("grq_")
    assert first.headers["x-langwatch-request-id"] != second.headers["x-langwatch-request-id"]
    assert "x-langwatch-gateway-version" in first.headers


def test_metrics_count(gateway):
    gateway.chat("sim")

    text = gateway.metrics()

    assert 'gateway_requests_total{endpoint="chat_completions",outcome="ok",provider="simulator",status="200"}' in text
    assert 'gateway_tokens_total{direction="input",model="gpt-5-mini",provider="simulator"}' in text
    assert "gateway_requests_in_flight 0.0" in text


def test_keys_teams_and_their_ends_are_for_operators(gateway):
    gateway.chat("sim")
    gateway.chat("simulator/made-up-by-a-client")
    gateway.chat("gpt-x", headers={"authorization": f"Bearer {FEW[0]}"})

    text = gateway.metrics()

    counted = 'gateway_labelled_requests_total{key="%s",model="%s",outcome="%s",team="%s"}'
    assert counted % ("dev", "gpt-5-mini", "ok", "engineering") in text
    assert counted % ("dev", "other", "failed", "engineering") in text
    assert counted % ("few", "gpt-x", "failed", "") in text
    assert "made-up-by-a-client" not in "".join(one for one in text.splitlines() if "_labelled_" in one)
    assert 'gateway_labelled_tokens_total{direction="input",key="dev",model="gpt-5-mini",team="engineering"}' in text
    assert 'gateway_virtual_key_expires_timestamp_seconds{key="few"} 4.1024448e+09' in text
    open_to_all = httpx.get(f"{gateway.url}/metrics").text
    assert "gateway_labelled_" not in open_to_all
    assert "gateway_virtual_key_" not in open_to_all


def test_what_the_gateway_refuses_is_counted_against_no_provider(start_gateway, upstream):
    limited = config(upstream.url).replace("{type: simulator}", "{type: simulator, rate_limits: {rpm: 1}}")
    gateway = start_gateway(limited)
    assert [gateway.chat("sim").status_code for _ in range(2)] == [200, 429]

    text = gateway.metrics()

    counted = 'gateway_requests_total{endpoint="chat_completions",outcome="%s",provider="%s",status="%s"} 1.0'
    assert counted % ("ok", "simulator", 200) in text
    assert counted % ("refused", "", 429) in text
    assert 'provider="simulator",status="429"' not in text
    assert 'gateway_request_duration_seconds_count{endpoint="chat_completions",provider="simulator"} 1.0' in text


def test_a_record_says_who_asked_and_which_node(gateway):
    hostile = 'curl/8 "\\' + "x" * 500
    headers = {"user-agent": hostile, "x-forwarded-for": "203.0.113.9, 198.51.100.7, 127.0.0.5"}

    record = gateway.record_of(gateway.chat("sim", headers=headers))

    assert (record["node"], record["client_address"]) == (f"eu-1:{gateway.port}", "198.51.100.7")
    assert record["user_agent"] == hostile[:256]


def test_the_database_of_the_flag_gets_the_entries(start_gateway, upstream, tmp_path):
    gateway = start_gateway(config(upstream.url), "--database", f"sqlite:///{tmp_path}/elsewhere.db")
    request_id = gateway.chat("sim").headers["x-langwatch-request-id"]

    def arrived():
        with contextlib.closing(sqlite3.connect(tmp_path / "elsewhere.db")) as database:
            return database.execute("SELECT 1 FROM ledger_entries WHERE request_id = ?", (request_id,)).fetchone()

    gateway.wait(arrived)
    assert not (gateway.directory / "data" / "gateway.db").exists()


def test_no_log_has_the_password_of_the_flag(start_gateway, upstream):
    url = "postgresql://gateway:correct-horse@127.0.0.1:1/none"
    gateway = start_gateway(config(upstream.url), "--database", url, "--log-level", "debug")
    gateway.chat("sim")

    gateway.wait(lambda: "127.0.0.1:1" in gateway.log() or "does not answer" in gateway.log())
    assert "correct-horse" not in gateway.log()
    assert "correct-horse" not in gateway.client.get("/readyz").text
    gateway.kill()  # it would take seconds to give up on that database


def test_models_are_those_that_the_key_may_call(gateway):
    everything = gateway.client.get("/v1/models").json()
    few = gateway.client.get("/v1/models", headers={"authorization": f"Bearer {FEW[0]}"}).json()

    assert everything["object"] == "list"
    assert {"renamed", "sim", "claude", "claude-x"} <= {model["id"] for model in everything["data"]}
    assert [model["id"] for model in few["data"]] == ["sim", "gpt-5-mini"]
    assert gateway.client.get("/v1/models/renamed").json()["owned_by"] == "openai"


@pytest.mark.parametrize(
    ("model", "owner"),
    [("openai/gpt-5-nano", "openai"), ("simulator/anything", "simulator"), ("claude-haiku-4-5", "anthropic")],
)
def test_a_model_that_is_called_without_being_listed_is_found(gateway, model, owner):
    answer = gateway.client.get(f"/v1/models/{model}")

    assert (answer.status_code, answer.json()["id"], answer.json()["owned_by"]) == (200, model, owner)


@pytest.mark.parametrize("model", ["openai/gpt-5", "nowhere/gpt-5", "nothing", "openai/"])
def test_a_model_that_the_key_may_not_call_is_not_found(gateway, model):
    answer = gateway.client.get(f"/v1/models/{model}", headers={"authorization": f"Bearer {FEW[0]}"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


def test_models_in_anthropic_s_shape(gateway):
    answer = gateway.client.get("/v1/models", headers={"anthropic-version": "2023-06-01"}).json()

    assert answer["has_more"] is False
    assert answer["first_id"] == answer["data"][0]["id"]
    assert answer["data"][0]["type"] == "model"


def test_models_need_a_key(gateway):
    assert httpx.get(f"{gateway.url}/v1/models").status_code == 401


def test_a_body_that_says_it_is_too_large_is_refused_unread(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url), env={"GATEWAY_MAX_REQUEST_BODY_BYTES": "2048"})

    with socket.create_connection(("127.0.0.1", gateway.port), 5) as client:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {SECRET}\r\n"
        client.sendall(f"{head}content-length: 99999999\r\n\r\n".encode() + b"x")
        answer = client.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413")
    assert b"payload_too_large" in answer


@pytest.mark.parametrize("how", ["chunked", "gzip bomb", "zstd bomb"])
def test_a_body_that_turns_out_too_large_is_refused(start_gateway, upstream, how):

    gateway = start_gateway(config(upstream.url), env={"GATEWAY_MAX_REQUEST_BODY_BYTES": "200000"})
    large = b'{"model":"gpt-5-mini","x":"' + b"x" * 3_000_000 + b'"}'
    if how == "chunked":
        answer = gateway.client.post("/v1/chat/completions", content=iter([large[:100_000], large[100_000:]]))
    else:
        coding = how.split()[0]
        body = gzip.compress(large) if coding == "gzip" else zstandard.ZstdCompressor().compress(large)
        answer = gateway.post(body, headers={"content-encoding": coding})

    assert answer.status_code == 413
    assert upstream.requests == []


def test_a_body_of_32_mib_passes(gateway, upstream):
    frame = b'{"model":"gpt-5-mini","x":"%s"}'
    body = frame % (b"x" * (32 * 2**20 - len(frame) + 2))

    answer = gateway.post(body)

    assert answer.status_code == 200
    assert upstream.wait_for().body == body


def test_slow_clients_hold_up_nobody_and_are_sent_away(start_gateway, upstream):
    gateway = start_gateway(
        config(upstream.url), env={"GATEWAY_KEEPALIVE_TIMEOUT_S": "1.5", "GATEWAY_BODY_TIMEOUT_S": "1"}
    )
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {SECRET}\r\n".encode()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), 10)) for _ in range(50)]
        for client in clients[:25]:
            client.sendall(head[:20])
        for client in clients[25:]:
            client.sendall(head + b'content-length: 500\r\n\r\n{"model"')

        assert all(gateway.chat("sim").status_code == 200 for _ in range(10))
        assert all(b"200" not in client.recv(1000) for client in clients[:25])
        answers = [client.recv(4096) for client in clients[25:]]

    assert all(answer.startswith(b"HTTP/1.1 408") for answer in answers)


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n\r\n", b"A" * 200_000]
)
def test_garbage_harms_nobody(gateway, garbage):
    with socket.create_connection(("127.0.0.1", gateway.port), 5) as client, contextlib.suppress(OSError):
        client.sendall(garbage)
        client.settimeout(0.5)
        client.recv(1000)

    assert gateway.chat("sim").status_code == 200


def refuses_connections(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_shutdown_lets_requests_finish(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url), env={"GATEWAY_DRAIN_GRACE_S": "0.3"})
    last = b"data: [DONE]\n\n"
    over = threading.Event()
    upstream.play = lambda _: stream([b"data: {}\n\n", over, last])
    body = {"model": "gpt-5-mini", "messages": [], "stream": True}

    with gateway.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        gateway.process.send_signal(signal.SIGTERM)
        gateway.wait(lambda: refuses_connections(gateway.port))
        over.set()
        rest = b"".join(pieces)

    assert rest == last
    assert gateway.process.wait(10) == 0


def test_a_shutdown_has_a_deadline_and_still_records(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url), env={"GATEWAY_DRAIN_TIMEOUT_S": "1"})
    upstream.play = lambda _: stream([b"data: {}\n\n", 30.0])
    body = {"model": "gpt-5-mini", "messages": [], "stream": True}

    with (
        contextlib.suppress(httpx.HTTPError),
        gateway.client.stream("POST", "/v1/chat/completions", json=body) as answer,
    ):
        pieces = answer.iter_raw()
        next(pieces)
        began = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        list(pieces)

    assert gateway.process.wait(10) == 0
    assert time.monotonic() - began < 6
    assert gateway.record_of(answer)["outcome"] == "shut_down"


def test_workers_serve_reload_and_count_together(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url), "--workers", "2")
    before = gateway.readyz()["revision"]

    gateway.write_config(config(upstream.url) + "\n# changed\n")

    def all_changed() -> bool:
        return all(httpx.get(f"{gateway.url}/readyz").json()["revision"] != before for _ in range(8))

    gateway.wait(all_changed)
    for _ in range(10):
        assert httpx.post(
            f"{gateway.url}/v1/chat/completions",
            json={"model": "sim", "messages": []},
            headers={"authorization": f"Bearer {SECRET}"},
        ).is_success
    counted = 'gateway_requests_total{endpoint="chat_completions",outcome="ok",provider="simulator",status="200"} 10.0'
    gateway.wait(lambda: counted in gateway.metrics())


def test_a_shutdown_during_the_start_is_clean(tmp_path, upstream):
    file = tmp_path / "gateway.yaml"
    file.write_text(config(upstream.url))
    command = [sys.executable, "-m", "gateway", "serve", "-c", file, "--port", str(free_port())]
    environment = {**os.environ, "GATEWAY_DATA_DIR": str(tmp_path / "data")}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "Spawning worker" in line:
            break

    process.send_signal(signal.SIGTERM)
    log = process.stderr.read()
    process.stderr.close()

    assert process.wait(20) == 0, log
    assert "Unexpected exit" not in log
    # A worker that serves nobody yet has nothing to finish.
    assert "Killing" not in log


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="only Linux schedules threads so")
def test_threads_of_a_worker_wait_their_turn(gateway):
    threads = [int(one.name) for one in Path(f"/proc/{gateway.worker_pid()}/task").iterdir()]

    assert len(threads) > 1
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_BATCH}


def test_a_killed_worker_is_replaced(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url))

    os.kill(gateway.worker_pid(), signal.SIGKILL)

    def serves() -> bool:
        try:
            return gateway.chat("sim").status_code == 200
        except httpx.HTTPError:
            return False

    gateway.wait(serves)


def test_workers_end_with_a_parent_that_is_killed(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url))
    worker = Path(f"/proc/{gateway.worker_pid()}")

    gateway.kill()

    gateway.wait(lambda: not worker.exists() or "State:\tZ" in (worker / "status").read_text())
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", gateway.port))


def test_ready_asks_a_running_gateway(gateway):
    def ask(*arguments):
        return launcher.run(["ready", "--url", gateway.url, *arguments], env=os.environ)

    assert ask().stdout == f"ready: revision {gateway.readyz()['revision']}, configuration current\n"
    assert json.loads(ask("--format", "json").stdout)["status"] == "ready"
    nobody = ask("--url", "http://127.0.0.1:1")
    assert (nobody.returncode, "does not answer" in nobody.stderr) == (1, True)


def test_https(start_gateway, upstream, tmp_path):
    certificate, key = self_signed(tmp_path)
    gateway = start_gateway(
        config(upstream.url), "--tls-cert", str(certificate), "--tls-key", str(key), verify=str(certificate)
    )

    assert gateway.chat("sim").status_code == 200


def self_signed(directory):
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number(), now, now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(private, hashes.SHA256())
    )
    certificate, key = directory / "cert.pem", directory / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate, key


REFUSED = {
    "budgets": ("budgets: {b: {scope: {team: engineering}, window: day, limit_usd: 1}}", ["--workers", "2"], "budgets"),
    "workers": ("", ["--workers", "2"], "--workers 1"),
    "live key": (f'  live: {{secret_hash: "{new_key()[1]}"}}', [], "GATEWAY_KEY_PEPPER"),
}


@pytest.mark.parametrize(("more", "arguments", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_serve_refuses_what_it_would_not_enforce(tmp_path, more, arguments, says):
    text = config("http://127.0.0.1:1", more)
    if "--workers" in arguments:
        text = text.replace("    project: checkout\n", "    project: checkout\n    rate_limits: {rpm: 5}\n", 1)
    file = tmp_path / "gateway.yaml"
    file.write_text(text)

    done = launcher.run(["serve", "-c", str(file), "--port", "1", *arguments], env=os.environ)

    assert done.returncode == 1
    assert says in done.stderr
    assert "gateway.yaml:" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
