"""Anthropic's Messages as providers speak it: Anthropic itself, and Claude on other clouds."""

from typing import Final

from gateway.lanes.carried_tools import ToolForms
from gateway.lanes.messages.read_answer import MessageEvents, read_answer
from gateway.lanes.messages.target_table import TARGET
from gateway.lanes.messages.write_request import write_request
from gateway.lanes.sides import ProviderSide

PROVIDER: Final = ProviderSide(
    name="anthropic",
    table=TARGET,
    write_request=write_request,
    read_answer=read_answer,
    read_stream=MessageEvents,
    forms=ToolForms(longest_name=128),
    adds_budget=True,
)
"""The side."""
