"""OTLP over http to a collector of the configuration."""

import os
import ssl
import threading
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

import httpx
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from gateway import clock
from gateway.telemetry.collector_settings import CollectorSettings
from gateway.telemetry.otlp import encode
from gateway.version import __version__

_CERTIFICATES: Final = ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE")
_TIMEOUTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_PATH: Final = "/v1/traces"
_TIMEOUT_S: Final = 10.0
_PAUSES_S: Final = (0.5, 1.0, 2.0)
_TRY_AGAIN: Final = frozenset((429, 502, 503, 504))
"""https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes"""


class HttpSpanExporter(SpanExporter):
    """OTLP over http with a collector's own headers and no others.

    OpenTelemetry's exporter would add those of `OTEL_EXPORTER_OTLP_HEADERS`, which are somebody else's secrets.
    """

    def __init__(self, settings: CollectorSettings, environ: Mapping[str, str] = os.environ) -> None:
        base = settings.endpoint.rstrip("/")
        self._url = base if base.endswith(_PATH) else base + _PATH
        self._patience_s = _seconds(environ)
        certificate = _first(_CERTIFICATES, environ)
        # Redirects are not followed: they would carry the headers to a host that nobody named.
        self._client = httpx.Client(
            headers={
                **{name: value.reveal() for name, value in settings.headers},
                "content-type": "application/x-protobuf",
                "user-agent": f"declarative-llm-gateway/{__version__}",
            },
            timeout=self._patience_s,
            verify=ssl.create_default_context(cafile=certificate) if certificate else True,
        )
        self._closing = threading.Event()
        self.failure: str | None = None
        """Why the last try failed: the status, or what kept it from one."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sends, and again after pauses where the collector is busy or away, for as long as one try may take."""
        body = encode(spans)
        deadline = clock.monotonic() + self._patience_s
        for pause_s in (*_PAUSES_S, 0.0):
            status = self._post(body)
            if status is not None and status not in _TRY_AGAIN:
                return SpanExportResult.SUCCESS if status < 300 else SpanExportResult.FAILURE  # noqa: PLR2004 - RFC 9110
            if clock.monotonic() + pause_s > deadline or self._closing.wait(pause_s):
                break
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Ends a pause, and closes the connections."""
        self._closing.set()
        self._client.close()

    def _post(self, body: bytes) -> int | None:
        """The status, or `None` where there was no answer. What the answer says is not read."""
        try:
            with self._client.stream("POST", self._url, content=body) as response:
                self.failure = f"it answered {response.status_code} {_PHRASES.get(response.status_code, '')}".strip()
                return response.status_code
        except httpx.HTTPError as error:
            self.failure = f"{type(error).__name__}: {error}"
            return None


def _seconds(environ: Mapping[str, str]) -> float:
    try:
        return float(_first(_TIMEOUTS, environ) or _TIMEOUT_S)
    except ValueError:
        return _TIMEOUT_S


def _first(names: Sequence[str], environ: Mapping[str, str]) -> str:
    return next((text for name in names if (text := environ.get(name, "").strip())), "")
