"""A plan for machines: one JSON object."""

import msgspec

from gateway.plan.plan import Plan


def json(plan: Plan) -> str:
    """The plan, with what a reader would have to work out said too."""
    members = msgspec.to_builtins(plan)
    members["applyable"] = not plan.errors and not plan.is_empty
    members["complete"] = plan.is_complete
    return msgspec.json.format(msgspec.json.encode(members), indent=2).decode()
