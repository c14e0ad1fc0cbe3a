"""The upstream accounts. One model per provider type; `type` decides which."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from gateway.config.sections.access import LIMITS, NO_MATTER, UNKNOWN
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
from gateway.config.sections.marks import MODEL_ITSELF, UNORDERED, CalledElsewhere, Mistaken
from gateway.config.sections.request_rules import RULES_ON_FIELDS, RequestSection

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=128)]
BaseUrl = Annotated[
    str,
    Field(pattern=r"^(https?://[^\s?#]+|\$\{.*)$", max_length=2048),
    Mistaken(r"https?://.*[?#]", "a base URL has no query and no fragment"),
    Mistaken(r"(?!https?://)", "it does not begin with https:// or http://"),
    Mistaken(r".*\s", "there is white space in it"),
]
ProviderUrl = Annotated[BaseUrl, UNKNOWN, CalledElsewhere(("api_base", "url", "endpoint", "host"))]
ApiKey = Annotated[Credential, NO_MATTER, CalledElsewhere(("key", "apiKey", "token"))]
PriceList = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
PriceLists = (
    PriceList
    | Annotated[list[PriceList], Field(min_length=1, description="Several lists: the first that knows a model counts.")]
)
_CREDENTIAL = "Write a reference such as `${env:OPENAI_API_KEY}` or `${file:secrets/key}`, never the key itself."


class Timeouts(Section):
    """How long an upstream may take, in milliseconds."""

    example: ClassVar[str] = """
        providers:
          openai:
            type: openai
            api_key: "${env:OPENAI_API_KEY}"
            timeouts: {connect_ms: 5000, first_byte_ms: 120000, idle_ms: 60000}
    """

    connect_ms: PositiveInt = Field(10_000, description="Milliseconds to open a connection, TLS included.")
    first_byte_ms: PositiveInt = Field(
        600_000, description="Milliseconds from sending the request to the first byte of the response."
    )
    idle_ms: PositiveInt = Field(300_000, description="Milliseconds between two pieces of the response body.")


class CircuitBreaker(Section):
    """When a provider that keeps failing is left alone for a while. Failures are 5xx, timeouts and network errors."""

    example: ClassVar[str] = """
        providers:
          openai:
            type: openai
            api_key: "${env:OPENAI_API_KEY}"
            circuit_breaker: {failures: 5, window_ms: 10000, open_ms: 30000}
    """

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

    example: ClassVar[str] = """
        providers:
          openai:
            type: openai
            api_key: "${env:OPENAI_API_KEY}"
            price_factor: [{times: 0.9}, {from: 2027-01-01, times: 0.85}]
    """

    times: Times = Field(description="The multiplier, up to three decimal places.")
    from_: Start | None = Field(
        None,
        alias="from",
        description="From when on it holds: a date, whose first second in UTC is meant, or a moment with a zone; "
        "omitted: always. Of those that hold, the last counts.",
    )


class BaseProvider(Shareable):
    """What every provider has, whatever its type."""

    base_url: ProviderUrl | None = Field(
        None,
        description="Overrides the endpoint, for example with a private link, a regional host or a test server; "
        "without query and fragment.",
    )
    models: Annotated[list[str], UNORDERED, UNKNOWN, MODEL_ITSELF] = Field(
        [], description="Models that this provider serves; a request for one of them needs no prefix and no alias."
    )
    prices_of: Annotated[PriceLists | None, UNKNOWN] = Field(
        None,
        description="Whose list of the price catalogue counts here, such as `openai`, `azure` or `groq`, where the "
        "address does not say it; `none`: nobody's.",
    )
    price_factor: Annotated[Times | Annotated[list[DatedFactor], Field(min_length=1)] | None, UNKNOWN] = Field(
        None,
        description="Multiplies what is listed for its models, after all that providers publish, for contracts: 0.9 "
        "for a tenth off. A list has other factors from other days on. Amounts under `prices` stay as they are.",
    )
    rate_limits: Annotated[RateLimits | None, LIMITS] = Field(
        None, description="What the account may receive in all, whichever keys ask."
    )
    timeouts: Annotated[Timeouts, NO_MATTER] = Field(Timeouts(), description="Deadlines of calls to this provider.")
    circuit_breaker: Annotated[CircuitBreaker, NO_MATTER] = Field(
        CircuitBreaker(), description="When the provider is left alone, on each node for itself."
    )
    request: Annotated[RequestSection, RULES_ON_FIELDS] = Field(
        {},
        description="What is done to fields of the requests that go to this provider, by field: "
        "`{temperature: {drop: true}, max_tokens: {max: 8000}, max_completion_tokens: {rename: max_tokens}}`. A dot "
        "leads into an object: `reasoning.effort`. Every other byte stays as the client wrote it.",
    )
    headers: Annotated[dict[HeaderName, HeaderText], UNKNOWN] = Field(
        {}, description="Extra request headers, for example a beta switch. They replace a client's header of that name."
    )


class CostStatingProvider(BaseProvider):
    """A provider whose answers may say what they cost."""

    trust_stated_cost: Annotated[bool, UNKNOWN] = Field(
        False,
        description="Charge what answers state that they cost (`usage.cost` of OpenRouter, `usage.cost.total_cost` of "
        "Perplexity), where they do. A budget that blocks still needs a price to reserve by.",
    )


class OpenAIProvider(CostStatingProvider):
    """OpenAI's own API."""

    example: ClassVar[str] = """
        providers:
          openai:
            type: openai
            api_key: "${file:secrets/openai_api_key}"
            headers: {OpenAI-Beta: assistants=v2}
    """

    type: Annotated[Literal["openai"], UNKNOWN] = Field(description="OpenAI's API.")
    api_key: ApiKey = Field(description=f"The account's key. {_CREDENTIAL}")
    organization: Annotated[str | None, UNKNOWN] = Field(None, description="Sent as `OpenAI-Organization`.")
    project: Annotated[str | None, UNKNOWN] = Field(None, description="Sent as `OpenAI-Project`.")


class AnthropicProvider(CostStatingProvider):
    """Anthropic's own API."""

    example: ClassVar[str] = """
        providers:
          anthropic: {type: anthropic, api_key: "${env:ANTHROPIC_API_KEY}"}
    """

    type: Annotated[Literal["anthropic"], UNKNOWN] = Field(description="Anthropic's API.")
    api_key: ApiKey = Field(description=f"The account's key. {_CREDENTIAL}")


class Entra(Section):
    """Microsoft Entra ID in place of a key; without a secret, Azure's default chain finds who calls."""

    example: ClassVar[str] = """
        providers:
          azure:
            type: azure
            base_url: https://NAME.openai.azure.com
            entra: {tenant_id: TENANT, client_id: APPLICATION, client_secret: "${env:AZURE_CLIENT_SECRET}"}
    """

    tenant_id: Annotated[str | None, UNKNOWN] = Field(
        None, description="The directory of the application; needed with a secret."
    )
    client_id: Annotated[str | None, UNKNOWN] = Field(
        None, description="The application, or the managed identity to use."
    )
    client_secret: Annotated[Credential | None, NO_MATTER] = Field(
        None, description=f"The application's secret; omitted: workload or managed identity. {_CREDENTIAL}"
    )
    authority: Annotated[str | None, UNKNOWN] = Field(
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

    example: ClassVar[str] = """
        providers:
          azure-eu:
            type: azure
            base_url: https://example.openai.azure.com
            api_key: "${env:AZURE_OPENAI_API_KEY}"
            deployments: {gpt-5-mini: our-mini}
    """

    type: Annotated[Literal["azure"], UNKNOWN] = Field(description="Azure OpenAI.")
    base_url: ProviderUrl = Field(description="The resource's endpoint: `https://NAME.openai.azure.com`.")
    api_key: ApiKey | None = Field(None, description=f"The resource's key, sent as `api-key`. {_CREDENTIAL}")
    entra: Annotated[Entra | None, UNKNOWN] = Field(None, description="Microsoft Entra ID, in place of `api_key`.")
    api_version: Annotated[str, UNKNOWN] = Field(
        "v1",
        pattern=r"^(v1|preview|latest|\d{4}-\d{2}-\d{2}(-preview)?)$",
        description="`v1` for `/openai/v1/...` URLs, or a dated version such as `2024-10-21` for the classic "
        "`/openai/deployments/NAME/...` URLs.",
    )
    zone: Annotated[Literal["global", "data_zone", "regional"], UNKNOWN] = Field(
        "global", description="Where its deployments keep inference, which decides on their price."
    )
    deployments: Annotated[dict[str, str], UNKNOWN] = Field(
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

    example: ClassVar[str] = """
        providers:
          bedrock: {type: bedrock, region: eu-central-1}
    """

    type: Annotated[Literal["bedrock"], UNKNOWN] = Field(description="Amazon Bedrock.")
    region: Annotated[str, UNKNOWN] = Field(description="The AWS region, for example `eu-central-1`.")
    api_key: ApiKey | None = Field(None, description=f"A Bedrock API key, in place of AWS credentials. {_CREDENTIAL}")
    profile: Annotated[str | None, UNKNOWN] = Field(
        None, description="A named AWS profile; omitted: the default credential chain."
    )
    role_arn: Annotated[str | None, UNKNOWN] = Field(None, description="A role to assume.")


class GeminiProvider(BaseProvider):
    """Google's Gemini API: its own, and for chat, embeddings and images its OpenAI-compatible endpoint."""

    example: ClassVar[str] = """
        providers:
          gemini: {type: gemini, api_key: "${env:GEMINI_API_KEY}"}
    """

    type: Annotated[Literal["gemini"], UNKNOWN] = Field(description="Google's Gemini API.")
    api_key: ApiKey = Field(description=f"The account's key. {_CREDENTIAL}")


class VertexProvider(BaseProvider):
    """Google Vertex AI."""

    example: ClassVar[str] = """
        providers:
          vertex: {type: vertex, project: acme-ml, location: europe-west1}
    """

    type: Annotated[Literal["vertex"], UNKNOWN] = Field(description="Google Vertex AI.")
    project: Annotated[str, UNKNOWN] = Field(description="The Google Cloud project.")
    location: Annotated[str, UNKNOWN] = Field(description="The location, for example `europe-west1` or `global`.")
    credentials: Annotated[SecretDocument | None, NO_MATTER] = Field(
        None, description=f"A service account's JSON; omitted: application default credentials. {_CREDENTIAL}"
    )


class CustomProvider(CostStatingProvider):
    """Any endpoint that speaks the OpenAI API: vLLM, Ollama, Groq, Mistral, OpenRouter, a gateway behind this one."""

    example: ClassVar[str] = """
        providers:
          ollama: {type: custom, base_url: "http://localhost:11434/v1"}
    """

    type: Annotated[Literal["custom"], UNKNOWN] = Field(description="Any OpenAI-compatible endpoint.")
    base_url: ProviderUrl = Field(
        description="The URL that `/chat/completions` is appended to, for example `http://localhost:11434/v1`."
    )
    api_key: ApiKey | None = Field(None, description=f"Sent as `Authorization: Bearer`; omitted: none. {_CREDENTIAL}")
    responses: Annotated[bool, UNKNOWN] = Field(
        True,
        description="Whether it serves `/v1/responses`. If not, clients of that API, Codex among them, are answered by "
        "`/chat/completions`, translated.",
    )


class SimulatorProvider(BaseProvider):
    """The built-in upstream: both API shapes, no account, no network."""

    example: ClassVar[str] = """
        providers:
          simulator: {type: simulator, models: [gpt-5-mini], pace_ms: 20}
    """

    type: Annotated[Literal["simulator"], UNKNOWN] = Field(description="The built-in simulator.")
    pace_ms: Annotated[int, Field(ge=0, le=60_000), NO_MATTER] = Field(
        0, description="Milliseconds between two pieces of a streamed answer."
    )
    latency_ms: Annotated[int, Field(ge=0, le=600_000), NO_MATTER] = Field(
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
