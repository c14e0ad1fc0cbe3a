"""What an apply has to be told to do, and what nothing makes it do. They never hide a plan: they are part of it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from gateway.config.sections.access import Access
from gateway.plan.change import Drift, ResourceChange
from gateway.plan.live import LiveResource
from gateway.plan.plan import Guard, Plan
from gateway.plan.words import count, names

FEWEST: Final = 3
"""Deleting fewer of a kind than this is never stopped for the number alone."""
_SHARE, _OF = 3, 10


class Allowed(msgspec.Struct, frozen=True):
    """What whoever applies has said.

    Args:
        delete: How many may be deleted.
        empty: Whether everything may be.
        discard_outside_edits: Whether what was changed outside the file may be overwritten.
        no_widen: Nothing may widen access.
        no_refuse_traffic: No traffic of today may be refused.
    """

    delete: int = 0
    empty: bool = False
    discard_outside_edits: bool = False
    no_widen: bool = False
    no_refuse_traffic: bool = False


def guards(
    changes: Sequence[ResourceChange], managed: Sequence[LiveResource], drift: Sequence[Drift]
) -> Iterator[Guard]:
    """Every guard that a set of changes meets."""
    deleted = [one for one in changes if "delete" in one.actions]
    protected = {one.resource.address for one in managed if one.protected}
    if kept := [one.address for one in deleted if one.address in protected]:
        text = f"{names(kept)} {'is' if len(kept) == 1 else 'are'} protected: first apply `protected: false`"
        yield Guard("protected", text, kept)
    owned = Counter(one.resource.kind for one in managed)
    lost = Counter(one.kind for one in deleted)
    many = [kind for kind in lost if lost[kind] >= FEWEST and lost[kind] * _OF > owned[kind] * _SHARE]
    if many:
        shares = ", ".join(f"{lost[kind]} of {owned[kind]} {kind}" for kind in sorted(many))
        text = f"it deletes {shares}"
        yield Guard("delete", text, [one.address for one in deleted], f"--allow-delete {len(deleted)}")
    if managed and len(deleted) == len(managed):
        everything = [one.address for one in deleted]
        yield Guard("empty", f"it deletes all that its owner has: {names(everything)}", everything, "--allow-empty")
    overwritten = [one for one in drift if one.effect == "overwritten"]
    if changes and overwritten:
        edited = [*dict.fromkeys(one.address for one in overwritten)]
        text = f"it overwrites {count(len(overwritten), 'change')} made outside the file: {names(edited)}"
        yield Guard("outside_edits", text, edited, "--discard-outside-edits")
    if wide := [one.address for one in changes if one.access in (Access.WIDENS, Access.MAY_WIDEN)]:
        text = f"{count(len(wide), 'change')} {'widens' if len(wide) == 1 else 'widen'} access, or may"
        yield Guard("widen", text, wide, "--no-widen", only_if_asked=True)
    refused = [one.address for one in changes if any(follows.refuses_traffic for follows in one.consequences)]
    if refused:
        text = f"{count(len(refused), 'change')} {'refuses' if len(refused) == 1 else 'refuse'} traffic of today"
        yield Guard("refuse_traffic", text, refused, "--no-refuse-traffic", only_if_asked=True)


def refusals(plan: Plan, allowed: Allowed) -> list[str]:
    """Why a plan may not be applied by somebody who has said this much; empty: it may."""
    return [said for guard in plan.requires if (said := _refusal(guard, plan, allowed)) is not None]


def _refusal(guard: Guard, plan: Plan, allowed: Allowed) -> str | None:
    asked = {"widen": allowed.no_widen, "refuse_traffic": allowed.no_refuse_traffic}
    if guard.only_if_asked:
        return f"{guard.text} ({guard.flag})" if asked[guard.code] else None
    meant = {
        "delete": plan.summary.delete <= allowed.delete,
        "empty": allowed.empty,
        "outside_edits": allowed.discard_outside_edits,
    }
    if guard.code in meant:
        return None if meant[guard.code] else f"{guard.text}; if that is meant, say {guard.flag}"
    return guard.text
