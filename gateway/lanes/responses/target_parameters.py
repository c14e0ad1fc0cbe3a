"""What becomes of each feature at OpenAI's Responses (https://platform.openai.com/docs/api-reference/responses/create)."""

from typing import Final

from gateway.lanes.conversation import Feature
from gateway.lanes.losses import Parameter, TargetTable, Treatment

_MAPPED, _IGNORED, _DROPPED, _REFUSED = Treatment

TARGET_TABLE: Final[TargetTable] = {
    Feature.MODEL: Parameter(_MAPPED, "`model`, as resolved."),
    Feature.INSTRUCTIONS: Parameter(
        _MAPPED, "`instructions`, or a message of the role `developer` where marks of the cache stand on them."
    ),
    Feature.TURNS: Parameter(_MAPPED, "The items of `input`."),
    Feature.SYSTEM_TURN: Parameter(_MAPPED, "A message of the role `developer`, in its place."),
    Feature.PREFILL: Parameter(_REFUSED, "the model cannot be made to continue a text that the request begins for it."),
    Feature.TEXT: Parameter(_MAPPED, "`input_text` and `output_text`; blank texts are left out."),
    Feature.IMAGE: Parameter(_MAPPED, "`input_image`: a data URL, or the URL."),
    Feature.IMAGE_DETAIL: Parameter(_MAPPED, "`detail`."),
    Feature.AUDIO: Parameter(_REFUSED, "models do not listen there; send it to chat completions."),
    Feature.VIDEO: Parameter(_REFUSED, "videos do not cross."),
    Feature.DOCUMENT: Parameter(_MAPPED, "`input_file`, by its data or its URL; text where it is text."),
    Feature.SEARCH_RESULT: Parameter(_MAPPED, "Text that leads with its title and source."),
    Feature.ASKS_CITATIONS: Parameter(_DROPPED, "Answers cite nothing that was sent along."),
    Feature.THOUGHT: Parameter(
        _MAPPED, "`reasoning` items with the encrypted reasoning that this provider gave; other thinking is left out."
    ),
    Feature.CALL: Parameter(
        _MAPPED, "`function_call`, with its arguments as JSON text; an id of over 64 characters becomes a digest."
    ),
    Feature.RESULT: Parameter(_MAPPED, "`function_call_output`, with its images and files."),
    Feature.FAILED_RESULT: Parameter(_MAPPED, "The text begins with `Error: `."),
    Feature.SERVER_CALL: Parameter(_REFUSED, "it comes from a tool that another provider's servers run."),
    Feature.CACHE_MARK: Parameter(
        _MAPPED, "`prompt_cache_breakpoint` for GPT-5.6 and later; other models cache prompts by themselves."
    ),
    Feature.CACHE_HINT: Parameter(_MAPPED, "`prompt_cache_key`; other hints are left out, the answer is the same."),
    Feature.OUTPUT_LIMIT: Parameter(_MAPPED, "`max_output_tokens`, which is 16 at least."),
    Feature.TEMPERATURE: Parameter(_MAPPED, "`temperature`; dropped for models that reason, which take none."),
    Feature.TOP_P: Parameter(_MAPPED, "`top_p`; dropped for models that reason, which take none."),
    Feature.TOP_K: Parameter(_DROPPED, "There is no top-k sampling."),
    Feature.STOPS: Parameter(
        _MAPPED,
        "The gateway ends the answer there; what the model writes beyond is billed. More than 64 texts, or 4,096 "
        "characters of them, are refused.",
    ),
    Feature.SEED: Parameter(_DROPPED, "Sampling cannot be seeded."),
    Feature.PENALTIES: Parameter(_DROPPED, "There are no penalties.", (0, 0.0)),
    Feature.LOGIT_BIAS: Parameter(_DROPPED, "Tokens cannot be biased.", ({},)),
    Feature.LOGPROBS: Parameter(_DROPPED, "Log probabilities do not cross.", (False, 0)),
    Feature.CHOICES: Parameter(_REFUSED, "There is one answer.", (1,)),
    Feature.STREAM: Parameter(_MAPPED, "`stream`."),
    Feature.STREAM_USAGE: Parameter(_MAPPED, "Made from the last event."),
    Feature.STREAM_PADDING: Parameter(_IGNORED, "Padding that clients skip."),
    Feature.END_USER: Parameter(_MAPPED, "`safety_identifier`; its SHA-256 where it is longer than 64 characters."),
    Feature.METADATA: Parameter(_DROPPED, "Only stored answers have metadata."),
    Feature.SERVICE_TIER: Parameter(_MAPPED, "`service_tier`."),
    Feature.EFFORT: Parameter(_MAPPED, "`reasoning.effort`, or the next lower one that the model has."),
    Feature.THINKING_BUDGET: Parameter(_MAPPED, "`reasoning.effort`: low below 8,192, medium below 24,576, else high."),
    Feature.SHOWN_THINKING: Parameter(_MAPPED, "`reasoning.summary`, where the request wants to see thinking."),
    Feature.JSON_SCHEMA: Parameter(_MAPPED, "`text.format` of the type `json_schema`; strict where it can be."),
    Feature.JSON_MODE: Parameter(_MAPPED, "`text.format` of the type `json_object`."),
    Feature.SCHEMA_NAME: Parameter(_MAPPED, "`text.format.name`, `answer` without one that can be."),
    Feature.SCHEMA_DESCRIPTION: Parameter(_MAPPED, "`text.format.description`."),
    Feature.STRICT_SCHEMA: Parameter(_MAPPED, "`text.format.strict`, where OpenAI's strict mode can hold the schema."),
    Feature.VERBOSITY: Parameter(_MAPPED, "`text.verbosity`."),
    Feature.TOOL: Parameter(
        _MAPPED, "`tools` of the type `function`; `properties` is added to a schema where it is missing."
    ),
    Feature.STRICT_TOOL: Parameter(_MAPPED, "`strict`; dropped where OpenAI's strict mode cannot hold the schema."),
    Feature.CUSTOM_TOOL: Parameter(_MAPPED, "`tools` of the type `custom`."),
    Feature.TOOL_GROUP: Parameter(_MAPPED, "The beginning of the tool's name."),
    Feature.TOOL_EXAMPLES: Parameter(_DROPPED, "Functions have no examples."),
    Feature.DEFERRED_TOOL: Parameter(_DROPPED, "Every tool is loaded at once.", (False,)),
    Feature.WEB_SEARCH: Parameter(_REFUSED, "the search of another provider is not there."),
    Feature.SERVER_TOOL: Parameter(_REFUSED, "another provider runs this tool; declare one of your own."),
    Feature.MCP_SERVER: Parameter(_REFUSED, "MCP servers are not called on a translated lane.", ([],)),
    Feature.TOOL_CHOICE: Parameter(_MAPPED, "`tool_choice`."),
    Feature.PARALLEL_CALLS: Parameter(_MAPPED, "`parallel_tool_calls`."),
    Feature.STORED_ANSWER: Parameter(_DROPPED, "Answers are not stored.", (False,)),
    Feature.STORED_STATE: Parameter(_REFUSED, "it refers to state that another API's servers hold."),
    Feature.SPOKEN_ANSWER: Parameter(_REFUSED, "Answers are text."),
    Feature.PREDICTION: Parameter(_DROPPED, "There are no predicted outputs."),
    Feature.MODERATION: Parameter(_REFUSED, "moderation by the provider does not cross."),
    Feature.SAFETY: Parameter(_DROPPED, "There are no settings of safety."),
    Feature.CONTEXT_EDITING: Parameter(_DROPPED, "Conversations are not edited by the server."),
    Feature.REGION: Parameter(_REFUSED, "where the request is processed cannot be promised."),
    Feature.PROVIDERS_OWN: Parameter(_DROPPED, "It is another provider's own."),
}
"""What becomes of each feature."""
