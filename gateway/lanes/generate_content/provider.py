"""Gemini's own API as providers speak it: Google AI and Vertex AI."""

from typing import Final

from gateway.lanes.generate_content.read_answer import ContentEvents, read_answer, read_error
from gateway.lanes.generate_content.target_table import TARGET
from gateway.lanes.generate_content.write_request import write_request
from gateway.lanes.sides import ProviderSide

PROVIDER: Final = ProviderSide(
    name="gemini",
    table=TARGET,
    write_request=write_request,
    read_answer=read_answer,
    read_stream=ContentEvents,
    read_error=read_error,
)
"""The side."""
