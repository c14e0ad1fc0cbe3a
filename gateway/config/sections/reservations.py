"""What requests hold of budgets for what they do not state."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gateway.config.sections.base import Section
from gateway.config.sections.virtual_keys import ModelTarget

Tokens = Annotated[int, Field(ge=1, le=10_000_000)]
Calls = Annotated[int, Field(ge=1, le=10_000)]
Pointed = Tokens | Literal["context_window", "refuse"]


class ModelReservation(Section):
    """What is known of one model at one provider."""

    example: ClassVar[str] = """
        reservations:
          models:
            custom-eu/llama-4: {context_window: 131072, max_output_tokens: 8192}
    """

    context_window: Tokens | None = Field(
        None, description="Tokens that a prompt may have at most; omitted: as the catalogue of prices has it."
    )
    max_output_tokens: Tokens | None = Field(
        None, description="Tokens that an answer may have at most, which `max` stands for; omitted: the context window."
    )
    assumed_output_tokens: Tokens | Literal["max"] | None = Field(
        None, description="Overrides the file's `assumed_output_tokens` for this model."
    )


class Reservations(Section):
    """What requests hold of budgets for what they only point at, or allow without saying how much of it."""

    example: ClassVar[str] = "reservations: {stored_tokens: 30000, file_tokens: refuse, tool_calls: 8}"

    stored_tokens: Pointed = Field(
        "context_window",
        description="Tokens of a stored conversation, prompt or cache that a request names: a number, what the "
        "`context_window` of the model lets in, or `refuse` under budgets that block.",
    )
    file_tokens: Pointed = Field(
        "context_window",
        description="Tokens of a file that a request names by its id, or of a document that it names by its URL; as "
        "`stored_tokens`.",
    )
    tool_calls: Calls = Field(
        20, description="Calls of a provider's tool in one answer, where the request does not say how many it allows."
    )
    tool_call_tokens: Annotated[int, Field(ge=0, le=10_000_000)] = Field(
        10_000, description="Tokens that one call of a provider's tool adds to the prompt."
    )
    advisor_calls: Calls = Field(
        3, description="Calls of another model that is declared as a tool, where the request does not say how many."
    )
    picture_tokens: Tokens = Field(16_000, description="Tokens of output of one picture that is made.")
    models: dict[ModelTarget, ModelReservation] = Field({}, description="What is known of models, by `provider/model`.")
