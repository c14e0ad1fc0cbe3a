"""Anthropic's Messages API, as clients and as providers speak it."""
