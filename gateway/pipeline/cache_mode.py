"""What shall happen to prompt-caching marks in the body?"""

from gateway.errors import GatewayError
from gateway.pipeline.exchange import Exchange

_ENFORCED = (b"respect",)


def cache_mode(exchange: Exchange) -> None:
    """Takes the mode from `X-LangWatch-Cache`; raises `cache_override_invalid` for what cannot be done."""
    asked = exchange.header_map.get(b"x-langwatch-cache")
    if asked is not None and asked.strip().lower() not in _ENFORCED:
        raise GatewayError(
            "cache_override_invalid",
            "X-LangWatch-Cache may be `respect` here; this version does not rewrite cache marks.",
            param="X-LangWatch-Cache",
        )
    exchange.cache_mode = "respect"
