"""Amazon Bedrock's Converse as providers speak it."""

from typing import Final

from gateway.lanes.converse.parameters import TARGET
from gateway.lanes.converse.read_answer import AnswerStream, read_answer, read_error
from gateway.lanes.converse.write_request import write_request
from gateway.lanes.sides import ProviderSide

PROVIDER: Final = ProviderSide(
    name="bedrock converse",
    table=TARGET,
    write_request=write_request,
    read_answer=read_answer,
    read_stream=AnswerStream,
    read_error=read_error,
)
"""The side."""
