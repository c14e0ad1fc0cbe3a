"""OpenAI's Responses as providers speak it: OpenAI and Azure."""

from typing import Final

from gateway.lanes.carried_tools import ToolForms
from gateway.lanes.responses.read_answer import ResponseEvents, read_answer
from gateway.lanes.responses.target_parameters import TARGET_TABLE
from gateway.lanes.responses.write_request import write_request
from gateway.lanes.sides import ProviderSide

PROVIDER: Final = ProviderSide(
    name="openai responses",
    table=TARGET_TABLE,
    write_request=write_request,
    read_answer=read_answer,
    read_stream=ResponseEvents,
    forms=ToolForms(has_custom=True),
)
"""The side."""
