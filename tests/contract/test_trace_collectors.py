"""Each project's spans go to its own collector, whatever the other collectors do."""

import pytest

from tests.support.collector import GrpcCollector, HttpCollector
from tests.support.gateway import free_port
from tests.support.keys import HASH, new_key

SHOP, SHOP_HASH = new_key()
LAB, LAB_HASH = new_key()
GONE, GONE_HASH = new_key()
CANARY = "Bearer canary-of-the-collector"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CONFIG = """
version: 1
providers: {{simulator: {{type: simulator}}}}
model_aliases: {{sim: simulator/gpt-5-mini}}
trace_collectors:
{collectors}
teams: {{retail: {{trace_collector: retail}}, research: {{}}}}
projects: {{checkout: {{}}, shop: {{team: retail}}, lab: {{team: retail, trace_collector: lab}}}}
virtual_keys:
  dev: {{environment: test, project: checkout, secret_hash: {dev}}}
  shop: {{environment: test, project: shop, secret_hash: {shop}}}
  lab: {{environment: test, project: lab, secret_hash: {lab}}}
  gone: {{environment: test, project: lab, state: disabled, secret_hash: {gone}}}
{more}
"""
COLLECTOR = '  {name}: {{endpoint: "{url}", headers: {{Authorization: "${{runtime-env:CANARY}}"}}{more}}}'
SOON = {
    "OTEL_BSP_SCHEDULE_DELAY": "50",
    "CANARY": CANARY,
    "GATEWAY_RUNTIME_ENV": "CANARY",
    "OTEL_EXPORTER_OTLP_HEADERS": "x-platform=only-for-us",
}


def config(more: str = "", *, lab_too: str = "", **urls: str) -> str:
    """`lab_too` is said of the lab's collector beside its URL."""
    lines = [COLLECTOR.format(name=name, url=url, more=lab_too if name == "lab" else "") for name, url in urls.items()]
    return CONFIG.format(collectors="\n".join(lines), dev=HASH, shop=SHOP_HASH, lab=LAB_HASH, gone=GONE_HASH, more=more)


def chat(gateway, secret=None, **headers):
    if secret is not None:
        headers["authorization"] = f"Bearer {secret}"
    served = gateway.chat("sim", headers=headers)
    assert served.status_code == 200, served.text
    return served.headers["x-langwatch-request-id"]


def count(gateway, metric, **labels):
    pairs = ",".join(f'{name}="{value}"' for name, value in labels.items())
    line = f"gateway_{metric}_total{{{pairs}}} "
    text = gateway.metrics()
    assert CANARY not in text
    return next((float(one.removeprefix(line)) for one in text.splitlines() if one.startswith(line)), 0)


@pytest.fixture
def collectors():
    started = [HttpCollector() for _ in range(3)]
    yield started
    for one in started:
        one.close()


def test_a_project_s_spans_go_to_its_own_collector_alone(start_gateway, collectors):
    platform, retail, lab = collectors
    text = config(retail=f"{retail.url}/otel", lab=f"{lab.url}/v1/traces")
    gateway = start_gateway(text, env={**SOON, "OTEL_EXPORTER_OTLP_ENDPOINT": platform.url})

    asked = {platform: chat(gateway), retail: chat(gateway, SHOP), lab: chat(gateway, LAB)}

    for collector, request_id in asked.items():
        assert len(collector.of(request_id)) == 2
    assert [len(one.spans) for one in collectors] == [2, 2, 2]
    assert (platform.paths[-1], retail.paths[-1], lab.paths[-1]) == ("/v1/traces", "/otel/v1/traces", "/v1/traces")
    assert platform.headers[-1]["x-platform"] == "only-for-us"
    assert "authorization" not in platform.headers[-1]
    for own in (retail, lab):
        assert own.headers[-1]["authorization"] == CANARY
        assert "x-platform" not in own.headers[-1]
    assert count(gateway, "trace_spans_exported", collector="retail") == 2
    assert CANARY not in gateway.log()


def test_collectors_of_the_file_need_no_variables_and_speak_grpc(start_gateway, collectors):
    _, retail, _ = collectors
    lab = GrpcCollector()
    gateway = start_gateway(config(retail=retail.url, lab=lab.url, lab_too=", protocol: grpc"), env=SOON)

    chat(gateway)
    request_id = chat(gateway, LAB)

    lab.of(request_id)
    assert len(lab.spans) == 2
    assert lab.headers[-1]["authorization"] == CANARY
    assert "x-platform" not in lab.headers[-1]
    lab.close()


def test_the_file_s_collector_is_for_everybody_who_names_none(start_gateway, collectors):
    platform, retail, lab = collectors
    text = config("trace_collector: lab\n", retail=retail.url, lab=lab.url)
    gateway = start_gateway(text, env={**SOON, "OTEL_EXPORTER_OTLP_ENDPOINT": platform.url})

    lab.of(chat(gateway))
    retail.of(chat(gateway, SHOP))
    refused = gateway.chat("sim", headers={"authorization": f"Bearer {GONE}"})
    lab.of(refused.headers["x-langwatch-request-id"], 1)
    assert platform.spans == []
    unknown = gateway.chat("sim", headers={"authorization": "Bearer lw_vk_test_01K00000000000000000000009"})
    platform.of(unknown.headers["x-langwatch-request-id"], 1)


def test_sampling_and_sharing_are_the_collector_s_own(start_gateway, collectors):
    platform, retail, lab = collectors
    text = config(retail=retail.url, lab=lab.url, lab_too=", sampling_ratio: 0, also_to_default: true")
    gateway = start_gateway(text, env={**SOON, "OTEL_EXPORTER_OTLP_ENDPOINT": platform.url})

    unsampled = gateway.chat("sim", headers={"authorization": f"Bearer {LAB}"})
    sampled = chat(gateway, LAB, traceparent=f"00-{TRACE}-{SPAN}-01")

    assert unsampled.headers["traceparent"].endswith("-00")
    assert lab.of(sampled)[0]["span_id"] == platform.of(sampled)[0]["span_id"]
    assert (len(lab.spans), len(platform.spans)) == (2, 2)


def test_one_collector_that_hangs_holds_up_neither_requests_nor_the_others(start_gateway, collectors):
    _, retail, _ = collectors
    lab = HttpCollector(hangs=True)
    env = {**SOON, "OTEL_BSP_MAX_QUEUE_SIZE": "8", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2"}
    gateway = start_gateway(config(retail=retail.url, lab=lab.url), env=env)

    for _ in range(10):
        chat(gateway, LAB)
        retail.of(chat(gateway, SHOP))

    assert count(gateway, "trace_spans_dropped", collector="lab", reason="queue_full") == 2 * (10 - 4)
    assert len(retail.spans) == 20
    gateway.kill()  # it would wait for the one that hangs
    lab.close()


def test_a_collector_that_answers_badly_is_counted_and_told_once(start_gateway, collectors):
    elsewhere, retail, lab = collectors
    lab.status, lab.answer = 500, b"<html>" + CANARY.encode()
    retail.status, retail.location = 307, f"{elsewhere.url}/v1/traces"
    gateway = start_gateway(config(retail=retail.url, lab=lab.url), env=SOON)

    for secret in (LAB, SHOP):
        chat(gateway, secret)
    for name in ("lab", "retail"):
        gateway.wait(lambda name=name: count(gateway, "trace_spans_dropped", collector=name, reason="export_failed"))
    chat(gateway, LAB)
    gateway.wait(lambda: count(gateway, "trace_spans_dropped", collector="lab", reason="export_failed") == 4)

    told = f"the trace collector lab ({lab.url}) does not take spans: it answered 500 Internal Server Error"
    assert gateway.hears(told)
    assert gateway.log().count(told) == 1
    assert gateway.hears(f"retail ({retail.url}) does not take spans: it answered 307 Temporary Redirect")
    assert CANARY not in gateway.log()
    assert elsewhere.headers == []
    lab.status, lab.answer = 200, b"\xff not protobuf"
    lab.of(chat(gateway, LAB))
    gateway.wait(lambda: "takes spans again" in gateway.log())


def test_a_reload_opens_and_closes_collectors_and_loses_nothing(start_gateway, collectors):
    moved, retail, lab = collectors
    env = {**SOON, "OTEL_BSP_SCHEDULE_DELAY": "60000"}
    gateway = start_gateway(config(retail=retail.url, lab=lab.url), env=env)
    waits = [chat(gateway, LAB), chat(gateway, SHOP)]
    revision = gateway.readyz()["revision"]

    gateway.write_config(config(retail=retail.url, lab=moved.url))
    gateway.wait(lambda: gateway.readyz()["revision"] != revision)

    lab.of(waits[0])
    assert retail.spans == []
    later = chat(gateway, LAB)
    gateway.stop()
    moved.of(later)
    retail.of(waits[1])
    assert (len(lab.spans), len(moved.spans), len(retail.spans)) == (2, 2, 2)


def test_a_collector_that_is_down_is_counted_and_all_can_be_switched_off(start_gateway, collectors):
    nowhere = f"http://127.0.0.1:{free_port()}"
    gateway = start_gateway(config(retail=nowhere, lab=nowhere), env={**SOON, "OTEL_EXPORTER_OTLP_TIMEOUT": "300"})
    off = start_gateway(config(retail=collectors[1].url, lab=nowhere), env={**SOON, "OTEL_SDK_DISABLED": "true"})

    chat(gateway, LAB)
    chat(off, SHOP)

    gateway.wait(lambda: count(gateway, "trace_spans_dropped", collector="lab", reason="export_failed") == 2, 20)
    assert gateway.hears(f"the trace collector lab ({nowhere}) does not take spans: ConnectError: [Errno 111]")
    off.stop()
    assert collectors[1].spans == []
