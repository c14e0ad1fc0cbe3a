"""Checks on traces: collectors that cannot be reached, headers that cannot be sent, patterns that hide nothing."""

from collections.abc import Iterator, Sequence
from typing import Final

from gateway.config.diagnostics import Severity
from gateway.config.findings import Checked, Facts, Finding
from gateway.config.model import Config
from gateway.config.sections.tracing import TraceCollector
from gateway.config.source import Path
from gateway.config.urls import is_plain_to_another_host, url_fault
from gateway.policy.patterns import compile_re2
from gateway.telemetry.collector_headers import GRPC_NAME

DEFAULT_COLLECTOR: Final = "default"
"""How metrics and logs call the collector of the `OTEL_*` variables."""

_SET_BY_EXPORTER = frozenset(
    (
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "te",
        "transfer-encoding",
        "user-agent",
    )
)


def trace_collectors(config: Config, _facts: Facts) -> Iterator[Checked]:
    """Collectors that nothing could be sent to, or that others could listen to."""
    for name, collector in config.trace_collectors.items():
        at: Path = ("trace_collectors", name)
        if name == DEFAULT_COLLECTOR:
            message = f"{name!r} is what the collector of the OTEL_* variables is called"
            yield Checked(Finding("invalid-name", message, at, "Give it another name.", True))
        yield from _endpoint(collector.endpoint, (*at, "endpoint"))
        yield from _headers(collector, (*at, "headers"))


def _endpoint(url: str, at: Path) -> Iterator[Checked]:
    if fault := url_fault(url, "in `headers`"):
        yield Checked(Finding("invalid-url", fault, at))
    elif "${" not in url and is_plain_to_another_host(url):
        message = "traces, and headers with their secrets, go to another host unencrypted"
        yield Checked(Finding("plain-http", message, at, "Use https."), Severity.WARNING)


def _headers(collector: TraceCollector, at: Path) -> Iterator[Checked]:
    seen: set[str] = set()
    for header, value in collector.headers.items():
        name, text = header.lower(), value.reveal()
        fault = None
        if name in _SET_BY_EXPORTER:
            fault = f"{header} is set by the exporter itself"
        elif collector.protocol == "grpc" and not GRPC_NAME.fullmatch(name):
            fault = f"{header} is no name for the metadata of gRPC"
        elif name in seen:
            fault = f"{header} is there twice, spelt in two ways"
        elif text != text.strip():
            fault = f"the value of {header} begins or ends with white space, which cannot be sent"
        seen.add(name)
        if fault is not None:
            yield Checked(Finding("invalid-value", fault, (*at, header), None, True))


def content_capture(config: Config, _facts: Facts) -> Iterator[Checked]:
    """The file's redaction patterns."""
    yield from _patterns(config.content_capture.redact, ("content_capture", "redact"))


def key_content_capture(config: Config, _facts: Facts) -> Iterator[Checked]:
    """The redaction patterns of keys."""
    for name, key in config.virtual_keys.items():
        yield from _patterns(key.content_capture.redact, ("virtual_keys", name, "content_capture", "redact"))


def _patterns(patterns: Sequence[str], at: Path) -> Iterator[Checked]:
    for index, pattern in enumerate(patterns):
        try:
            matches_nothing = compile_re2(pattern).search("") is not None
        except ValueError as error:
            hint = "RE2 has no look-around and no back-references."
            yield Checked(Finding("bad-regex", str(error), (*at, index), hint))
            continue
        if matches_nothing:
            message = f"{pattern!r} matches an empty text too, so it would hide what is not there"
            yield Checked(Finding("bad-regex", message, (*at, index), "Make it match one character at least."))
