"""The form of a virtual key: `lw_vk_{live|test}_{ULID}`, 37 characters."""

import re
from collections.abc import Mapping
from typing import Final

ENVIRONMENTS: Final = ("live", "test")
PREFIX: Final = "lw_vk_"
PREFIX_OF: Final[Mapping[str, str]] = {environment: f"{PREFIX}{environment}_" for environment in ENVIRONMENTS}
"""How the keys of each environment begin."""

_FORM = re.compile(r"lw_vk_(live|test)_[0-7][0-9A-HJKMNP-TV-Z]{25}")


def environment_of(secret: str) -> str | None:
    """`live` or `test`, `None` for what is not a virtual key."""
    match = _FORM.fullmatch(secret)
    return match[1] if match is not None else None
