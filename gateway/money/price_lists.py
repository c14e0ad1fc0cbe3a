"""Whose list of the catalogue counts at a provider: its address says it, or the file does.

The catalogue `genai-prices` has one list for each seller, and a pattern of the addresses at which that one is asked.
The package is imported when the first question is asked: it takes some time and memory.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

NO_LIST: Final = "none"
"""What the file writes for a provider to which no list applies."""

_MAKERS: Final[Mapping[str, str]] = {
    "openai": "openai",
    "azure": "azure",
    "anthropic": "anthropic",
    "bedrock": "aws",
    "gemini": "google",
    "vertex": "google",
}
"""The list of each type of provider, at its own endpoint and where nobody knows the address."""


class Seller(NamedTuple):
    """Whose prices count at a provider.

    `lists` are asked in turn, the first that knows a model counts. `own` is the list of the seller who is asked, `None`
    where nobody knows him: prices out of another's are marked. `by_last_segment`: where the whole name of a model
    is not known, so may be what follows its last slash, as in `models/gemini-2.5-pro` or in the ARN of a profile.
    """

    lists: tuple[str, ...] = ()
    own: str | None = None
    by_last_segment: bool = False


@dataclass(frozen=True)
class Resale:
    """Models of a maker that a seller sells at the price of the maker's own list."""

    seller: str
    maker: str
    models: str


RESALES: Final = (
    Resale("azure", "openai", r"^(?!.*oss)"),
    Resale("azure", "anthropic", r"claude"),
    Resale("google", "anthropic", r"claude"),
)
"""By whose pages:

- Microsoft sells OpenAI's own models at OpenAI's list in global deployments
  (https://azure.microsoft.com/pricing/details/cognitive-services/openai-service), those with open weights at its own.
- Microsoft's Claude costs Anthropic's list
  (https://platform.claude.com/docs/en/build-with-claude/claude-in-microsoft-foundry), and so does Google's in global
  endpoints (https://platform.claude.com/docs/en/about-claude/pricing).
"""


def seller_of(provider_type: str, address: str | None, prices_of: str | Sequence[str] | None = None) -> Seller:
    """Whose prices count at a provider of a type, at an address of its own if it has one.

    Args:
        provider_type: As the file calls it.
        address: The base URL that the file states.
        prices_of: The lists that the file names, `none` for no list at all; `None` where it leaves that to the address.
    """
    maker = _MAKERS.get(provider_type)
    own = maker if address is None else list_at(address) or maker
    by_last_segment = maker is not None
    if prices_of is None:
        return Seller(() if own is None else (own,), own, by_last_segment)
    named = (prices_of,) if isinstance(prices_of, str) else tuple(prices_of)
    return Seller(tuple(one for one in named if one != NO_LIST), own, by_last_segment)


@lru_cache(maxsize=1024)
def list_at(address: str) -> str | None:
    """The list of the seller who is asked at a URL, `None` where no pattern of the catalogue knows it."""
    from genai_prices.data import providers  # noqa: PLC0415 - see the module's docstring

    try:
        parts = urlsplit(address.lower())
    except ValueError:
        return None
    origin = f"{parts.scheme}://{parts.hostname or ''}"
    for one in providers:
        asked = origin + parts.path if _has_path(one.api_pattern) else origin
        if re.match(rf"(?:{one.api_pattern}){_WHOLE}", asked) is not None:
            return one.id
    return None


_WHOLE: Final = r"(?:(?<=/)|(?=/)|\Z|(?<=\.)[^./]+\Z)"
"""What has to follow a pattern: patterns say how an address begins, and `api.openai.com.example` is another's. One that
ends in a dot leaves the country to the address."""

_NO_PATH: Final = re.compile(r"://|\[\^/\]|\((?:\?:)?/\|\$\)")
"""The slashes of a pattern that are not those of a path."""


def _has_path(pattern: str) -> bool:
    """Whether a pattern goes beyond the host; what is anything in the others is not anything in a path."""
    return "/" in _NO_PATH.sub("", pattern)


def list_names() -> tuple[str, ...]:
    """Every list that the catalogue has."""
    from genai_prices.data import providers  # noqa: PLC0415 - see the module's docstring

    return tuple(one.id for one in providers)
