"""The API shapes that a client can speak or a provider can serve; no client speaks Converse."""

import enum


class Shape(enum.StrEnum):
    """Whose request, response, error and event forms an endpoint uses."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    CONVERSE = "converse"
