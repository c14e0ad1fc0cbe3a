"""What becomes of each feature at Anthropic's Messages API (https://docs.anthropic.com/en/api/messages)."""

from typing import Final

from gateway.lanes.conversation import Feature
from gateway.lanes.losses import Parameter, TargetTable, Treatment

_MAPPED, _IGNORED, _DROPPED, _REFUSED = Treatment

_STATE: Final = "it refers to state that another provider's servers hold."

TARGET: Final[TargetTable] = {
    Feature.MODEL: Parameter(_MAPPED, "`model`, as resolved."),
    Feature.INSTRUCTIONS: Parameter(_MAPPED, "`system`."),
    Feature.TURNS: Parameter(_MAPPED, "`messages` and `system`; consecutive turns of one role are combined."),
    Feature.SYSTEM_TURN: Parameter(_MAPPED, "`system`, wherever they stand."),
    Feature.PREFILL: Parameter(_MAPPED, "A turn of the assistant at the end."),
    Feature.TEXT: Parameter(_MAPPED, "`text`; blank texts are left out, since they would be refused."),
    Feature.IMAGE: Parameter(
        _MAPPED, "`source`: base64 for data of PNG, JPEG, GIF and WebP, else `url`; a PDF is a `document`."
    ),
    Feature.IMAGE_DETAIL: Parameter(_DROPPED, "Images are scaled as the model does."),
    Feature.AUDIO: Parameter(_REFUSED, "Claude does not listen."),
    Feature.VIDEO: Parameter(_REFUSED, "Claude does not watch."),
    Feature.DOCUMENT: Parameter(_MAPPED, "A `document`: PDF in base64 or by its URL, or plain text."),
    Feature.SEARCH_RESULT: Parameter(_MAPPED, "A `search_result`."),
    Feature.ASKS_CITATIONS: Parameter(_MAPPED, "`citations`."),
    Feature.THOUGHT: Parameter(
        _MAPPED, "Thinking with the signature that Claude gave it; other thinking is left out, as Anthropic allows."
    ),
    Feature.CALL: Parameter(
        _MAPPED,
        "`tool_use` blocks: an id of other characters becomes a digest, and arguments that are no object stand in one, "
        "as `INVALID_JSON`.",
    ),
    Feature.RESULT: Parameter(_MAPPED, "`tool_result` blocks, the first of the user's turn."),
    Feature.FAILED_RESULT: Parameter(_MAPPED, "`is_error`."),
    Feature.SERVER_CALL: Parameter(_DROPPED, "Only Anthropic's own calls of such tools can come back to it."),
    Feature.CACHE_MARK: Parameter(_MAPPED, "`cache_control`."),
    Feature.CACHE_HINT: Parameter(_IGNORED, "It only hints at caching; the answer does not depend on it."),
    Feature.OUTPUT_LIMIT: Parameter(_MAPPED, "`max_tokens`, which Anthropic demands: 8,192 where no limit is set."),
    Feature.TEMPERATURE: Parameter(
        _MAPPED,
        "`temperature` for models up to Claude 4.6, above 1 sent as 1 and reported; not for later models, not beside "
        "thinking.",
    ),
    Feature.TOP_P: Parameter(_MAPPED, "`top_p` for models up to Claude 4.6, not beside thinking or `temperature`."),
    Feature.TOP_K: Parameter(_MAPPED, "`top_k` for models up to Claude 4.6, not beside thinking."),
    Feature.STOPS: Parameter(_MAPPED, "`stop_sequences`, without blank ones, which Anthropic refuses."),
    Feature.SEED: Parameter(_DROPPED, "Sampling cannot be seeded."),
    Feature.PENALTIES: Parameter(_DROPPED, "There are no penalties.", (0, 0.0)),
    Feature.LOGIT_BIAS: Parameter(_DROPPED, "Tokens cannot be biased.", ({},)),
    Feature.LOGPROBS: Parameter(_REFUSED, "There are no log probabilities.", (False, 0)),
    Feature.CHOICES: Parameter(_REFUSED, "There is one answer.", (1,)),
    Feature.STREAM: Parameter(_MAPPED, "`stream`."),
    Feature.STREAM_USAGE: Parameter(_MAPPED, "Made from `message_delta`."),
    Feature.STREAM_PADDING: Parameter(_IGNORED, "Padding that clients skip."),
    Feature.END_USER: Parameter(_MAPPED, "`metadata.user_id`."),
    Feature.METADATA: Parameter(
        _MAPPED, "`metadata.user_id`, where it names an end user; all else is dropped, since there is no place for it."
    ),
    Feature.SERVICE_TIER: Parameter(_MAPPED, "`auto`; `default` becomes `standard_only`; others are dropped."),
    Feature.EFFORT: Parameter(
        _MAPPED,
        "`thinking` with a budget for Claude 3.7 to 4.5, adaptive `thinking` and `output_config.effort` for later "
        "models; Opus 4.5 has the effort where the limit leaves no room for a budget. It is dropped for models that do "
        "not reason, and beside a forced tool or too small a limit.",
    ),
    Feature.THINKING_BUDGET: Parameter(
        _MAPPED,
        "`thinking`; it goes before an effort and is dropped where that would be. Where the request has no limit, the "
        "usual one and its budget are sent, and held for.",
    ),
    Feature.SHOWN_THINKING: Parameter(_MAPPED, "`thinking.display`, where the request says how to think."),
    Feature.JSON_SCHEMA: Parameter(_MAPPED, "`output_config.format`."),
    Feature.JSON_MODE: Parameter(
        _DROPPED, "Claude is told to answer with a JSON object, and held to it only with a schema."
    ),
    Feature.SCHEMA_NAME: Parameter(_IGNORED, "Schemas have no names."),
    Feature.SCHEMA_DESCRIPTION: Parameter(_MAPPED, "The schema's `description`, where it has none."),
    Feature.STRICT_SCHEMA: Parameter(_IGNORED, "The model is always held to the schema."),
    Feature.VERBOSITY: Parameter(_DROPPED, "Verbosity cannot be set.", ("medium",)),
    Feature.TOOL: Parameter(_MAPPED, "`tools`; one without a schema takes an object without properties."),
    Feature.STRICT_TOOL: Parameter(_MAPPED, "`strict`."),
    Feature.CUSTOM_TOOL: Parameter(_MAPPED, "A tool that takes the text as its `input`; a grammar is described to it."),
    Feature.TOOL_GROUP: Parameter(_MAPPED, "The beginning of the tool's name."),
    Feature.TOOL_EXAMPLES: Parameter(_DROPPED, "Examples do not cross.", ([],)),
    Feature.DEFERRED_TOOL: Parameter(_DROPPED, "Every tool is loaded at once.", (False,)),
    Feature.WEB_SEARCH: Parameter(_REFUSED, "the search of another provider is not there."),
    Feature.SERVER_TOOL: Parameter(_REFUSED, "the provider that runs this tool is another one; declare one of yours."),
    Feature.MCP_SERVER: Parameter(_REFUSED, "MCP servers are not called on a translated lane.", ([],)),
    Feature.TOOL_CHOICE: Parameter(_MAPPED, "`tool_choice`: `required` becomes `any`."),
    Feature.PARALLEL_CALLS: Parameter(_MAPPED, "`tool_choice.disable_parallel_tool_use`."),
    Feature.STORED_ANSWER: Parameter(_DROPPED, "Answers are not stored.", (False,)),
    Feature.STORED_STATE: Parameter(_REFUSED, _STATE),
    Feature.SPOKEN_ANSWER: Parameter(_REFUSED, "Answers are text."),
    Feature.PREDICTION: Parameter(_DROPPED, "There are no predicted outputs."),
    Feature.MODERATION: Parameter(_REFUSED, "another provider's moderation is not there."),
    Feature.SAFETY: Parameter(_DROPPED, "Settings of safety are another provider's."),
    Feature.CONTEXT_EDITING: Parameter(_DROPPED, "Conversations are edited by Anthropic's own request alone."),
    Feature.REGION: Parameter(_REFUSED, "where the request is processed cannot be promised."),
    Feature.PROVIDERS_OWN: Parameter(_DROPPED, "It is another provider's own."),
}
"""What becomes of each feature."""
