"""What sends spans over OTLP: by OpenTelemetry's own variables, or by a collector's settings alone."""

import logging
import threading
from collections.abc import Mapping
from types import ModuleType
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.sdk.trace.export import SpanExporter

from gateway.telemetry.collector_settings import CollectorSettings
from gateway.telemetry.otlp import request_of

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_LONGEST_WORDS: Final = 400
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


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


def address_of_variables(environ: Mapping[str, str]) -> str:
    """Where the variables send spans, as far as they say."""
    return shown(next((environ[name] for name in ENDPOINTS if environ.get(name, "").strip()), ""))


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


def exporter_of_variables(environ: Mapping[str, str]) -> SpanExporter:
    """The exporter that the variables ask for. Raises `TracingError`."""
    protocol = next((environ[name].strip() for name in _PROTOCOLS if environ.get(name, "").strip()), "http/protobuf")
    if protocol == "http/protobuf":
        from opentelemetry.exporter.otlp.proto.http import trace_exporter  # noqa: PLC0415 - only one is needed

        _encode_faster(trace_exporter)
        return trace_exporter.OTLPSpanExporter()
    if protocol != "grpc":
        raise TracingError(f"the protocol {protocol!r} of OTLP is not known here; there are http/protobuf and grpc")
    return _grpc(None)


def exporter_of(settings: CollectorSettings) -> SpanExporter:
    """The exporter of a collector. Raises `TracingError`, or whatever a certificate that cannot be read raises."""
    if settings.protocol == "grpc":
        return _grpc(settings)
    from gateway.telemetry.http_exporter import HttpSpanExporter  # noqa: PLC0415 - most gateways never need it

    return HttpSpanExporter(settings)


def _grpc(settings: CollectorSettings | None) -> SpanExporter:
    try:
        from opentelemetry.exporter.otlp.proto.grpc import trace_exporter  # noqa: PLC0415 - an extra
    except ImportError:
        raise TracingError(
            "OTLP over gRPC needs a package: pip install 'declarative-llm-gateway[otlp-grpc]', or use http/protobuf"
        ) from None
    _encode_faster(trace_exporter)
    if settings is None:
        return trace_exporter.OTLPSpanExporter()
    return trace_exporter.OTLPSpanExporter(
        endpoint=settings.endpoint,
        insecure=settings.endpoint.startswith("http:"),
        # An empty list would be filled from OTEL_EXPORTER_OTLP_HEADERS; this text is a list without entries.
        headers=tuple((name.lower(), value.reveal()) for name, value in settings.headers) or ",",
    )


def _encode_faster(exporters: ModuleType) -> None:
    """PERF: has OpenTelemetry's exporters encode by `otlp`, where they still call their encoder by this name."""
    if hasattr(exporters, "encode_spans"):
        vars(exporters)["encode_spans"] = request_of
