"""Decision records: one line per request, on standard output, never in the way of a request."""

import asyncio
from collections.abc import Callable, Iterable

from gateway.telemetry.access_log import Callers, Lines
from gateway.telemetry.decision_record import DecisionRecord
from gateway.telemetry.line_writer import FAREWELL_S, access_lines, line_for_people

Render = Callable[[DecisionRecord, bytes], bytes]
"""A line from a record and from what that is as JSON."""

Taker = Callable[[DecisionRecord, bytes], None]
"""Takes a record, and what that is as JSON, without waiting."""


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
        f"warns: {', '.join(record.warnings)}" if record.warnings else "",
        tried,
        record.request_id,
    )
    return line_for_people(parts)


class DecisionLog:
    """Writes records as lines, with who asked; `lines` says of which requests. What takes them `also` gets the JSON."""

    def __init__(self, callers: Callers, lines: Lines, render: Render = json_line, also: Taker | None = None) -> None:
        self._lines = access_lines()
        self._render = render
        self._also = also
        self._callers = callers
        self._wanted = lines

    @property
    def dropped(self) -> int:
        """How many records could not be written."""
        return self._lines.dropped

    def has(self, outcome: str, request_id: str) -> bool:
        """Whether a request that ended so has a line."""
        return self._wanted.has(went_well=outcome == "ok", request_id=request_id)

    def write(
        self,
        record: DecisionRecord,
        encoded: bytes,
        peer: str | None,
        agent: bytes | None,
        headers: Iterable[tuple[bytes, bytes]],
    ) -> None:
        """Queues the line of a record, which is `encoded` as JSON.

        Who asked (see `Callers.caller`) is told here alone: the ledger keeps the record as it is.
        """
        if self._render is json_line or self._also is not None:
            told = b"%b,%b}" % (encoded[:-1], self._callers.members(peer, agent, headers))
        else:
            told = encoded
        self._lines.write((told if self._render is json_line else self._render(record, encoded)) + b"\n")
        if self._also is not None:
            self._also(record, told)

    async def close(self) -> None:
        """Writes what is left, as far as it is read."""
        await asyncio.to_thread(self._lines.flush, FAREWELL_S)
