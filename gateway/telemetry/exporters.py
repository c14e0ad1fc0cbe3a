"""What sends spans over OTLP: by OpenTelemetry's own variables, or by a collector's settings alone."""

from collections.abc import Mapping
from types import ModuleType
from typing import Final

from opentelemetry.sdk.trace.export import SpanExporter

from gateway.telemetry.collector_settings import CollectorSettings
from gateway.telemetry.otlp import request_of

_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


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
