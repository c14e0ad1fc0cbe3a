"""Decision records: one line per request, on standard output, never in the way of a request.

Lines are gathered and written by a thread, so a slow reader of standard output delays nobody; beyond a bound of memory
lines are dropped and counted.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import BinaryIO

from gateway.telemetry.decision_record import DecisionRecord

_FLUSH_AFTER_S = 0.1
_MAX_PENDING_BYTES = 32 * 1024 * 1024


Render = Callable[[DecisionRecord, bytes], bytes]
"""A line from a record and from what that is as JSON."""


def json_line(_record: DecisionRecord, encoded: bytes) -> bytes:
    """A record for machines."""
    return encoded


def pretty_line(record: DecisionRecord, _encoded: bytes = b"") -> bytes:
    """A record for people: what was asked, what became of it, and the id that finds everything else."""
    tokens = "" if record.usage is None else f" {record.usage.input_tokens}→{record.usage.output_tokens} tokens"
    cost = "" if record.cost_nano_usd is None else f" ${record.cost_nano_usd / 1e9:.6f}"
    why = record.denied_by or record.error_code or ("" if record.outcome == "ok" else record.outcome)
    tried = " → ".join(f"{one.provider} {one.outcome}" for one in record.attempts) if len(record.attempts) > 1 else ""
    parts = (
        f"{record.time} {record.status} {record.duration_ms or 0:>6} ms",
        record.virtual_key or "-",
        f"{record.endpoint} {record.model_asked or '-'} ⇒ {record.provider or '-'}/{record.model or '-'}{tokens}{cost}",
        why,
        tried,
        record.request_id,
    )
    # What a client sent could hold the terminal's own commands.
    line = "  ".join(part for part in parts if part)
    return "".join(char if char.isprintable() else "?" for char in line).encode()


class DecisionLog:
    """Writes records as lines. Construct it inside the running event loop."""

    def __init__(
        self,
        output: BinaryIO | None = None,
        render: Render = json_line,
        on_drop: Callable[[int], None] | None = None,
    ) -> None:
        self._output = output or sys.stdout.buffer
        self._on_drop = on_drop
        self._render = render
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None

    def write(self, record: DecisionRecord, encoded: bytes) -> None:
        """Queues the line of a record, which is `encoded` as JSON."""
        line = self._render(record, encoded)
        if self._pending_bytes > _MAX_PENDING_BYTES:
            if self._on_drop is not None:
                self._on_drop(1)
            return
        self._pending.append(line)
        self._pending_bytes += len(line)
        if self._timer is None and self._writing is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_AFTER_S, self._flush)

    async def close(self) -> None:
        """Writes what is left."""
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await self._writing
        if self._pending:
            await asyncio.to_thread(self._write_lines, self._take())

    def _flush(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(None, self._write_lines, self._take())
        self._writing.add_done_callback(self._written)

    def _written(self, writing: asyncio.Future[None]) -> None:
        self._writing = None
        if not writing.cancelled():
            writing.exception()
        if self._pending and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_AFTER_S, self._flush)

    def _take(self) -> list[bytes]:
        lines, self._pending, self._pending_bytes = self._pending, [], 0
        return lines

    def _write_lines(self, lines: list[bytes]) -> None:
        lines.append(b"")
        try:
            self._output.write(b"\n".join(lines))
            self._output.flush()
        except (OSError, ValueError):
            # A closed or full standard output must not stop traffic.
            if self._on_drop is not None:
                self._on_drop(len(lines) - 1)
