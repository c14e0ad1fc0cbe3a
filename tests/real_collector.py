"""A gateway before a real OpenTelemetry Collector: what it sends arrives there whole, and the collector finds no fault.

`task collector` runs it. `COLLECTOR` is the command that starts one and takes `--config FILE`; it has to have the receiver
`otlp` and the exporter `otlphttp`, as every distribution has:

    COLLECTOR=otelcol task collector
    COLLECTOR="docker run --rm --network host -v /tmp:/tmp otel/opentelemetry-collector" task collector

The collector hands on to a receiver in this process, which is what the tests of every run send to.
"""

import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.contract.conftest import config
from tests.support.collector import HttpCollector
from tests.support.gateway import Gateway, free_port
from tests.support.upstream import CHAT, CUT, PlayedUpstream, Recorded, Step, response, stream

_START_S = 60
_CHUNK = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}\n\n'
_CONFIG = """
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{http}"}}, grpc: {{endpoint: "127.0.0.1:{grpc}"}}}}}}
exporters:
  otlphttp: {{endpoint: "{sink}", compression: none}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlphttp]}}
    metrics: {{receivers: [otlp], exporters: [otlphttp]}}
    logs: {{receivers: [otlp], exporters: [otlphttp]}}
"""
_SOON = {
    "OTEL_BSP_SCHEDULE_DELAY": "50",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_METRIC_EXPORT_INTERVAL": "200",
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_BLRP_SCHEDULE_DELAY": "50",
}


def main() -> int:
    command = os.environ.get("COLLECTOR", "")
    if not command:
        print("COLLECTOR names no collector: a binary such as otelcol, or a command that runs a container of one")
        return 2
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        sink, ports = HttpCollector(), (free_port(), free_port())
        file, log = Path(directory, "collector.yaml"), Path(directory, "collector.log")
        file.write_text(_CONFIG.format(http=ports[0], grpc=ports[1], sink=sink.url))
        # A container may run as somebody else.
        Path(directory).chmod(0o755)
        with log.open("wb") as said:
            collector = subprocess.Popen([*shlex.split(command), "--config", str(file)], stdout=said, stderr=said)
        try:
            for port in ports:
                _wait_for(port, collector, log)
            _try("http/protobuf", ports[0], sink, Path(directory, "http"), _SOON)
            alone = {name: value for name, value in _SOON.items() if "BSP" in name}
            _try("grpc", ports[1], sink, Path(directory, "grpc"), alone)
        finally:
            collector.terminate()
            collector.wait(20)
            sink.close()
        faults = [line for line in log.read_text().splitlines() if "\twarn\t" in line or "\terror\t" in line]
        print(f"{len(faults)} warnings and errors of the collector", *faults, sep="\n")
        return 1 if faults else 0


def _try(protocol: str, port: int, sink: HttpCollector, directory: Path, more: dict[str, str]) -> None:
    """Traffic of every kind; each span arrives once, and each with its parent."""
    before = len(sink.spans)
    directory.mkdir()
    upstream = PlayedUpstream()
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol, **more}
    gateway = Gateway(directory, config(upstream.url), env=env)
    expected: dict[str, int] = {}
    for number in range(200):
        # Few enough that the provider is not left alone.
        upstream.play = _broken if number % 40 == 0 else _whole
        asked = {"model": "sim" if number % 2 else "renamed", "stream": number % 4 < 3}
        served = gateway.post({**asked, "messages": [{"role": "user", "content": "hi"}]})
        expected[served.headers["x-langwatch-request-id"]] = 2
        refused = gateway.post({"model": "unknown-model", "messages": []})
        expected[refused.headers["x-langwatch-request-id"]] = 1
    for request_id, count in expected.items():
        sink.of(request_id, count)
    if "OTEL_METRICS_EXPORTER" in more:
        gateway.wait(lambda: "gateway_requests" in sink.metrics and sink.lines)
    gateway.stop()
    upstream.close()
    spans = sink.spans[before:]
    ids = {one["span_id"] for one in spans}
    orphans = [one for one in spans if one["parent"] and one["parent"] not in ids]
    print(f"{protocol}: {len(spans)} spans of {sum(expected.values())}, {len(orphans)} without their parent")
    if "OTEL_METRICS_EXPORTER" in more:
        print(f"{protocol}: {len(sink.metrics) - 1} metrics, {len(sink.lines)} lines of the log")
    if len(spans) != sum(expected.values()) or len(ids) != len(spans) or orphans:
        raise SystemExit("spans were lost, came twice or have no parent")


def _whole(asked: Recorded) -> Sequence[Step]:
    return (
        stream([_CHUNK, b"data: [DONE]\n\n"]) if b'"stream":true' in asked.body.replace(b" ", b"") else response(CHAT)
    )


def _broken(_: Recorded) -> Sequence[Step]:
    return stream([_CHUNK, CUT])


def _wait_for(port: int, collector: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and collector.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"the collector does not listen:\n{log.read_text()}")


if __name__ == "__main__":
    sys.exit(main())
