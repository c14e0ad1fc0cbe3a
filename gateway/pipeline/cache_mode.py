"""What shall happen to prompt-cache marks in the body?"""

from gateway.errors import GatewayError
from gateway.pipeline.exchange import Exchange

_MODES = ("respect", "disable", "force")


def cache_mode(exchange: Exchange) -> None:
    """Takes the mode from `X-LangWatch-Cache`, else from the key; raises `cache_override_invalid` for what is none."""
    assert exchange.key is not None  # noqa: S101 - `authenticate` came before
    asked = exchange.header_map.get(b"x-langwatch-cache")
    if asked is None:
        exchange.cache_mode = exchange.key.cache_mode
        return
    mode = asked.strip().lower().decode("latin-1")
    if mode not in _MODES:
        raise GatewayError(
            "cache_override_invalid",
            f"X-LangWatch-Cache is one of {', '.join(_MODES)}.",
            param="X-LangWatch-Cache",
        )
    exchange.cache_mode = mode
