"""What a client is told whose request a budget has no room for: what would be held, of what that is, what would fit."""

import math
from collections.abc import Callable
from typing import NamedTuple

from gateway import clock
from gateway.errors import Denial, GatewayError
from gateway.money.budget import amount_shown
from gateway.money.nano_usd import to_usd
from gateway.pipeline.states import BudgetHold
from gateway.shapes.shape import Shape
from gateway.wire.request_body import RequestBody

_LONGEST_WAIT_S = 60
_NEVER = "never"
_ASSUMED = "assumed_output_tokens"


class AnswerAtMost(NamedTuple):
    """What the answers of a request may have, and cost.

    `stated` is the limit that the request sets on each of them, `tokens` that or what is assumed in its place. `cost`
    is what the whole request costs at most in nano-USD, if each answer has so many tokens.
    """

    shape: Shape
    body: RequestBody
    stated: int | None
    tokens: int
    cost: Callable[[int], int]

    @property
    def limit_name(self) -> str:
        """What the request calls its limit, or may call it."""
        names = self.shape.declares.output_caps
        return next((name for name in names if self.body.raw(name) is not None), names[0] if names else "")

    def most_that_fits(self, room: int) -> int | None:
        """The largest limit with which the request costs no more than `room`; `None` where none is small enough."""
        if self.cost(1) > room:
            return None
        fits, too_many = 1, self.tokens
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            if self.cost(middle) <= room:
                fits = middle
            else:
                too_many = middle
        return fits


def over_budget(hold: BudgetHold, taken: int, now: float, answer: AnswerAtMost | None) -> GatewayError:
    """The refusal of a request that would hold more of a budget than is left.

    Args:
        hold: What does not fit.
        taken: What is spent, and held by others, in the unit of the budget.
        now: Seconds since the epoch.
        answer: What the answers of the request may cost, if that is known.
    """
    compiled, resets_at = hold.budget, hold.limit.resets_at
    ends = _NEVER if resets_at is None else clock.iso(resets_at)
    room = max(hold.limit.ceiling - taken, 0)
    unit = compiled.unit
    words, told = ("", {}) if answer is None or unit != "usd" else _of_answer(answer, room)
    kept = f" less ${to_usd(compiled.margin)} that it keeps back" if compiled.margin else ""
    limit, left, held = (
        amount_shown(unit, one) for one in (hold.limit.ceiling + (compiled.margin or 0), room, hold.amount)
    )
    are = "is" if unit == "requests" and room == 1 else "are"
    return GatewayError(
        "budget_exceeded",
        f"The budget {compiled.name} of the {compiled.scope.kind} {compiled.scope.value} has no room for this request: "
        f"{limit}{kept} in one {compiled.window.kind} window, of which {left} {are} left and "
        f"this request may take {held};{words} it starts anew: {ends}."
        f"{f' {compiled.message}' if compiled.message else ''}",
        param=answer.limit_name if answer is not None and told else None,
        headers={} if resets_at is None else retry_after(max(1, math.ceil(resets_at - now))),
        meta={
            "budget": compiled.name,
            "scope": f"{compiled.scope.kind}:{compiled.scope.value}",
            "window": compiled.window.kind,
            "resets_at": None if resets_at is None else ends,
            **{
                name: value
                for name, value in (
                    ("each", compiled.each),
                    ("provider", compiled.provider),
                    ("model", compiled.model),
                    ("endpoint", compiled.endpoint),
                )
                if value is not None
            },
            f"left_{unit}": to_usd(room) if unit == "usd" else room,
            f"held_{unit}": to_usd(hold.amount) if unit == "usd" else hold.amount,
            **told,
        },
        denial=Denial("budget", compiled.scope.kind, compiled.name),
    )


def _of_answer(answer: AnswerAtMost, room: int) -> tuple[str, dict[str, object]]:
    """How much of the hold is the answer's, and the limit with which the request would have passed."""
    prompt = answer.cost(0)
    if not answer.limit_name or answer.cost(answer.tokens) == prompt:
        return "", {}
    name, fits = answer.limit_name, answer.most_that_fits(room)
    limit = f"`{name}` {answer.tokens}" if answer.stated else f"no `{name}`, so that {answer.tokens} are assumed"
    told: dict[str, object] = {
        "prompt_usd": to_usd(prompt),
        "output_tokens": answer.tokens,
        "output_tokens_from": name if answer.stated else _ASSUMED,
        "output_tokens_that_fit": fits,
    }
    would = "no limit of the output would do" if fits is None else f"with `{name}` of at most {fits} it has room"
    return f" its prompt costs ${to_usd(prompt)} at most, and it has {limit}: {would};", told


def retry_after(wait_s: int) -> dict[str, str]:
    """When to come back, if that is soon: coding agents sleep whatever it says, in silence, be it for hours."""
    return {"retry-after": str(wait_s)} if wait_s <= _LONGEST_WAIT_S else {}
