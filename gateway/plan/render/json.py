"""A plan for machines: one JSON object; moments are RFC 3339."""

import msgspec

from gateway.plan.plan import Plan


def json(plan: Plan) -> str:
    """The plan."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=2).decode()
