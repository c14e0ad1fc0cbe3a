"""How much may pass of what a selector matches, whoever sends it."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from gateway.config.sections.access import NO_MATTER, UNKNOWN
from gateway.config.sections.base import Description, Managed, ModelGlob, Name, RateLimits, Section
from gateway.config.sections.marks import MODEL_ITSELF, TAG_ITSELF, TOLD_ITSELF, Refers
from gateway.config.sections.names import PrintableName
from gateway.money.budget import Each
from gateway.shapes.endpoints import ENDPOINTS


def _known(name: str) -> str:
    if name not in ENDPOINTS:
        msg = f"there is no endpoint {name!r}: write one of {', '.join(ENDPOINTS)}"
        raise ValueError(msg)
    return name


class LimitMatch(Section):
    """Which requests a set of limits is for: those that everything matches which is said here."""

    example: ClassVar[str] = """
        limits:
          search: {match: {team: search, endpoint: embeddings}, concurrency: 20}
    """

    team: Annotated[PrintableName | None, Refers("teams")] = Field(None, description="One of `teams`.")
    project: Annotated[PrintableName | None, Refers("projects")] = Field(None, description="One of `projects`.")
    principal: Annotated[PrintableName | None, Refers("principals")] = Field(None, description="One of `principals`.")
    virtual_key: Annotated[Name | None, Refers("virtual_keys")] = Field(None, description="One of `virtual_keys`.")
    tag: Annotated[str | None, TAG_ITSELF] = Field(None, description="A tag that the virtual key carries.")
    model: Annotated[ModelGlob | None, MODEL_ITSELF] = Field(
        None, description="A glob on the resolved model, as `model` or `provider/model`; asked again on fallback."
    )
    endpoint: Annotated[str | None, AfterValidator(_known), WithJsonSchema({"enum": [*ENDPOINTS]})] = Field(
        None, description="An endpoint: `chat_completions`, `messages`, `embeddings`."
    )
    end_user: Annotated[str | None, Field(min_length=1, max_length=256), TAG_ITSELF] = Field(
        None, description="The id of an end user, as the request names one."
    )


class Limits(Managed, RateLimits):
    """Rate limits of what a selector matches, beside those of keys and providers."""

    example: ClassVar[str] = """
        limits:
          opus: {match: {model: "*opus*"}, each: principal, rpm: 10, tpm: 400000, message: "Ask #ai for more."}
          trials: {match: {tag: trial}, concurrency: 5, mode: warn}
    """

    match: Annotated[LimitMatch, UNKNOWN] = Field(
        LimitMatch(), description="Which requests count; what is left out matches all."
    )
    each: Annotated[Each | None, UNKNOWN] = Field(
        None,
        description="Gives each one a limit of their own, in place of one for all together. A request of nobody counts "
        "under its key.",
    )
    message: Annotated[str | None, Field(min_length=1, max_length=500), TOLD_ITSELF, NO_MATTER] = Field(
        None, description="What a client is told beside the refusal: whom to ask, where to read."
    )
    description: Description = Field(None, description="What the limits are for, for people.")

    @model_validator(mode="after")
    def _limits_something(self) -> "Limits":
        if self.rpm is self.rpd is self.tpm is self.concurrency is None:
            msg = "a set of limits has at least one of rpm, rpd, tpm and concurrency"
            raise ValueError(msg)
        return self
