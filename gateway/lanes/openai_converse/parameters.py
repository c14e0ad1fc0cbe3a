"""Every parameter of OpenAI's Chat Completions, and what becomes of it on Amazon Bedrock's Converse API.

Source of the names: https://platform.openai.com/docs/api-reference/chat/create. Source of the targets:
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html. A name is the way to the parameter:
`tools[].function.strict`, and `messages[].content[type=file]` for a kind of part. What stands in no row is dropped and
reported.
"""

from collections.abc import Mapping
from typing import Final

from gateway.lanes.parameter import LaneTable, Parameter, Treatment

_MAPPED, _IGNORED, _DROPPED, _REFUSED = Treatment

_CACHING = Parameter(_IGNORED, "It only hints at caching; the answer does not depend on it.")
_DEPRECATED = "it is deprecated; use `tools`, `tool_choice` and messages of the role `tool`."
_STATE = "it refers to state that OpenAI's servers hold."

_REQUEST: Final[Mapping[str, Parameter]] = {
    "model": Parameter(_MAPPED, "The URL's model, as resolved."),
    "messages": Parameter(_MAPPED, "`messages` and `system`; consecutive turns of one role are combined."),
    "audio": Parameter(_REFUSED, "Converse answers in text."),
    "drop_tuning_params": Parameter(_IGNORED, "The gateway's own; it decides whether drops are refused."),
    "frequency_penalty": Parameter(_DROPPED, "There are no penalties.", (0, 0.0)),
    "function_call": Parameter(_REFUSED, _DEPRECATED, ("none",)),
    "functions": Parameter(_REFUSED, _DEPRECATED, ([],)),
    "logit_bias": Parameter(_DROPPED, "Tokens cannot be biased.", ({},)),
    "logprobs": Parameter(_DROPPED, "There are no log probabilities.", (False,)),
    "max_completion_tokens": Parameter(_MAPPED, "`inferenceConfig.maxTokens`."),
    "max_tokens": Parameter(_MAPPED, "`inferenceConfig.maxTokens`, unless `max_completion_tokens` is there."),
    "metadata": Parameter(_MAPPED, "`requestMetadata`; entries that it cannot hold are dropped."),
    "modalities": Parameter(_REFUSED, "Converse answers in text.", (["text"], [])),
    "moderation": Parameter(_REFUSED, "OpenAI's moderation is not there; use a guardrail of Bedrock's."),
    "n": Parameter(_REFUSED, "Converse gives one answer.", (1,)),
    "parallel_tool_calls": Parameter(_DROPPED, "Parallel calls cannot be switched off.", (True,)),
    "prediction": Parameter(_DROPPED, "There are no predicted outputs."),
    "presence_penalty": Parameter(_DROPPED, "There are no penalties.", (0, 0.0)),
    "prompt_cache_key": _CACHING,
    "prompt_cache_options": _CACHING,
    "prompt_cache_retention": _CACHING,
    "reasoning_effort": Parameter(
        _MAPPED,
        "`additionalModelRequestFields`: `reasoning_effort` of OpenAI's open models, `reasoningConfig` of Nova 2; "
        "dropped for other models.",
    ),
    "response_format": Parameter(_MAPPED, "See its types."),
    "response_format.type": Parameter(
        _MAPPED, "`text` and `json_schema`; `json_object` is dropped, since Converse needs a schema."
    ),
    "response_format.json_schema": Parameter(_MAPPED, "`outputConfig.textFormat`."),
    "response_format.json_schema.name": Parameter(_MAPPED, "`jsonSchema.name`."),
    "response_format.json_schema.description": Parameter(_MAPPED, "`jsonSchema.description`."),
    "response_format.json_schema.schema": Parameter(_MAPPED, "`jsonSchema.schema`, as JSON text."),
    "response_format.json_schema.strict": Parameter(_IGNORED, "Converse always holds the model to the schema."),
    "safety_identifier": Parameter(_DROPPED, "End users are not named."),
    "seed": Parameter(_DROPPED, "Sampling cannot be seeded."),
    "service_tier": Parameter(_MAPPED, "`serviceTier`: `flex` and `priority` (or `fast`); `scale` is dropped."),
    "stop": Parameter(_MAPPED, "`inferenceConfig.stopSequences`."),
    "store": Parameter(_DROPPED, "Answers are not stored.", (False,)),
    "stream": Parameter(_MAPPED, "The operation: Converse or ConverseStream."),
    "stream_options": Parameter(_MAPPED, "See its members."),
    "stream_options.include_usage": Parameter(_MAPPED, "The last chunk, made from the event `metadata`."),
    "stream_options.include_obfuscation": Parameter(_IGNORED, "Padding that clients skip."),
    "temperature": Parameter(_MAPPED, "`inferenceConfig.temperature`; above 1 it is sent as 1 and reported."),
    "top_logprobs": Parameter(_DROPPED, "There are no log probabilities.", (0,)),
    "top_p": Parameter(_MAPPED, "`inferenceConfig.topP`."),
    "user": Parameter(_DROPPED, "End users are not named."),
    "verbosity": Parameter(_DROPPED, "Verbosity cannot be set.", ("medium",)),
    "web_search_options": Parameter(_REFUSED, "OpenAI's web search is not there."),
}

_TOOLS: Final[Mapping[str, Parameter]] = {
    "tools": Parameter(
        _MAPPED,
        "`toolConfig.tools`; where none are declared, the tools that the conversation calls are, as Converse demands.",
    ),
    "tools[].type": Parameter(_REFUSED, "Converse only has functions.", ("function",)),
    "tools[].function": Parameter(_MAPPED, "`toolSpec`."),
    "tools[].function.name": Parameter(_MAPPED, "`toolSpec.name`."),
    "tools[].function.description": Parameter(_MAPPED, "`toolSpec.description`."),
    "tools[].function.parameters": Parameter(_MAPPED, "`toolSpec.inputSchema.json`."),
    "tools[].function.strict": Parameter(_MAPPED, "`toolSpec.strict`."),
    "tool_choice": Parameter(
        _MAPPED,
        "`toolConfig.toolChoice`: `required` becomes `any`; with `none` no tools are sent, and where the conversation "
        "has called some, which Converse wants declared, `none` is dropped.",
    ),
    "tool_choice.type": Parameter(_MAPPED, "`function` and `allowed_tools`; `custom` is refused."),
    "tool_choice.function": Parameter(_MAPPED, "`toolChoice.tool`."),
    "tool_choice.allowed_tools": Parameter(_MAPPED, "Only these tools are sent."),
    "tool_choice.custom": Parameter(_REFUSED, "Converse only has functions."),
}

_MESSAGES: Final[Mapping[str, Parameter]] = {
    "messages[].role": Parameter(
        _MAPPED,
        "`user`, `assistant`; `system` and `developer` messages go to `system`, wherever they stand; `tool` messages "
        "become `toolResult` blocks of the user; `function` is refused, since it is deprecated.",
    ),
    "messages[].content": Parameter(_MAPPED, "`content`; blank texts are left out, since Converse refuses them."),
    "messages[].name": Parameter(_DROPPED, "Participants have no names."),
    "messages[].refusal": Parameter(_MAPPED, "Text."),
    "messages[].audio": Parameter(_REFUSED, _STATE),
    "messages[].function_call": Parameter(_REFUSED, _DEPRECATED),
    "messages[].tool_calls": Parameter(_MAPPED, "`toolUse` blocks; those of the type `custom` are refused."),
    "messages[].tool_call_id": Parameter(_MAPPED, "`toolResult.toolUseId`; a digest where it has other characters."),
    "messages[].reasoning_content": Parameter(_IGNORED, "Earlier reasoning; models are not in need of it."),
    "messages[].annotations": Parameter(_IGNORED, "Earlier citations; the text has what they are about."),
}

_PARTS: Final[Mapping[str, Parameter]] = {
    "messages[].content[].type": Parameter(_MAPPED, "See the kinds of parts."),
    "messages[].content[].text": Parameter(_MAPPED, "`text`."),
    "messages[].content[].refusal": Parameter(_MAPPED, "`text`."),
    "messages[].content[].image_url": Parameter(_MAPPED, "See its members."),
    "messages[].content[].image_url.url": Parameter(
        _MAPPED, "`image.source.bytes` for data URLs of PNG, JPEG, GIF and WebP; other URLs are refused."
    ),
    "messages[].content[].image_url.detail": Parameter(_DROPPED, "Images are scaled as the model does.", ("auto",)),
    "messages[].content[].input_audio": Parameter(_MAPPED, "See its members."),
    "messages[].content[].input_audio.data": Parameter(_MAPPED, "`audio.source.bytes`."),
    "messages[].content[].input_audio.format": Parameter(_MAPPED, "`audio.format`."),
    "messages[].content[].file": Parameter(_MAPPED, "See its members."),
    "messages[].content[].file.file_data": Parameter(_MAPPED, "`document.source.bytes`."),
    "messages[].content[].file.filename": Parameter(_MAPPED, "`document.name`, in the characters that it may have."),
    "messages[].content[].file.file_id": Parameter(_REFUSED, _STATE),
    "messages[].content[].prompt_cache_breakpoint": _CACHING,
}

TABLE: Final = LaneTable("openai -> bedrock converse", {**_REQUEST, **_TOOLS, **_MESSAGES, **_PARTS})
"""The lane's table, by name."""
