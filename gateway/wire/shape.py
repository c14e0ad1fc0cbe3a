"""The API shapes that a client can speak and a provider can serve."""

import enum


class Shape(enum.StrEnum):
    """Whose request, response, error and event forms an endpoint uses."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
