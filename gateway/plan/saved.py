"""The plan file: what `plan --out` writes and `apply FILE` takes.

It is the plan as JSON, and beside it what the control plane sealed for itself: the desired side with its secrets, which
nobody else can read. A plan that was changed by hand is refused.
"""

import hashlib
from typing import Any, Final

import msgspec

from gateway.clock import moment_at
from gateway.plan.plan import FORMAT_VERSION, LASTS, Plan

_MAJOR: Final = FORMAT_VERSION.partition(".")[0]
_HEAD = msgspec.json.Decoder(dict[str, Any])
_PLAN = msgspec.json.Decoder(Plan)


class SavedPlan(msgspec.Struct, frozen=True):
    """A plan, and its sealed desired side."""

    plan: Plan
    sealed: str


class PlanFileError(ValueError):
    """A file is no plan that can be used; the message says why."""


def written(saved: SavedPlan) -> bytes:
    """The content of the file."""
    members = msgspec.to_builtins(saved.plan)
    return msgspec.json.format(msgspec.json.encode({**members, "sealed": saved.sealed}), indent=1) + b"\n"


def read(content: bytes) -> SavedPlan:
    """What a file holds. Raises `PlanFileError`."""
    try:
        members = _HEAD.decode(content)
    except (msgspec.DecodeError, RecursionError):
        raise PlanFileError("this is no plan: it is not a JSON object") from None
    version = members.get("format_version")
    if not isinstance(version, str) or not isinstance(members.get("sealed"), str):
        raise PlanFileError("this is no plan: `gateway plan --out FILE` writes one")
    if version.partition(".")[0] != _MAJOR:
        raise PlanFileError(f"this plan has the format {version}; this gateway reads {FORMAT_VERSION}: make it anew")
    try:
        return SavedPlan(_PLAN.decode(content), members["sealed"])
    except msgspec.DecodeError as error:
        raise PlanFileError(f"this plan is damaged: {error}") from None


def kept(members: Any) -> Plan:
    """A plan that was applied, as the database keeps it, by this version or by one before.

    Raises `msgspec.ValidationError` for a form that is not known.
    """
    if isinstance(members, dict) and members.get("format_version") == "1.0":
        members = _of_format_1(members)
    return msgspec.convert(members, Plan)


def _of_format_1(members: dict[str, Any]) -> dict[str, Any]:
    """Its moments are microseconds since the epoch, and what follows from others is not said."""
    made = moment_at(members["created_at"])
    as_of = members["as_of"]
    drift = [{**one, "changed_at": moment_at(one["changed_at"])} for one in members["drift"]]
    followed = {
        "expires_at": made + LASTS,
        "applyable": bool(members["resource_changes"]) and not members["errors"],
        "complete": not members["targets"],
    }
    moments = {"created_at": made, "as_of": None if as_of is None else moment_at(as_of), "drift": drift}
    return {**members, **moments, **followed}


def fingerprint(plan: Plan) -> str:
    """SHA-256 over all that a plan says; it is sealed with the desired side, so that what is shown is what was made."""
    return hashlib.sha256(msgspec.json.encode(plan, order="sorted")).hexdigest()
