"""Fills a ledger with made-up requests, to time reports on: `python -m bench.fill_ledger URL [REQUESTS]`.

Two million requests by default, over the 31 days before now: 1,000 keys, 40 projects, 12 teams, 8 models, and 20,000
end users of whom a monthly budget `people` has a counter each; one in twenty goes wrong, one in thirty is tried twice.
"""

import random
import sys
import time

from gateway import ids
from gateway.ledger.insert import insert_entries
from gateway.ledger.pace import FAST
from gateway.money.window import Window
from gateway.storage.engine import open_engine, writing
from gateway.storage.migrate import upgrade
from gateway.telemetry.decision_record import AttemptRecord, Charge, DecisionRecord
from gateway.usage import Usage

_BATCH = 5_000
_DAYS = 31
_MODELS = (("openai", "gpt-5"), ("openai", "gpt-5-mini"), ("openai", "o3"), ("azure", "gpt-5"))
_MODELS += (
    ("anthropic", "claude-sonnet-4-6"),
    ("anthropic", "claude-haiku-4-5"),
    ("bedrock", "nova"),
    ("gemini", "flash"),
)


_FATES = (
    (200, "ok", None, None),
    (429, "refused", "rate_limit_exceeded", "vk_rate_limit_exceeded"),
    (403, "refused", "tool_not_allowed", "tool_not_allowed"),
    (400, "failed", None, None),
    (502, "failed", "provider_error", "upstream_server_error"),
    (504, "failed", "upstream_timeout", "upstream_timeout"),
    (499, "client_left", None, None),
    (403, "refused", "virtual_key_revoked", "virtual_key_revoked"),
)
_WEIGHTS = (950_000, 20_000, 3_000, 10_000, 8_000, 3_000, 5_990, 10)


def main(url: str, requests: int = 2_000_000) -> None:
    """Fills the database at a URL."""
    engine, dice, began = open_engine(url), random.Random(7), time.time()  # noqa: S311 - made-up data
    upgrade(engine)
    step = _DAYS * 86_400 / requests
    for done in range(0, requests, _BATCH):
        moments = (began - _DAYS * 86_400 + step * number for number in range(done, min(done + _BATCH, requests)))
        batch = [_entry(dice, moment) for moment in moments]
        with writing(engine) as connection:
            insert_entries(connection, batch, FAST)
    print(f"{requests} requests in {time.time() - began:.0f} s")


def _attempts(dice: random.Random, provider: str, model: str, status: int, took: int) -> tuple[AttemptRecord, ...]:
    last = "ok" if status in (200, 499) else str(status)
    if dice.random() < 0.97:
        return (AttemptRecord(provider, model, last, 0, took // 4),)
    return (
        AttemptRecord("azure", model, "503", 0, took // 9),
        AttemptRecord(provider, model, last, took // 9, took // 4),
    )


def _entry(dice: random.Random, moment: float) -> DecisionRecord:
    key, person = min(int(dice.expovariate(1 / 120)), 999), dice.randrange(20_000)
    provider, model = _MODELS[dice.randrange(len(_MODELS))]
    tokens, cost, month = dice.randrange(50, 9_000), dice.randrange(10_000, 40_000_000), Window("month").span(moment).id
    status, outcome, type_, code = dice.choices(_FATES, _WEIGHTS)[0]
    took = int(dice.lognormvariate(7, 0.9))
    tried = () if outcome == "refused" else _attempts(dice, provider, model, status, took)
    cost = 0 if status >= 400 else cost
    return DecisionRecord(
        request_id=f"grq_{ids.ulid()}",
        occurred_at=int(moment * 1_000_000),
        virtual_key=f"key-{key}",
        principal=f"person-{key % 300}@example.com",
        project=f"project-{key % 40}",
        team=f"team-{key % 12}",
        organization="acme",
        end_user=f"user-{person}",
        provider=provider,
        provider_type=provider,
        model=model,
        model_asked=model,
        endpoint="chat_completions",
        status=status,
        outcome=outcome,
        error_type=type_,
        error_code=code,
        denied_by="key:rpm:request" if status == 429 else None,
        trace_id=ids.trace_id(),
        span_id=ids.span_id(),
        streaming=bool(tokens % 3),
        model_source="provider_type",
        body="identical",
        duration_ms=took if tried else 1,
        first_byte_ms=took // 4 if tried else None,
        first_token_ms=took // 3 if tried and tokens % 3 else None,
        attempts=tried,
        usage=Usage(input_tokens=tokens, output_tokens=tokens // 8) if cost else None,
        cost_nano_usd=cost,
        price={"input": 250, "output": 2000},
        price_source="genai-prices",
        revision="0123456789ab",
        budgets=()
        if not cost
        else (
            Charge(f"budget:company:organization=acme:month={month}", cost),
            Charge(f"budget:people:organization=acme:month={month}:each_end_user=user-{person}", cost),
        ),
    )


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
