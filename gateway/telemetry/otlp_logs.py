"""The process's log and the decision records over OTLP, beside standard error and standard output.

https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/logs/v1/logs.proto
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.sdk.resources import Resource

from gateway.telemetry.decision_record import DecisionRecord
from gateway.telemetry.http_exporter import Delivery, HttpSender
from gateway.telemetry.otlp import resource_message
from gateway.telemetry.redact import redact
from gateway.turns import BREATH_S, turns
from gateway.version import __version__

DECISION: Final = "langwatch.gateway.decision"
"""The event name of a decision record, whose body is the record as JSON."""

_NANOSECONDS, _NANOSECONDS_PER_US = 1_000_000_000, 1_000
_SCOPE: Final = InstrumentationScope(name="declarative-llm-gateway", version=__version__)
_SEVERITIES: Final = {
    logging.DEBUG: logs_pb2.SEVERITY_NUMBER_DEBUG,
    logging.INFO: logs_pb2.SEVERITY_NUMBER_INFO,
    logging.WARNING: logs_pb2.SEVERITY_NUMBER_WARN,
    logging.ERROR: logs_pb2.SEVERITY_NUMBER_ERROR,
    logging.CRITICAL: logs_pb2.SEVERITY_NUMBER_FATAL,
}
_TURN: Final = 16

_log = logging.getLogger(__name__)

_Waiting = logging.LogRecord | tuple[DecisionRecord, bytes]


class LogsExport(logging.Handler):
    """A bounded queue that never waits, and a thread that sends what is in it.

    Args:
        open_sender: Makes the sender; called in the thread.
        resource: What serves.
        queue: So many lines wait at most; further ones are dropped, and told of once there is room.
        batch: So many go at once.
        delay_s: Seconds after which they go at the latest.
    """

    def __init__(
        self, open_sender: Callable[[], HttpSender], resource: Resource, *, queue: int, batch: int, delay_s: float
    ) -> None:
        super().__init__()
        self._delivery = Delivery(open_sender, _tell)
        self._resource = resource
        self._most, self._batch, self._delay_s = queue, batch, delay_s
        self._waiting: deque[_Waiting] = deque()
        self._wake = threading.Event()
        self._closing = False
        self._dropped = self._unreadable = 0
        self._thread = threading.Thread(target=self._run, name="otlp-logs", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Takes a line of the log."""
        self._take(record)

    def decided(self, record: DecisionRecord, encoded: bytes) -> None:
        """Takes a decision record, which is `encoded` as JSON."""
        self._take((record, encoded))

    def end(self) -> None:
        """Sends what waits, without anybody waiting for it."""
        self._closing = True
        self._wake.set()

    def join(self, timeout_s: float) -> None:
        """After `end`: waits until that is done, for so long at most. Blocks."""
        self._thread.join(timeout_s)

    def _take(self, line: _Waiting) -> None:
        if len(self._waiting) >= self._most:
            self._dropped += 1
            return
        self._waiting.append(line)
        if len(self._waiting) >= self._batch:
            self._wake.set()

    def _run(self) -> None:
        while not self._closing or self._waiting:
            if not self._closing:
                self._wake.wait(self._delay_s)
            self._wake.clear()
            while self._waiting:
                lines = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
                told = records_of(lines)
                self._unreadable += len(lines) - len(told)
                self._tell_losses()
                if told:
                    self._delivery.send(partial(request_of, told, self._resource))
        self._delivery.close()

    def _tell_losses(self) -> None:
        dropped, self._dropped = self._dropped, 0
        if dropped:
            _log.warning("%d lines of the log were not sent over OTLP, since too many waited", dropped)
        unreadable, self._unreadable = self._unreadable, 0
        if unreadable:
            _log.warning("%d lines of the log were not sent over OTLP, since they cannot be written", unreadable)


def _tell(failure: str | None) -> None:
    if failure is None:
        _log.info("the log is taken over OTLP again")
    else:
        _log.warning("the log is not taken over OTLP: %s; what is not taken is not sent again", failure)


def records_of(lines: list[_Waiting]) -> list[logs_pb2.LogRecord]:
    """Lines and decision records as those of OTLP, without the lines that cannot be written."""
    told = []
    for one in turns(lines, _TURN, BREATH_S):
        with suppress(Exception):  # arguments that do not fit the message, say; the other lines are sound
            told.append(_line(one) if isinstance(one, logging.LogRecord) else _decision(*one))
    return told


def request_of(records: list[logs_pb2.LogRecord], resource: Resource) -> bytes:
    """The `ExportLogsServiceRequest` of records."""
    scope = logs_pb2.ScopeLogs(scope=_SCOPE, log_records=records)
    of_resource = logs_pb2.ResourceLogs(resource=resource_message(resource), scope_logs=[scope])
    encoded: bytes = ExportLogsServiceRequest(resource_logs=[of_resource]).SerializeToString()
    return encoded


def _line(record: logging.LogRecord) -> logs_pb2.LogRecord:
    text = record.getMessage()
    if record.exc_info:
        text = f"{text}\n{_TRACEBACKS.formatException(record.exc_info)}"
    return logs_pb2.LogRecord(
        time_unix_nano=int(record.created * _NANOSECONDS),
        severity_number=_SEVERITIES.get(record.levelno, logs_pb2.SEVERITY_NUMBER_UNSPECIFIED),
        severity_text=record.levelname,
        body=_text(redact(text)),
        attributes=[_attribute("logger", record.name)],
    )


def _decision(record: DecisionRecord, encoded: bytes) -> logs_pb2.LogRecord:
    severity = logging.WARNING if record.outcome == "failed" else logging.INFO
    return logs_pb2.LogRecord(
        time_unix_nano=record.occurred_at * _NANOSECONDS_PER_US,
        severity_number=_SEVERITIES[severity],
        severity_text=logging.getLevelName(severity),
        event_name=DECISION,
        body=_text(encoded.decode()),
        attributes=[_attribute("langwatch.gateway_request_id", record.request_id)],
        trace_id=bytes.fromhex(record.trace_id),
        span_id=bytes.fromhex(record.span_id),
    )


def _attribute(name: str, value: str) -> KeyValue:
    return KeyValue(key=name, value=_text(value))


def _text(text: str) -> AnyValue:
    """A text of a log, in which may stand what is no text: halves of a pair of UTF-16."""
    return AnyValue(string_value=text.encode("utf-8", "replace").decode())


_TRACEBACKS: Final = logging.Formatter()
