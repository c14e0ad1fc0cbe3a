"""Addresses of resources: `virtual_keys.dev-migration`, or with a slash, as people type it."""

from typing import Final

KINDS: Final = (
    "trace_collectors",
    "teams",
    "projects",
    "principals",
    "providers",
    "model_aliases",
    "models",
    "policy_rules",
    "key_classes",
    "virtual_keys",
    "budgets",
    "limits",
    "prices",
    "locked_prices",
    "settings",
)
"""Every kind, named as its section of the file; `settings` holds the file's own fields, such as `fallback`."""


def parse_address(text: str) -> tuple[str, str]:
    """Kind and name of `KIND.NAME` or `KIND/NAME`. Raises `ValueError`, saying how an address is written."""
    ends = [place for place in (text.find("."), text.find("/")) if place > 0]
    kind, name = (text[: min(ends)], text[min(ends) + 1 :]) if ends else ("", "")
    if kind not in KINDS or not name:
        raise ValueError(f"{text[:80]!r} is no address; write KIND/NAME, where KIND is one of {', '.join(KINDS)}")
    return kind, name
