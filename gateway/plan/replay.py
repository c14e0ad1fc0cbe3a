"""What a plan would have meant for the requests of the last days, kept without their bodies."""

from collections.abc import Iterator

import msgspec

from gateway.money.nano_usd import shown
from gateway.plan.words import count

SHOWN = 50
"""How many differences a plan lists; all of them are counted."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Requests of one key for one model that would go another way. `before` and `after` are a target or a refusal."""

    virtual_key: str
    model_asked: str
    endpoint: str
    requests: int
    before: str
    after: str
    refused: bool
    """Refused from now on, and answered before."""


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """The requests of a period under both configurations.

    Costs are nano-USD at list prices, for requests that both answer; prices for long prompts and what policy rules find
    in bodies are left out, since bodies are not kept: but for what rules and limits have warned of, which are refused
    where these are enforced.
    """

    days: int
    requests: int
    rerouted: int
    refused: int
    admitted: int
    cost_before: int
    cost_after: int
    differences: list[Difference]
    left_out: int
    warned: int = 0
    """Answered by both, though a rule that only warns would refuse them, of which none did before."""


def told(replay: Replay) -> Iterator[str]:
    """The replay in lines."""
    period = "day" if replay.days == 1 else f"{replay.days} days"
    warned = f"{replay.warned:,} are warned of now, " if replay.warned else ""
    yield (
        f"Replay of {count(replay.requests, 'request')} of the last {period}: "
        f"{replay.rerouted:,} go elsewhere, {replay.refused:,} are refused now, {warned}"
        f"{replay.admitted:,} are answered now; "
        f"list cost {shown(replay.cost_before)} -> {shown(replay.cost_after)}"
    )
    for one in replay.differences:
        what = f"{one.virtual_key} asking for {one.model_asked} ({one.endpoint})"
        yield f"  {count(one.requests, 'request')} of {what}: {one.before} -> {one.after}"
    if replay.left_out:
        yield f"  and {replay.left_out:,} more"
