"""Decision records for people."""

import msgspec

from gateway.telemetry.decision_log import pretty_line
from gateway.telemetry.decision_record import AttemptRecord, DecisionRecord
from gateway.usage import Usage

NOTHING = dict.fromkeys(DecisionRecord.__struct_fields__)
RECORD = DecisionRecord(
    **{
        **NOTHING,
        "time": "2026-11-24T16:00:00Z",
        "request_id": "grq_1",
        "virtual_key": "dev",
        "endpoint": "chat",
        "model_asked": "fast",
        "provider": "openai",
        "model": "gpt-5",
        "status": 200,
        "outcome": "ok",
        "usage": Usage(input_tokens=10, output_tokens=5),
        "cost_nano_usd": 1_250_000,
        "attempts": (),
        "duration_ms": 42,
    }
)


def test_a_request_is_one_line(snapshot):
    tried = (AttemptRecord("openai", "gpt-5", "503", 0, 9), AttemptRecord("standby", "gpt-5", "ok", 9, 30))
    denied = msgspec.structs.replace(
        RECORD, status=403, outcome="refused", denied_by="policy:tools:no-shell", usage=None
    )

    assert [
        pretty_line(one).decode() for one in (RECORD, msgspec.structs.replace(RECORD, attempts=tried), denied)
    ] == snapshot


def test_a_client_cannot_command_the_terminal():
    hostile = msgspec.structs.replace(RECORD, model_asked="\x1b[2Jfast\nGET /fake 200")

    line = pretty_line(hostile).decode()
    assert line.isprintable()
    assert "fast?GET" in line
