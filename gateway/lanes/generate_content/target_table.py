"""What becomes of each feature at Gemini's `generateContent` (https://ai.google.dev/api/generate-content)."""

from typing import Final

from gateway.lanes.conversation import Feature
from gateway.lanes.losses import Parameter, TargetTable, Treatment

_MAPPED, _IGNORED, _DROPPED, _REFUSED = Treatment

_STATE: Final = "it refers to state that another provider's servers hold."

TARGET: Final[TargetTable] = {
    Feature.MODEL: Parameter(_MAPPED, "The URL's model, as resolved."),
    Feature.INSTRUCTIONS: Parameter(_MAPPED, "`systemInstruction`."),
    Feature.TURNS: Parameter(
        _MAPPED, "`contents` and `systemInstruction`; consecutive turns of one role are combined."
    ),
    Feature.SYSTEM_TURN: Parameter(_MAPPED, "`systemInstruction`, wherever they stand."),
    Feature.PREFILL: Parameter(_MAPPED, "A turn of the model at the end; some models refuse it."),
    Feature.TEXT: Parameter(_MAPPED, "`text`; blank texts are left out."),
    Feature.IMAGE: Parameter(_MAPPED, "`inlineData` for data, `fileData` for a URL."),
    Feature.IMAGE_DETAIL: Parameter(_DROPPED, "Images are scaled as the model does."),
    Feature.AUDIO: Parameter(_MAPPED, "`inlineData` for data, `fileData` for a URL."),
    Feature.VIDEO: Parameter(_MAPPED, "`inlineData` for data, `fileData` for a URL."),
    Feature.DOCUMENT: Parameter(
        _MAPPED, "`inlineData` for data, `fileData` for a URL, plain text as `text`; its name stands before it."
    ),
    Feature.SEARCH_RESULT: Parameter(_MAPPED, "Text that leads with its title and source."),
    Feature.ASKS_CITATIONS: Parameter(_DROPPED, "Answers cite nothing that was sent along."),
    Feature.THOUGHT: Parameter(
        _MAPPED, "A part with the `thoughtSignature` that Gemini gave it; other thinking is left out."
    ),
    Feature.CALL: Parameter(
        _MAPPED,
        "`functionCall`, with the `thoughtSignature` that Gemini gave it. Where Gemini 3 demands one and there is "
        "none, it is told to skip the check. Arguments that are no object stand in one, as `INVALID_JSON`.",
    ),
    Feature.RESULT: Parameter(
        _MAPPED,
        "`functionResponse` with the text as `output`, in the order of the calls. What is shown stands in it for "
        "Gemini 3, and beside it for earlier models.",
    ),
    Feature.FAILED_RESULT: Parameter(_MAPPED, "The text is `error` in place of `output`."),
    Feature.SERVER_CALL: Parameter(_DROPPED, "Only the provider that ran the tool takes its calls back."),
    Feature.CACHE_MARK: Parameter(_IGNORED, "Google caches prompts by itself; the answer does not depend on it."),
    Feature.CACHE_HINT: Parameter(_IGNORED, "Google caches prompts by itself; the answer does not depend on it."),
    Feature.OUTPUT_LIMIT: Parameter(_MAPPED, "`maxOutputTokens`, thinking included."),
    Feature.TEMPERATURE: Parameter(_MAPPED, "`temperature`."),
    Feature.TOP_P: Parameter(_MAPPED, "`topP`."),
    Feature.TOP_K: Parameter(_MAPPED, "`topK`."),
    Feature.STOPS: Parameter(_MAPPED, "`stopSequences`; Google takes five, and more are dropped."),
    Feature.SEED: Parameter(_MAPPED, "`seed`."),
    Feature.PENALTIES: Parameter(_DROPPED, "Many of Google's models refuse penalties.", (0, 0.0)),
    Feature.LOGIT_BIAS: Parameter(_DROPPED, "Tokens cannot be biased.", ({},)),
    Feature.LOGPROBS: Parameter(_DROPPED, "Log probabilities do not cross.", (False, 0)),
    Feature.CHOICES: Parameter(_REFUSED, "There is one answer.", (1,)),
    Feature.STREAM: Parameter(_MAPPED, "The method: `generateContent` or `streamGenerateContent`."),
    Feature.STREAM_USAGE: Parameter(_MAPPED, "Made from `usageMetadata`."),
    Feature.STREAM_PADDING: Parameter(_IGNORED, "Padding that clients skip."),
    Feature.END_USER: Parameter(_DROPPED, "End users are not named."),
    Feature.METADATA: Parameter(_DROPPED, "Requests have no metadata."),
    Feature.SERVICE_TIER: Parameter(
        _MAPPED, "`serviceTier`: `flex`, `priority`, and `standard` for `default`; `auto` is left to Google."
    ),
    Feature.EFFORT: Parameter(
        _MAPPED,
        "`thinkingConfig`: the nearest `thinkingLevel` of Gemini 3 and later, a `thinkingBudget` of Gemini 2.5; where "
        "thinking cannot be switched off, the least is sent and reported. Dropped for models that do not think.",
    ),
    Feature.THINKING_BUDGET: Parameter(
        _MAPPED,
        "`thinkingBudget` of Gemini 2.5, within what the model has; a `thinkingLevel` of later models: low below "
        "8,192, medium below 24,576, else high.",
    ),
    Feature.SHOWN_THINKING: Parameter(
        _MAPPED, "`includeThoughts`, which is sent wherever the request says how to think, unless it wants none shown."
    ),
    Feature.JSON_SCHEMA: Parameter(
        _MAPPED,
        "`responseJsonSchema`. Models before Gemini 3 take none beside functions: there it is dropped, and the model "
        "is told to answer with a JSON object.",
    ),
    Feature.JSON_MODE: Parameter(
        _MAPPED,
        "`responseMimeType`; models before Gemini 3 that have functions are told to answer with a JSON object.",
    ),
    Feature.SCHEMA_NAME: Parameter(_IGNORED, "Schemas have no names."),
    Feature.SCHEMA_DESCRIPTION: Parameter(_MAPPED, "The schema's `description`, where it has none."),
    Feature.STRICT_SCHEMA: Parameter(_IGNORED, "The model is always held to the schema."),
    Feature.VERBOSITY: Parameter(_DROPPED, "Verbosity cannot be set.", ("medium",)),
    Feature.TOOL: Parameter(_MAPPED, "`tools[].functionDeclarations`, with the schema as `parametersJsonSchema`."),
    Feature.STRICT_TOOL: Parameter(_DROPPED, "Arguments are held to the schema only where a call is forced.", (False,)),
    Feature.CUSTOM_TOOL: Parameter(
        _MAPPED, "A function whose `input` is the text; a grammar stands in its description."
    ),
    Feature.TOOL_GROUP: Parameter(_MAPPED, "The beginning of the function's name."),
    Feature.TOOL_EXAMPLES: Parameter(_DROPPED, "Functions have no examples.", ([],)),
    Feature.DEFERRED_TOOL: Parameter(_DROPPED, "Every tool is loaded at once.", (False,)),
    Feature.WEB_SEARCH: Parameter(_REFUSED, "the search of another provider is not there."),
    Feature.SERVER_TOOL: Parameter(_REFUSED, "another provider runs this tool; declare one of your own."),
    Feature.MCP_SERVER: Parameter(_REFUSED, "the provider calls no MCP servers.", ([],)),
    Feature.TOOL_CHOICE: Parameter(
        _MAPPED, "`toolConfig.functionCallingConfig`: `required` becomes `ANY`, a name one of `allowedFunctionNames`."
    ),
    Feature.PARALLEL_CALLS: Parameter(_DROPPED, "Parallel calls cannot be switched off."),
    Feature.STORED_ANSWER: Parameter(_DROPPED, "Answers are not stored.", (False,)),
    Feature.STORED_STATE: Parameter(_REFUSED, _STATE),
    Feature.SPOKEN_ANSWER: Parameter(_REFUSED, "Answers are text."),
    Feature.PREDICTION: Parameter(_DROPPED, "There are no predicted outputs."),
    Feature.MODERATION: Parameter(_REFUSED, "another provider's moderation is not there."),
    Feature.SAFETY: Parameter(_DROPPED, "Settings of safety are another provider's."),
    Feature.CONTEXT_EDITING: Parameter(_DROPPED, "Conversations are not edited by the server."),
    Feature.REGION: Parameter(_REFUSED, "where the request is processed cannot be promised."),
    Feature.PROVIDERS_OWN: Parameter(_DROPPED, "It is another provider's own."),
}
"""What becomes of each feature."""
