"""Cases against a snapshot: what was expected, what there is."""

import difflib
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.money.budget import applies
from gateway.money.nano_usd import to_usd
from gateway.pipeline.explain import Explanation, explain, way
from gateway.policy_tests.cases import Case, Expectation
from gateway.shapes.endpoints import ENDPOINTS, Endpoint
from gateway.snapshot.snapshot import Snapshot


class Mismatch(msgspec.Struct, frozen=True):
    """One thing that is not as expected; the place is that of what is at fault, where it is not the case's own."""

    what: str
    expected: str
    got: str
    file: str | None = None
    line: int | None = None


class Result(msgspec.Struct, frozen=True):
    """What came of one case; `problem` says why it could not be judged."""

    name: str
    line: int
    mismatches: list[Mismatch]
    problem: str | None = None

    @property
    def passed(self) -> bool:
        """Whether everything is as expected."""
        return not self.mismatches and self.problem is None


def judge(case: Case, line: int, snapshot: Snapshot) -> Result:
    """Judges one case."""
    endpoint = next((one for one in ENDPOINTS.values() if one.path == case.endpoint), None)
    if endpoint is None:
        paths = ", ".join(one.path for one in ENDPOINTS.values())
        return Result(case.name, line, [], f"{case.endpoint} is no endpoint; there are {paths}")
    body = msgspec.json.encode(_body(case))
    try:
        told = explain(snapshot, case.key, endpoint, body)
    except KeyError:
        return Result(case.name, line, [], f"there is no virtual key named {case.key!r}{_meant(case.key, snapshot)}")
    return Result(case.name, line, list(_mismatches(case.expect, told, snapshot, endpoint, body)))


def _body(case: Case) -> dict[str, Any]:
    usual: dict[str, Any] = {} if case.model is None else {"model": case.model}
    body = {**usual, **case.request}
    return body if "messages" in body or "input" in body or "prompt" in body else {**body, "messages": []}


def _mismatches(
    expect: Expectation, told: Explanation, snapshot: Snapshot, endpoint: Endpoint, body: bytes
) -> Iterator[Mismatch]:
    refusal = next((one for one in told.verdicts if one.verdict != "passes"), None)
    if expect.refused is not None:
        if refusal is None:
            yield Mismatch("refused", "a refusal", f"it goes to {_route(told)[0]}")
            return
        for what, wanted, got in (
            ("status", expect.refused.status, refusal.status),
            ("type", expect.refused.type, refusal.type),
            ("param", expect.refused.param, refusal.param),
        ):
            if wanted is not None and wanted != got:
                yield Mismatch(f"refused.{what}", str(wanted), f"{got} ({refusal.verdict})")
        words = expect.refused.message_contains
        if words is not None and words not in refusal.verdict:
            yield Mismatch("refused.message_contains", words, refusal.verdict)
        return
    goes_somewhere = {"route", "provider", "model", "body", "params_dropped", "price"} & expect.model_fields_set
    if goes_somewhere and refusal is not None:
        yield Mismatch("refused", "that it goes somewhere", refusal.verdict)
        return
    first = told.candidates[0] if told.candidates else None
    facts: tuple[tuple[str, Any, Any], ...] = (
        ("route", expect.route, _route(told)),
        ("provider", expect.provider, first and first.provider),
        ("model", expect.model, first and first.model),
        ("body", expect.body, first and first.body),
        (
            "params_dropped",
            expect.params_dropped and sorted(expect.params_dropped),
            first and sorted(first.params_dropped),
        ),
        ("warnings", expect.warnings and sorted(expect.warnings), sorted(told.warnings)),
        ("cache_mode", expect.cache_mode, told.cache_mode),
        ("budgets", expect.budgets and sorted(expect.budgets), _budgets(told, snapshot)),
    )
    for what, wanted, got in facts:
        if what in expect.model_fields_set and (wanted or []) != (got or []):
            yield Mismatch(what, _text(wanted), _text(got))
    if expect.price is not None:
        yield from _price(expect, told, snapshot, endpoint, body)


def _price(
    expect: Expectation, told: Explanation, snapshot: Snapshot, endpoint: Endpoint, body: bytes
) -> Iterator[Mismatch]:
    price = way(snapshot, told.virtual_key, endpoint, body).price
    rates = None if price is None else price.rates_at(0)
    for name in ("input", "output"):
        rate: int | None = getattr(rates, name, None)
        wanted = getattr(expect.price, f"{name}_usd_per_mtok")
        got = None if rate is None else to_usd(rate)
        if wanted is not None and (got is None or wanted != type(wanted)(got)):
            yield Mismatch(f"price.{name}_usd_per_mtok", str(wanted), got or "no price")


def _route(told: Explanation) -> list[str]:
    return [f"{one.provider}/{one.model}" for one in told.candidates]


def _budgets(told: Explanation, snapshot: Snapshot) -> list[str]:
    who = snapshot.key_named(told.virtual_key).attribution.of_key(told.virtual_key)
    return sorted(one.name for one in snapshot.budgets if applies(one, who))


def _meant(name: str, snapshot: Snapshot) -> str:
    close = difflib.get_close_matches(name, snapshot.names, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _text(value: Any) -> str:
    return ", ".join(value) or "none" if isinstance(value, list) else str(value)
