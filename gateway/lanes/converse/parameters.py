"""What becomes of each feature at Amazon Bedrock's Converse.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.
"""

from typing import Final

from gateway.lanes.conversation import Feature
from gateway.lanes.losses import Parameter, TargetTable, Treatment

_MAPPED, _IGNORED, _DROPPED, _REFUSED = Treatment

TARGET: Final[TargetTable] = {
    Feature.MODEL: Parameter(_MAPPED, "The URL's model, as resolved."),
    Feature.INSTRUCTIONS: Parameter(_MAPPED, "`system`."),
    Feature.TURNS: Parameter(_MAPPED, "`messages` and `system`; consecutive turns of one role are combined."),
    Feature.SYSTEM_TURN: Parameter(_MAPPED, "`system`, wherever they stand."),
    Feature.PREFILL: Parameter(_MAPPED, "A turn of the assistant at the end."),
    Feature.TEXT: Parameter(_MAPPED, "`text`; blank texts are left out, since they would be refused."),
    Feature.IMAGE: Parameter(
        _MAPPED, "`image.source.bytes` for data of PNG, JPEG, GIF and WebP; URLs are refused, since nothing is fetched."
    ),
    Feature.IMAGE_DETAIL: Parameter(_DROPPED, "Images are scaled as the model does."),
    Feature.AUDIO: Parameter(_MAPPED, "`audio.source.bytes` and `audio.format`."),
    Feature.VIDEO: Parameter(_REFUSED, "Videos do not cross."),
    Feature.DOCUMENT: Parameter(
        _MAPPED, "`document.source.bytes`, and `document.name` in the characters that it may have; URLs are refused."
    ),
    Feature.SEARCH_RESULT: Parameter(_MAPPED, "Text that leads with its title and source."),
    Feature.ASKS_CITATIONS: Parameter(_DROPPED, "Answers cite nothing that was sent along."),
    Feature.THOUGHT: Parameter(
        _MAPPED,
        "`reasoningContent`, to the provider that signed it; else left out, since models are not in need of it.",
    ),
    Feature.CALL: Parameter(
        _MAPPED,
        "`toolUse` blocks: an id of other characters becomes a digest, and arguments that are no object stand in one, "
        "as `INVALID_JSON`.",
    ),
    Feature.RESULT: Parameter(_MAPPED, "`toolResult` blocks in the user's turn."),
    Feature.FAILED_RESULT: Parameter(_MAPPED, "`toolResult.status`."),
    Feature.SERVER_CALL: Parameter(_REFUSED, "only the provider that ran the tool takes its calls back."),
    Feature.CACHE_MARK: Parameter(
        _MAPPED,
        "A `cachePoint` behind instructions and messages, for Nova, whose cache keeps five minutes; dropped for other "
        "models, and on tools.",
    ),
    Feature.CACHE_HINT: Parameter(_IGNORED, "It only hints at caching; the answer does not depend on it."),
    Feature.OUTPUT_LIMIT: Parameter(_MAPPED, "`inferenceConfig.maxTokens`."),
    Feature.TEMPERATURE: Parameter(_MAPPED, "`inferenceConfig.temperature`; above 1 it is sent as 1 and reported."),
    Feature.TOP_P: Parameter(_MAPPED, "`inferenceConfig.topP`."),
    Feature.TOP_K: Parameter(_DROPPED, "There is no top-k sampling that every model has."),
    Feature.STOPS: Parameter(_MAPPED, "`inferenceConfig.stopSequences`."),
    Feature.SEED: Parameter(_DROPPED, "Sampling cannot be seeded."),
    Feature.PENALTIES: Parameter(_DROPPED, "There are no penalties."),
    Feature.LOGIT_BIAS: Parameter(_DROPPED, "Tokens cannot be biased."),
    Feature.LOGPROBS: Parameter(_DROPPED, "There are no log probabilities."),
    Feature.CHOICES: Parameter(_REFUSED, "There is one answer."),
    Feature.STREAM: Parameter(_MAPPED, "The operation: Converse or ConverseStream."),
    Feature.STREAM_USAGE: Parameter(_MAPPED, "Made from the event `metadata`."),
    Feature.STREAM_PADDING: Parameter(_IGNORED, "Padding that clients skip."),
    Feature.END_USER: Parameter(_DROPPED, "End users are not named."),
    Feature.METADATA: Parameter(_MAPPED, "`requestMetadata`; entries that it cannot hold are dropped."),
    Feature.SERVICE_TIER: Parameter(
        _MAPPED, "`serviceTier`: `flex` and `priority` (or `fast`); `scale` is dropped, and others are the usual tier."
    ),
    Feature.EFFORT: Parameter(
        _MAPPED,
        "`additionalModelRequestFields`: `reasoning_effort` of OpenAI's open models, `reasoningConfig` of Nova 2; "
        "dropped for other models.",
    ),
    Feature.THINKING_BUDGET: Parameter(_MAPPED, "As an effort: low below 8,192, medium below 24,576, else high."),
    Feature.SHOWN_THINKING: Parameter(_DROPPED, "Reasoning comes as the provider shows it."),
    Feature.JSON_SCHEMA: Parameter(_MAPPED, "`outputConfig.textFormat`, whose schema is JSON text."),
    Feature.JSON_MODE: Parameter(
        _DROPPED, "The model is told to answer with a JSON object, and held to it only with a schema."
    ),
    Feature.SCHEMA_NAME: Parameter(_MAPPED, "`jsonSchema.name`."),
    Feature.SCHEMA_DESCRIPTION: Parameter(_MAPPED, "`jsonSchema.description`."),
    Feature.STRICT_SCHEMA: Parameter(_IGNORED, "The model is always held to the schema."),
    Feature.VERBOSITY: Parameter(_DROPPED, "Verbosity cannot be set."),
    Feature.TOOL: Parameter(
        _MAPPED,
        "`toolConfig.tools`; where none are declared, the tools that the conversation calls are, as Converse demands.",
    ),
    Feature.STRICT_TOOL: Parameter(_MAPPED, "`toolSpec.strict`."),
    Feature.CUSTOM_TOOL: Parameter(
        _MAPPED, "A function whose `input` is the text; a grammar stands in its description."
    ),
    Feature.TOOL_GROUP: Parameter(_MAPPED, "The beginning of the tool's name."),
    Feature.TOOL_EXAMPLES: Parameter(_DROPPED, "Tools have no examples."),
    Feature.DEFERRED_TOOL: Parameter(_DROPPED, "Every tool is loaded at once."),
    Feature.WEB_SEARCH: Parameter(_REFUSED, "the search of another provider is not there."),
    Feature.SERVER_TOOL: Parameter(_REFUSED, "another provider runs this tool; declare one of your own."),
    Feature.MCP_SERVER: Parameter(_REFUSED, "the provider calls no MCP servers."),
    Feature.TOOL_CHOICE: Parameter(
        _MAPPED,
        "`toolConfig.toolChoice`: `required` becomes `any`; with `none` no tools are sent, and where the conversation "
        "has called some, which Converse wants declared, `none` is dropped.",
    ),
    Feature.PARALLEL_CALLS: Parameter(_DROPPED, "Parallel calls cannot be switched off."),
    Feature.STORED_ANSWER: Parameter(_DROPPED, "Answers are not stored."),
    Feature.STORED_STATE: Parameter(_REFUSED, "it refers to state that another provider's servers hold."),
    Feature.SPOKEN_ANSWER: Parameter(_REFUSED, "Answers are text."),
    Feature.PREDICTION: Parameter(_DROPPED, "There are no predicted outputs."),
    Feature.MODERATION: Parameter(_REFUSED, "OpenAI's moderation is not there; use a guardrail of Bedrock's."),
    Feature.SAFETY: Parameter(_DROPPED, "Settings of safety are guardrails of Bedrock's."),
    Feature.CONTEXT_EDITING: Parameter(_DROPPED, "Conversations are not edited by the server."),
    Feature.REGION: Parameter(_REFUSED, "where the request is processed is the provider's region."),
    Feature.PROVIDERS_OWN: Parameter(_DROPPED, "It is another provider's own."),
}
"""By feature."""
