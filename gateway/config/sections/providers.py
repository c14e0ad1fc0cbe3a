"""The upstream accounts. One model per provider type; `type` decides which."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.config.sections.base import (
    Credential,
    HeaderText,
    PositiveInt,
    RateLimits,
    SecretDocument,
    Section,
    Shareable,
    Start,
    Times,
)
from gateway.config.sections.request_rules import RequestSection

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=128)]
BaseUrl = Annotated[str, Field(pattern=r"^(https?://[^\s?#]+|\$\{.*)$", max_length=2048)]
PriceList = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
PriceLists = (
    PriceList
    | Annotated[list[PriceList], Field(min_length=1, description="Several lists: the first that knows a model counts.")]
)
_CREDENTIAL = "Write a reference such as `${env:OPENAI_API_KEY}` or `${file:secrets/key}`, never the key itself."


class Timeouts(Section):
    """How long an upstream may take, in milliseconds."""

    connect_ms: PositiveInt = Field(10_000, description="Milliseconds to open a connection, TLS included.")
    first_byte_ms: PositiveInt = Field(
        600_000, description="Milliseconds from sending the request to the first byte of the response."
    )
    idle_ms: PositiveInt = Field(300_000, description="Milliseconds between two pieces of the response body.")


class CircuitBreaker(Section):
    """When a provider that keeps failing is left alone for a while. Failures are 5xx, timeouts and network errors."""

    failures: Annotated[int, Field(ge=1, le=10_000)] = Field(
        10,
        description="So many failures within the window open the circuit, where half of the calls in it failed.",
    )
    window_ms: PositiveInt = Field(30_000, description="The window in which failures are counted, in milliseconds.")
    open_ms: PositiveInt = Field(
        60_000,
        description="Milliseconds for which an open circuit lets nothing through; then one request probes. Requests "
        "that nobody else could answer wait 5 seconds at most.",
    )


class DatedFactor(Section):
    """A multiplier on listed prices, from a day on."""

    times: Times = Field(description="The multiplier, up to three decimal places.")
    from_: Start | None = Field(
        None,
        alias="from",
        description="From when on it holds: a date, whose first second in UTC is meant, or a moment with a zone; "
        "omitted: always. Of those that hold, the last counts.",
    )


class BaseProvider(Shareable):
    """What every provider has, whatever its type."""

    base_url: BaseUrl | None = Field(
        None,
        description="Overrides the endpoint, for example with a private link, a regional host or a test server; "
        "without query and fragment.",
    )
    models: list[str] = Field(
        [], description="Models that this provider serves; a request for one of them needs no prefix and no alias."
    )
    prices_of: PriceLists | None = Field(
        None,
        description="Whose list of the price catalogue counts here, such as `openai`, `azure` or `groq`, where the "
        "address does not say it; `none`: nobody's.",
    )
    price_factor: Times | Annotated[list[DatedFactor], Field(min_length=1)] | None = Field(
        None,
        description="Multiplies what is listed for its models, after all that providers publish, for contracts: 0.9 "
        "for a tenth off. A list has other factors from other days on. Amounts under `prices` stay as they are.",
    )
    rate_limits: RateLimits | None = Field(None, description="What the account may receive in all, whichever keys ask.")
    timeouts: Timeouts = Field(Timeouts(), description="Deadlines of calls to this provider.")
    circuit_breaker: CircuitBreaker = Field(
        CircuitBreaker(), description="When the provider is left alone, on each node for itself."
    )
    request: RequestSection = Field(
        {},
        description="What is done to fields of the requests that go to this provider, by field: "
        "`{temperature: {drop: true}, max_tokens: {max: 8000}, max_completion_tokens: {rename: max_tokens}}`. A dot "
        "leads into an object: `reasoning.effort`. Every other byte stays as the client wrote it.",
    )
    headers: dict[HeaderName, HeaderText] = Field(
        {}, description="Extra request headers, for example a beta switch. They replace a client's header of that name."
    )


class CostStatingProvider(BaseProvider):
    """A provider whose answers may say what they cost."""

    trust_stated_cost: bool = Field(
        False,
        description="Charge what answers state that they cost (`usage.cost` of OpenRouter, `usage.cost.total_cost` of "
        "Perplexity), where they do. A budget that blocks still needs a price to reserve by.",
    )


class OpenAIProvider(CostStatingProvider):
    """OpenAI's own API."""

    type: Literal["openai"] = Field(description="OpenAI's API.")
    api_key: Credential = Field(description=f"The account's key. {_CREDENTIAL}")
    organization: str | None = Field(None, description="Sent as `OpenAI-Organization`.")
    project: str | None = Field(None, description="Sent as `OpenAI-Project`.")


class AnthropicProvider(CostStatingProvider):
    """Anthropic's own API."""

    type: Literal["anthropic"] = Field(description="Anthropic's API.")
    api_key: Credential = Field(description=f"The account's key. {_CREDENTIAL}")


class Entra(Section):
    """Microsoft Entra ID in place of a key; without a secret, Azure's default chain finds who calls."""

    tenant_id: str | None = Field(None, description="The directory of the application; needed with a secret.")
    client_id: str | None = Field(None, description="The application, or the managed identity to use.")
    client_secret: Credential | None = Field(
        None, description=f"The application's secret; omitted: workload or managed identity. {_CREDENTIAL}"
    )
    authority: str | None = Field(
        None, pattern=r"^https://[^\s]+$", description="Another cloud's sign-in host; omitted: the public cloud's."
    )

    @model_validator(mode="after")
    def _secret_is_complete(self) -> "Entra":
        if self.client_secret is not None and (self.tenant_id is None or self.client_id is None):
            msg = "a client_secret belongs to a tenant_id and a client_id"
            raise ValueError(msg)
        return self


class AzureProvider(BaseProvider):
    """Azure OpenAI, in the classic form (deployments and `api-version`) or the v1 form."""

    type: Literal["azure"] = Field(description="Azure OpenAI.")
    base_url: BaseUrl = Field(description="The resource's endpoint: `https://NAME.openai.azure.com`.")
    api_key: Credential | None = Field(None, description=f"The resource's key, sent as `api-key`. {_CREDENTIAL}")
    entra: Entra | None = Field(None, description="Microsoft Entra ID, in place of `api_key`.")
    api_version: str = Field(
        "v1",
        pattern=r"^(v1|preview|latest|\d{4}-\d{2}-\d{2}(-preview)?)$",
        description="`v1` for `/openai/v1/...` URLs, or a dated version such as `2024-10-21` for the classic "
        "`/openai/deployments/NAME/...` URLs.",
    )
    zone: Literal["global", "data_zone", "regional"] = Field(
        "global", description="Where its deployments keep inference, which decides on their price."
    )
    deployments: dict[str, str] = Field(
        {}, description="Model name to deployment name, where they differ. In the v1 form the deployment is the model."
    )

    @model_validator(mode="after")
    def _one_credential(self) -> "AzureProvider":
        if (self.api_key is None) == (self.entra is None):
            msg = "an Azure provider has either api_key or entra"
            raise ValueError(msg)
        return self


class BedrockProvider(BaseProvider):
    """Amazon Bedrock."""

    type: Literal["bedrock"] = Field(description="Amazon Bedrock.")
    region: str = Field(description="The AWS region, for example `eu-central-1`.")
    api_key: Credential | None = Field(
        None, description=f"A Bedrock API key, in place of AWS credentials. {_CREDENTIAL}"
    )
    profile: str | None = Field(None, description="A named AWS profile; omitted: the default credential chain.")
    role_arn: str | None = Field(None, description="A role to assume.")


class GeminiProvider(BaseProvider):
    """Google's Gemini API: its own, and for chat, embeddings and images its OpenAI-compatible endpoint."""

    type: Literal["gemini"] = Field(description="Google's Gemini API.")
    api_key: Credential = Field(description=f"The account's key. {_CREDENTIAL}")


class VertexProvider(BaseProvider):
    """Google Vertex AI."""

    type: Literal["vertex"] = Field(description="Google Vertex AI.")
    project: str = Field(description="The Google Cloud project.")
    location: str = Field(description="The location, for example `europe-west1` or `global`.")
    credentials: SecretDocument | None = Field(
        None, description=f"A service account's JSON; omitted: application default credentials. {_CREDENTIAL}"
    )


class CustomProvider(CostStatingProvider):
    """Any endpoint that speaks the OpenAI API: vLLM, Ollama, Groq, Mistral, OpenRouter, a gateway behind this one."""

    type: Literal["custom"] = Field(description="Any OpenAI-compatible endpoint.")
    base_url: BaseUrl = Field(
        description="The URL that `/chat/completions` is appended to, for example `http://localhost:11434/v1`."
    )
    api_key: Credential | None = Field(
        None, description=f"Sent as `Authorization: Bearer`; omitted: none. {_CREDENTIAL}"
    )
    responses: bool = Field(
        True,
        description="Whether it serves `/v1/responses`. If not, clients of that API, Codex among them, are answered by "
        "`/chat/completions`, translated.",
    )


class SimulatorProvider(BaseProvider):
    """The built-in upstream: both API shapes, no account, no network."""

    type: Literal["simulator"] = Field(description="The built-in simulator.")
    pace_ms: Annotated[int, Field(ge=0, le=60_000)] = Field(
        0, description="Milliseconds between two pieces of a streamed answer."
    )
    latency_ms: Annotated[int, Field(ge=0, le=600_000)] = Field(
        0, description="Milliseconds before the first byte of every answer."
    )


Provider = Annotated[
    OpenAIProvider
    | AnthropicProvider
    | AzureProvider
    | BedrockProvider
    | GeminiProvider
    | VertexProvider
    | CustomProvider
    | SimulatorProvider,
    Field(discriminator="type"),
]
