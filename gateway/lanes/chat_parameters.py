"""Every parameter of OpenAI's Chat Completions, and what becomes of it on Anthropic's Messages API and on Converse.

Source of the names: https://platform.openai.com/docs/api-reference/chat/create. Sources of the targets:
https://docs.anthropic.com/en/api/messages and
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.lanes.losses import LaneTable, Parameter, Treatment

_Row = tuple[Parameter | None, Parameter | None]
"""A parameter on Anthropic's Messages API, and on Converse."""


def _row(treatment: Treatment, note: str, on_converse: str = "", harmless: tuple[Any, ...] = ()) -> _Row:
    """A parameter that is treated alike on both; the second note is Converse's, where it is another."""
    return Parameter(treatment, note, harmless), Parameter(treatment, on_converse or note, harmless)


_MAPPED, _IGNORED, _DROPPED, _REFUSED = Treatment

_CACHING: Final = _row(_IGNORED, "It only hints at caching; the answer does not depend on it.")
_MARK: Final = (Parameter(_MAPPED, "`cache_control`, an extension that some clients use."), None)
_DEPRECATED: Final = "it is deprecated; use `tools`, `tool_choice` and messages of the role `tool`."
_NO_LOGPROBS: Final = "There are no log probabilities."
_STATE: Final = "it refers to state that OpenAI's servers hold."

_ROWS: Final[Mapping[str, _Row]] = {
    "model": _row(_MAPPED, "`model`, as resolved.", "The URL's model, as resolved."),
    "messages": _row(_MAPPED, "`messages` and `system`; consecutive turns of one role are combined."),
    "audio": _row(_REFUSED, "Answers are text."),
    "drop_tuning_params": _row(_IGNORED, "The gateway's own; it decides whether drops are refused."),
    "frequency_penalty": _row(_DROPPED, "There are no penalties.", harmless=(0, 0.0)),
    "function_call": _row(_REFUSED, _DEPRECATED, harmless=("none",)),
    "functions": _row(_REFUSED, _DEPRECATED, harmless=([],)),
    "logit_bias": _row(_DROPPED, "Tokens cannot be biased.", harmless=({},)),
    "logprobs": (Parameter(_REFUSED, _NO_LOGPROBS, (False,)), Parameter(_DROPPED, _NO_LOGPROBS, (False,))),
    "max_completion_tokens": _row(
        _MAPPED, "`max_tokens`, which Anthropic demands: 8,192 where neither is set.", "`inferenceConfig.maxTokens`."
    ),
    "max_tokens": _row(
        _MAPPED,
        "`max_tokens`, unless `max_completion_tokens` is there.",
        "`inferenceConfig.maxTokens`, unless `max_completion_tokens` is there.",
    ),
    "metadata": (
        Parameter(
            _MAPPED, "See its members; all but an end user are dropped, since Anthropic's metadata holds no more."
        ),
        Parameter(_MAPPED, "`requestMetadata`; entries that it cannot hold are dropped."),
    ),
    "metadata.user_id": (
        Parameter(_MAPPED, "`metadata.user_id`, unless `safety_identifier` or `user` is there."),
        None,
    ),
    "modalities": _row(_REFUSED, "Answers are text.", harmless=(["text"], [])),
    "moderation": _row(
        _REFUSED, "OpenAI's moderation is not there.", "OpenAI's moderation is not there; use a guardrail of Bedrock's."
    ),
    "n": _row(_REFUSED, "There is one answer.", harmless=(1,)),
    "parallel_tool_calls": (
        Parameter(_MAPPED, "`tool_choice.disable_parallel_tool_use`."),
        Parameter(_DROPPED, "Parallel calls cannot be switched off.", (True,)),
    ),
    "prediction": _row(_DROPPED, "There are no predicted outputs."),
    "presence_penalty": _row(_DROPPED, "There are no penalties.", harmless=(0, 0.0)),
    "prompt_cache_key": _CACHING,
    "prompt_cache_options": _CACHING,
    "prompt_cache_retention": _CACHING,
    "reasoning_effort": _row(
        _MAPPED,
        "`thinking` with a budget for Claude 3.7 to 4.5, adaptive `thinking` and `output_config.effort` for later "
        "models; Opus 4.5 has the effort where the limit leaves no room for a budget. It is "
        "dropped for models that do not reason, and beside a forced tool or too small a limit.",
        "`additionalModelRequestFields`: `reasoning_effort` of OpenAI's open models, `reasoningConfig` of Nova 2; "
        "dropped for other models.",
    ),
    "response_format": _row(_MAPPED, "See its types."),
    "response_format.type": _row(
        _MAPPED, "`text` and `json_schema`; `json_object` is dropped, since a schema is needed."
    ),
    "response_format.json_schema": _row(_MAPPED, "`output_config.format`.", "`outputConfig.textFormat`."),
    "response_format.json_schema.name": (
        Parameter(_IGNORED, "Schemas have no names."),
        Parameter(_MAPPED, "`jsonSchema.name`."),
    ),
    "response_format.json_schema.description": _row(
        _MAPPED, "The schema's `description`, where it has none.", "`jsonSchema.description`."
    ),
    "response_format.json_schema.schema": _row(
        _MAPPED, "`output_config.format.schema`.", "`jsonSchema.schema`, as JSON text."
    ),
    "response_format.json_schema.strict": _row(_IGNORED, "The model is always held to the schema."),
    "safety_identifier": (Parameter(_MAPPED, "`metadata.user_id`."), Parameter(_DROPPED, "End users are not named.")),
    "seed": _row(_DROPPED, "Sampling cannot be seeded."),
    "service_tier": _row(
        _MAPPED,
        "`auto`; `default` becomes `standard_only`; others are dropped.",
        "`serviceTier`: `flex` and `priority` (or `fast`); `scale` is dropped.",
    ),
    "stop": _row(
        _MAPPED, "`stop_sequences`, without blank ones, which Anthropic refuses.", "`inferenceConfig.stopSequences`."
    ),
    "store": _row(_DROPPED, "Answers are not stored.", harmless=(False,)),
    "stream": _row(_MAPPED, "`stream`.", "The operation: Converse or ConverseStream."),
    "stream_options": _row(_MAPPED, "See its members."),
    "stream_options.include_usage": _row(
        _MAPPED, "The last chunk, made from `message_delta`.", "The last chunk, made from the event `metadata`."
    ),
    "stream_options.include_obfuscation": _row(_IGNORED, "Padding that clients skip."),
    "temperature": _row(
        _MAPPED,
        "`temperature` for models up to Claude 4.6, above 1 sent as 1 and reported; not for later models, not beside "
        "thinking.",
        "`inferenceConfig.temperature`; above 1 it is sent as 1 and reported.",
    ),
    "thinking": (
        Parameter(
            _MAPPED,
            "`thinking`, an extension of Anthropic's own compatible endpoint; it goes before `reasoning_effort` and is "
            "dropped where that would be. Where the request has no limit, the usual one and its budget are sent, "
            "and held for.",
        ),
        None,
    ),
    "top_logprobs": (Parameter(_REFUSED, _NO_LOGPROBS, (0,)), Parameter(_DROPPED, _NO_LOGPROBS, (0,))),
    "top_p": _row(
        _MAPPED, "`top_p` for models up to Claude 4.6, not beside thinking or `temperature`.", "`inferenceConfig.topP`."
    ),
    "user": (
        Parameter(_MAPPED, "`metadata.user_id`, unless `safety_identifier` is there."),
        Parameter(_DROPPED, "End users are not named."),
    ),
    "verbosity": _row(_DROPPED, "Verbosity cannot be set.", harmless=("medium",)),
    "web_search_options": _row(_REFUSED, "OpenAI's web search is not there."),
    "tools": _row(
        _MAPPED,
        "`tools`.",
        "`toolConfig.tools`; where none are declared, the tools that the conversation calls are, as Converse demands.",
    ),
    "tools[].type": _row(_REFUSED, "Only functions can cross.", harmless=("function",)),
    "tools[].function": _row(_MAPPED, "The tool.", "`toolSpec`."),
    "tools[].function.name": _row(_MAPPED, "`name`.", "`toolSpec.name`."),
    "tools[].function.description": _row(_MAPPED, "`description`.", "`toolSpec.description`."),
    "tools[].function.parameters": _row(
        _MAPPED, "`input_schema`; without one, an object without properties.", "`toolSpec.inputSchema.json`."
    ),
    "tools[].function.strict": _row(_MAPPED, "`strict`.", "`toolSpec.strict`."),
    "tools[].function.cache_control": _MARK,
    "tools[].cache_control": _MARK,
    "tool_choice": _row(
        _MAPPED,
        "`tool_choice`: `required` becomes `any`.",
        "`toolConfig.toolChoice`: `required` becomes `any`; with `none` no tools are sent, and where the conversation "
        "has called some, which Converse wants declared, `none` is dropped.",
    ),
    "tool_choice.type": _row(_MAPPED, "`function` and `allowed_tools`; `custom` is refused."),
    "tool_choice.function": _row(_MAPPED, "`tool_choice.name`.", "`toolChoice.tool`."),
    "tool_choice.function.name": _row(_MAPPED, "`tool_choice.name`.", "`toolChoice.tool.name`."),
    "tool_choice.allowed_tools": _row(_MAPPED, "Only these tools are sent."),
    "tool_choice.allowed_tools.mode": _row(_MAPPED, "`auto`; `required` becomes `any`."),
    "tool_choice.allowed_tools.tools": _row(_MAPPED, "The functions by their names."),
    "tool_choice.custom": _row(_REFUSED, "Only functions can cross."),
    "messages[].role": _row(
        _MAPPED,
        "`user`, `assistant`; `system` and `developer` messages go to `system`, wherever they stand, but for the "
        "last of a request that has nothing else, which is the user's; `tool` messages "
        "become results in the user's turn; `function` is refused, since it is deprecated.",
    ),
    "messages[].content": _row(_MAPPED, "`content`; blank texts are left out, since they would be refused."),
    "messages[].name": _row(_DROPPED, "Participants have no names."),
    "messages[].refusal": _row(_MAPPED, "Text."),
    "messages[].audio": _row(_REFUSED, _STATE),
    "messages[].function_call": _row(_REFUSED, _DEPRECATED),
    "messages[].tool_calls": _row(
        _MAPPED,
        "`tool_use` blocks; those of the type `custom` are refused.",
        "`toolUse` blocks; those of the type `custom` are refused.",
    ),
    "messages[].tool_calls[].id": _row(
        _MAPPED,
        "`id`; a digest where it has other characters.",
        "`toolUseId`; a digest where it has other characters.",
    ),
    "messages[].tool_calls[].type": _row(_MAPPED, "`function`; `custom` is refused."),
    "messages[].tool_calls[].index": _row(_IGNORED, "The place in a stream, which is the place in the list."),
    "messages[].tool_calls[].custom": _row(_REFUSED, "Only functions can cross."),
    "messages[].tool_calls[].function": _row(_MAPPED, "See its members."),
    "messages[].tool_calls[].function.name": _row(_MAPPED, "`name`."),
    "messages[].tool_calls[].function.arguments": _row(
        _MAPPED, "`input`; what is no object stands in one, as `INVALID_JSON`."
    ),
    "messages[].tool_calls[].function.parsed_arguments": _row(_IGNORED, "`arguments` once more, as OpenAI's SDK adds."),
    "messages[].tool_calls[].cache_control": _MARK,
    "messages[].tool_call_id": _row(
        _MAPPED,
        "`tool_use_id`; a digest where it has other characters.",
        "`toolResult.toolUseId`; a digest where it has other characters.",
    ),
    "messages[].reasoning_content": _row(
        _IGNORED,
        "Earlier reasoning; without a signature it cannot go back.",
        "Earlier reasoning; models are not in need of it.",
    ),
    "messages[].thinking_blocks": (
        Parameter(
            _MAPPED, "Thinking with its signature, as this lane gives it out; others are left out, as Anthropic allows."
        ),
        None,
    ),
    "messages[].thinking_blocks[].type": (Parameter(_MAPPED, "`thinking` and `redacted_thinking`."), None),
    "messages[].thinking_blocks[].thinking": (Parameter(_MAPPED, "`thinking`."), None),
    "messages[].thinking_blocks[].signature": (Parameter(_MAPPED, "`signature`."), None),
    "messages[].thinking_blocks[].data": (Parameter(_MAPPED, "`data`."), None),
    "messages[].thinking_blocks[].index": (Parameter(_IGNORED, "The place in a stream."), None),
    "messages[].annotations": _row(_IGNORED, "Earlier citations; the text has what they are about."),
    "messages[].cache_control": _MARK,
    "messages[].content[].type": _row(_MAPPED, "See the kinds of parts."),
    "messages[].content[].text": _row(_MAPPED, "`text`."),
    "messages[].content[].refusal": _row(_MAPPED, "`text`."),
    "messages[].content[].thinking": (
        Parameter(_MAPPED, "Of a part `thinking`, as Envoy's clients send it: `thinking`, with its `signature`."),
        Parameter(_IGNORED, "Of a part `thinking`; models are not in need of it."),
    ),
    "messages[].content[].signature": (
        Parameter(_MAPPED, "`signature`; thinking without one is left out."),
        Parameter(_IGNORED, "What proves a thought to Anthropic."),
    ),
    "messages[].content[].data": (
        Parameter(_MAPPED, "Of a part `redacted_thinking`: `data`."),
        Parameter(_IGNORED, "What proves a thought to Anthropic."),
    ),
    "messages[].content[].redactedContent": (
        Parameter(_MAPPED, "The same, as Envoy's clients write it."),
        Parameter(_IGNORED, "What proves a thought to Anthropic."),
    ),
    "messages[].content[].image_url": _row(_MAPPED, "See its members."),
    "messages[].content[].image_url.url": _row(
        _MAPPED,
        "`source`: base64 for data URLs of PNG, JPEG, GIF and WebP, else `url`; a PDF is a `document`.",
        "`image.source.bytes` for data URLs of PNG, JPEG, GIF and WebP, a `document` for those of PDF; other URLs are "
        "refused.",
    ),
    "messages[].content[].image_url.detail": _row(_DROPPED, "Images are scaled as the model does.", harmless=("auto",)),
    "messages[].content[].input_audio": (
        Parameter(_REFUSED, "Claude does not listen."),
        Parameter(_MAPPED, "See its members."),
    ),
    "messages[].content[].input_audio.data": (None, Parameter(_MAPPED, "`audio.source.bytes`.")),
    "messages[].content[].input_audio.format": (None, Parameter(_MAPPED, "`audio.format`.")),
    "messages[].content[].file": _row(_MAPPED, "See its members."),
    "messages[].content[].file.file_data": _row(
        _MAPPED, "`document.source`: PDF in base64, or plain text.", "`document.source.bytes`."
    ),
    "messages[].content[].file.filename": _row(
        _MAPPED, "`document.title`.", "`document.name`, in the characters that it may have."
    ),
    "messages[].content[].file.file_id": _row(_REFUSED, _STATE),
    "messages[].content[].cache_control": _MARK,
    "messages[].content[].prompt_cache_breakpoint": _CACHING,
}

TO_ANTHROPIC: Final = LaneTable(
    "openai -> anthropic", {name: row for name, (row, _) in _ROWS.items() if row is not None}
)
TO_CONVERSE: Final = LaneTable(
    "openai -> bedrock converse", {name: row for name, (_, row) in _ROWS.items() if row is not None}
)
