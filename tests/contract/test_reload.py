"""A changed file is live within a second, an invalid one changes nothing, and no request is dropped."""

import os
import signal
import threading
import time

import httpx
import pytest

from tests.contract.conftest import config
from tests.support.keys import SECRET, new_key
from tests.support.upstream import stream

SOAK = bool(os.environ.get("GATEWAY_TEST_SOAK"))


def with_key(url: str) -> tuple[str, str]:
    secret, digest = new_key()
    return secret, config(url, f'  added: {{environment: test, secret_hash: "{digest}"}}\n')


def works(gateway, secret):
    headers = {"authorization": f"Bearer {secret}"}
    return lambda: gateway.chat("sim", headers=headers).status_code == 200


WRITES = {
    "in place": lambda file, text: file.write_text(text),
    "renamed over": lambda file, text: _renamed(file, text),
    "removed and made anew": lambda file, text: (file.unlink(), time.sleep(0.2), file.write_text(text)),
}


def _renamed(file, text):
    other = file.with_suffix(".new")
    other.write_text(text)
    other.replace(file)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_a_change_is_live(start_gateway, upstream, write):
    gateway = start_gateway(config(upstream.url))
    before = gateway.readyz()["revision"]
    secret, text = with_key(upstream.url)
    assert gateway.chat("sim", headers={"authorization": f"Bearer {secret}"}).status_code == 401

    write(gateway.config, text)

    gateway.wait(works(gateway, secret))
    assert gateway.readyz()["revision"] != before
    assert gateway.readyz()["config"] == "current"


def test_a_config_map_swap_is_live(start_gateway, upstream, tmp_path):
    volume = tmp_path / "volume"
    for name in ("one", "two"):
        (volume / f"..{name}").mkdir(parents=True)
    (volume / "..one" / "gateway.yaml").write_text(config(upstream.url))
    (volume / "..data").symlink_to("..one")
    (volume / "gateway.yaml").symlink_to("..data/gateway.yaml")
    gateway = start_gateway(None, "-c", str(volume / "gateway.yaml"))
    secret, text = with_key(upstream.url)

    (volume / "..two" / "gateway.yaml").write_text(text)
    (volume / "..tmp").symlink_to("..two")
    (volume / "..tmp").replace(volume / "..data")

    gateway.wait(works(gateway, secret))


def test_a_patch_is_watched_and_one_that_hits_nothing_changes_nothing(start_gateway, upstream, tmp_path):
    patch = tmp_path / "prod.yaml"
    patch.write_text("patch: [{at: /model_aliases/sim, set: simulator/patched}]\n")
    gateway = start_gateway(config(upstream.url), "--patch", str(patch))
    assert gateway.chat("sim").headers["x-langwatch-model"] == "patched"

    patch.write_text("patch: [{at: /model_aliases/sim, set: simulator/again}]\n")
    gateway.wait(lambda: gateway.chat("sim").headers["x-langwatch-model"] == "again")
    patch.write_text("patch: [{at: /model_alias/sim, set: simulator/gone}]\n")

    gateway.wait(lambda: "[bad-patch]" in gateway.log())
    assert gateway.chat("sim").headers["x-langwatch-model"] == "again"


def test_an_invalid_file_changes_nothing_and_is_told(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url))
    before = gateway.readyz()["revision"]

    gateway.write_config("version: 1\nvirtual_kyes: {}\n")
    stale = gateway.wait(lambda: (r := gateway.readyz())["config"] == "stale" and r)

    assert gateway.client.get("/readyz").status_code == 200
    assert stale["revision"] == before
    assert any("gateway.yaml:2:1: error[unknown-field]" in one for one in stale["diagnostics"])
    assert gateway.chat("sim").status_code == 200
    assert 'gateway_config_reloads_total{outcome="rejected"} 1.0' in gateway.client.get("/metrics").text
    assert "gateway_config_stale 1.0" in gateway.client.get("/metrics").text
    assert gateway.hears("unknown-field")

    gateway.write_config(config(upstream.url))
    gateway.wait(lambda: gateway.readyz()["config"] == "current")


def test_what_cannot_be_enforced_is_refused_on_reload_too(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url))

    gateway.write_config(config(upstream.url, f'  live: {{secret_hash: "{new_key()[1]}"}}'))

    stale = gateway.wait(lambda: (r := gateway.readyz())["config"] == "stale" and r)
    assert "development-pepper" in str(stale["diagnostics"])


def test_sighup_reloads(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url))

    assert "configuration unchanged" not in gateway.log()

    gateway.process.send_signal(signal.SIGHUP)

    gateway.wait(lambda: "configuration unchanged" in gateway.log())


def test_a_referenced_file_is_watched(start_gateway, upstream, tmp_path):
    credential = tmp_path / "key"
    credential.write_text("first\n")
    text = config(upstream.url).replace("${env:UP_KEY:-sk-upstream}", f"${{file:{credential}}}")
    gateway = start_gateway(text, "--file-root", str(tmp_path))
    gateway.chat()
    assert upstream.wait_for().headers["authorization"] == "Bearer first"

    credential.write_text("second\n")

    def second() -> bool:
        gateway.chat()
        return upstream.requests[-1].headers["authorization"] == "Bearer second"

    gateway.wait(second)


@pytest.mark.parametrize("how", ["watched", "SIGHUP"])
def test_a_file_of_variables_renews_credentials(start_gateway, upstream, tmp_path, how):
    variables = tmp_path / "gateway.env"
    variables.write_text("# of the provider\nUP_KEY='first one'\nexport OTHER=$UP_KEY\n")
    gateway = start_gateway(config(upstream.url), "--env-file", str(variables), env={"UP_KEY": "of the process"})
    gateway.chat()
    assert upstream.wait_for().headers["authorization"] == "Bearer first one"

    variables.write_text("UP_KEY=second\n")
    if how == "SIGHUP":
        gateway.process.send_signal(signal.SIGHUP)

    def second() -> bool:
        gateway.chat()
        return upstream.requests[-1].headers["authorization"] == "Bearer second"

    gateway.wait(second, timeout=5)


def test_a_file_of_variables_that_is_gone_changes_nothing(start_gateway, upstream, tmp_path):
    variables = tmp_path / "gateway.env"
    variables.write_text("UP_KEY=first\n")
    text = config(upstream.url).replace("${env:UP_KEY:-sk-upstream}", "${env:UP_KEY}")
    gateway = start_gateway(text, env={"GATEWAY_ENV_FILE": str(variables)})

    variables.unlink()
    gateway.wait(lambda: gateway.readyz()["config"] == "stale", timeout=5)

    assert gateway.hears(f"the file of variables {variables} cannot be read")
    gateway.chat()
    assert upstream.wait_for().headers["authorization"] == "Bearer first"


def test_a_stream_finishes_on_the_revision_that_it_began_with(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url))
    before = gateway.readyz()["revision"]
    last = b"data: [DONE]\n\n"
    reloaded = threading.Event()
    upstream.play = lambda _: stream([b"data: {}\n\n", reloaded, last])
    body = {"model": "gpt-5-mini", "messages": [], "stream": True}

    with gateway.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        gateway.write_config("version: 1\nproviders: {s: {type: simulator}}\n")
        httpx_wait(lambda: httpx.get(f"{gateway.url}/readyz").json()["revision"] != before)
        reloaded.set()
        assert b"".join(pieces) == last

    assert gateway.record_of(answer)["revision"] == before


def httpx_wait(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_no_request_fails_while_the_file_changes_over_and_over(start_gateway, upstream):
    requests, reloads = (10_000, 200) if SOAK else (1_500, 40)
    valid = config(upstream.url)
    gateway = start_gateway(valid)
    descriptors = f"/proc/{gateway.worker_pid()}/fd"
    before = len(os.listdir(descriptors))
    failures: list[object] = []
    over = threading.Event()

    def ask(count: int) -> None:
        with httpx.Client(base_url=gateway.url, headers={"authorization": f"Bearer {SECRET}"}, timeout=30) as client:
            for _ in range(count):
                answer = client.post("/v1/chat/completions", json={"model": "sim", "messages": []})
                if answer.status_code != 200:
                    failures.append(answer.text)

    threads = [threading.Thread(target=ask, args=(requests // 4,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(reloads):
        gateway.write_config(valid + f"\n# {number}\n" if number % 2 else "version: 1\nnonsense: {}\n")
        over.wait(0.08)
    for thread in threads:
        thread.join()

    assert failures == []
    gateway.write_config(valid + "\n# the last\n")
    gateway.wait(lambda: gateway.readyz()["config"] == "current")
    assert len(os.listdir(descriptors)) < before + 20
    revisions = {record["revision"] for record in gateway.records()}
    assert len(revisions) > 3
