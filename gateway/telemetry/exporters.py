"""What sends spans over OTLP: by OpenTelemetry's own variables, or by a collector's settings alone."""

import logging
import threading
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from gateway.telemetry.collector_headers import check_headers
from gateway.telemetry.collector_settings import CollectorSettings
from gateway.telemetry.http_exporter import HttpSender, Sender, place_of, place_of_variables
from gateway.telemetry.otel_variables import Variables

_LONGEST_WORDS: Final = 400


class FirstWords(logging.Handler):
    """What OpenTelemetry's exporters say of a failure, by the thread that they run in.

    They say it of every batch, in a log that is read nowhere else, and of their causes nothing to who calls them.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: dict[int, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps what is said first: what follows tells of tries that come to the same."""
        self._said.setdefault(threading.get_ident(), record.getMessage()[:_LONGEST_WORDS])

    def taken(self) -> str | None:
        """What was said in this thread since it was asked last."""
        return self._said.pop(threading.get_ident(), None)


FIRST_WORDS: Final = FirstWords()


def listen() -> None:
    """Has what OpenTelemetry logs kept in `FIRST_WORDS`, and nowhere else."""
    logger = logging.getLogger("opentelemetry")
    logger.handlers[:] = [FIRST_WORDS]
    logger.setLevel(logging.WARNING)
    logger.propagate = False


def shown(endpoint: str) -> str:
    """An address without what may be secret in it."""
    try:
        url = urlsplit(endpoint.strip())
        where = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname or ""
        port = "" if url.port is None else f":{url.port}"
    except ValueError:
        return ""
    return f"{url.scheme}://{where}{port}{url.path}" if where else ""


class TracingError(Exception):
    """What is asked for cannot be had; the message says how to mend it."""


def sender_of_variables(variables: Variables) -> Sender:
    """What sends spans where the variables say. Raises `TracingError`, or what `HttpSender` raises."""
    if variables.protocol("traces") == "grpc":
        return _grpc(None, variables)
    return HttpSender(place_of_variables("traces", variables))


def sender_of(settings: CollectorSettings, variables: Variables) -> Sender:
    """What sends spans to a collector. Raises `TracingError`, or what `HttpSender` raises."""
    if settings.protocol == "grpc":
        return _grpc(settings, variables)
    return HttpSender(place_of(settings, variables))


class _GrpcSender:
    """Sends batches over gRPC, by OpenTelemetry's exporter."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.failure: str | None = None

    def send(self, body: bytes) -> bool:
        batch: Any = body
        succeeded = self._exporter.export(batch) is SpanExportResult.SUCCESS
        self.failure = FIRST_WORDS.taken()
        return succeeded

    def close(self) -> None:
        self._exporter.shutdown()


def _grpc(settings: CollectorSettings | None, variables: Variables) -> Sender:
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - an extra
            OTLPSpanExporter,
        )
    except ImportError:
        raise TracingError(
            "OTLP over gRPC needs a package: pip install 'declarative-llm-gateway[otlp-grpc]', or use http/protobuf"
        ) from None

    class Exporter(OTLPSpanExporter):
        """Takes batches that are encoded already."""

        def _translate_data(self, data: Any) -> ExportTraceServiceRequest:
            message: ExportTraceServiceRequest = ExportTraceServiceRequest.FromString(data)
            return message

    stated = variables.headers("traces") if settings is None else settings.headers
    headers = tuple((name.lower(), value) for name, value in stated)
    check_headers(headers, grpc=True)
    exporter = Exporter(
        endpoint=None if settings is None else settings.endpoint,
        insecure=None if settings is None else settings.endpoint.startswith("http:"),
        # Without any it would read OTEL_EXPORTER_OTLP_HEADERS, and quote what it cannot; this text is a list of none.
        headers=tuple((name, value.reveal()) for name, value in headers) or ",",
        timeout=variables.timeout_s("traces"),
    )
    return _GrpcSender(exporter)
