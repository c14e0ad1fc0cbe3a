"""Do the policy rules let the request's tools, MCP servers and URLs pass?"""

from gateway.pipeline.exchange import Exchange


def judge(exchange: Exchange) -> None:
    """Raises `tool_not_allowed` or `url_not_allowed`; does no work where the key has no rule."""
    key, body = exchange.key, exchange.body
    assert key is not None  # noqa: S101 - `authenticate` came before
    assert body is not None  # noqa: S101 - the body was read before
    rules = key.judge
    if rules.has_declarations:
        rules.check_declarations(body)
    if rules.has_urls:
        rules.check_urls(body.urls(), body.path_at)
