"""Do the policy rules let the request's tools, MCP servers and URLs pass?"""

from gateway.errors import GatewayError
from gateway.pipeline.exchange import Exchange

_SWITCHED_OFF = (None, b"null", b"false")


def judge(exchange: Exchange) -> None:
    """Raises `tool_not_allowed` or `url_not_allowed`; does no work where the key has no rule.

    Raises `unsupported_parameter` for what the API has and the gateway does not serve.
    """
    key, body = exchange.key, exchange.body
    assert key is not None  # noqa: S101 - `authenticate` came before
    assert body is not None  # noqa: S101 - the body was read before
    shape, rules = exchange.endpoint.shape, key.judge
    for name, reason in shape.declares.refused.items():
        if body.raw(name) not in _SWITCHED_OFF:
            raise GatewayError("unsupported_parameter", reason, param=name)
    if rules.has_declarations:
        rules.check_declarations(shape, body)
    if rules.has_urls:
        rules.check_urls(body.urls(), body.path_at)
