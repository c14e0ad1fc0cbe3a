"""Whose request, response, error and event forms an API uses."""

import enum


class Vendor(enum.StrEnum):
    """The company that published the API."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    AMAZON = "amazon"
    GOOGLE = "google"
