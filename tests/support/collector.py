"""An OpenTelemetry collector that keeps what it is sent: over http any signal, over gRPC spans."""

import gzip
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


def spans_in(exported: Any) -> list[dict[str, Any]]:
    """The spans of an OTLP request, as plain dictionaries."""
    return [
        {
            "name": span.name,
            "trace_id": span.trace_id.hex(),
            "span_id": span.span_id.hex(),
            "parent": span.parent_span_id.hex(),
            "kind": span.kind,
            "state": span.trace_state,
            "status": span.status.code,
            "began_ns": span.start_time_unix_nano,
            "took_ns": span.end_time_unix_nano - span.start_time_unix_nano,
            "attributes": _attributes(span.attributes),
            "events": [(event.name, _attributes(event.attributes)) for event in span.events],
            "resource": _attributes(scopes.resource.attributes),
        }
        for scopes in exported.resource_spans
        for scope in scopes.scope_spans
        for span in scope.spans
    ]


class Sent:
    """What a sender of spans was given, as `spans_in` has it."""

    failure: str | None = None

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []
        self.batches: list[int] = []
        self.came = threading.Event()

    def send(self, body: bytes) -> bool:
        spans = spans_in(trace_service_pb2.ExportTraceServiceRequest.FromString(body))
        self.spans += spans
        self.batches.append(len(spans))
        self.came.set()
        return True

    def close(self) -> None:
        """There is nothing to close."""


class Collector:
    """Spans as plain dictionaries, in the order of their arrival."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.spans: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self._released = threading.Event()
        if not hangs:
            self._released.set()

    def release(self) -> None:
        """Lets what hangs go on."""
        self._released.set()

    def take(self, exported: Any) -> None:
        self.spans += spans_in(exported)

    def of(self, request_id: str, count: int = 2, timeout: float = 15) -> list[dict[str, Any]]:
        """The spans of one request, once they have come."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            found = [one for one in self.spans if one["attributes"].get("langwatch.gateway_request_id") == request_id]
            if len(found) >= count:
                return found
            time.sleep(0.02)
        raise AssertionError(f"the spans of {request_id} never came: {self.spans}")


class HttpCollector(Collector):
    """Answers with `status` and `answer`; redirects where `location` says."""

    def __init__(self, *, hangs: bool = False, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(hangs=hangs)
        self.status, self.answer, self.location = 200, b"", ""
        self.metrics: dict[str, Any] = {}
        self.lines: list[Any] = []
        self.paths: list[str] = []
        self.sizes: list[int] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector._released.wait(60)
                collector.headers.append({name.lower(): value for name, value in self.headers.items()})
                collector.paths.append(self.path)
                collector.sizes.append(len(body))
                if self.headers["content-encoding"] == "gzip":
                    body = gzip.decompress(body)
                if collector.status < 300:
                    collector.take_signal(self.path.rsplit("/", 1)[1], body)
                self.send_response(collector.status)
                self.send_header("content-length", str(len(collector.answer)))
                if collector.location:
                    self.send_header("location", collector.location)
                self.end_headers()
                self.wfile.write(collector.answer)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def take_signal(self, signal: str, body: bytes) -> None:
        """Metrics by name, as they came last; lines of the log in the order of their arrival."""
        if signal == "metrics":
            for told in metrics_service_pb2.ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.metrics["resource"] = _attributes(told.resource.attributes)
                self.metrics.update((one.name, one) for scope in told.scope_metrics for one in scope.metrics)
        elif signal == "logs":
            for told in logs_service_pb2.ExportLogsServiceRequest.FromString(body).resource_logs:
                self.lines += [line for scope in told.scope_logs for line in scope.log_records]
        else:
            self.take(trace_service_pb2.ExportTraceServiceRequest.FromString(body))

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()


class GrpcCollector(Collector):
    def __init__(self) -> None:
        super().__init__()
        collector = self

        class Service(trace_service_pb2_grpc.TraceServiceServicer):
            def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
                collector.headers.append(dict(context.invocation_metadata()))
                collector.take(request)
                return trace_service_pb2.ExportTraceServiceResponse()

        self._server = grpc.server(ThreadPoolExecutor(2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Service(), self._server)
        self.url = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def close(self) -> None:
        self._server.stop(0).wait()


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_value(one) for one in value.array_value.values] if kind == "array_value" else getattr(value, kind)
