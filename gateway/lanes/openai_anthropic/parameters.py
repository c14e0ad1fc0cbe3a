"""Every parameter of OpenAI's Chat Completions, and what becomes of it on Anthropic's Messages API.

Source of the names: https://platform.openai.com/docs/api-reference/chat/create. Source of the targets:
https://docs.anthropic.com/en/api/messages.
"""

from collections.abc import Mapping
from typing import Final

from gateway.lanes.parameter import LaneTable, Parameter, Treatment

_MAPPED, _IGNORED, _DROPPED, _REFUSED = Treatment

_CACHING = Parameter(_IGNORED, "It only hints at caching; the answer does not depend on it.")
_MARK = Parameter(_MAPPED, "`cache_control`, an extension that some clients use.")
_DEPRECATED = "it is deprecated; use `tools`, `tool_choice` and messages of the role `tool`."
_STATE = "it refers to state that OpenAI's servers hold."

_REQUEST: Final[Mapping[str, Parameter]] = {
    "model": Parameter(_MAPPED, "`model`, as resolved."),
    "messages": Parameter(_MAPPED, "`messages` and `system`; consecutive turns of one role are combined."),
    "audio": Parameter(_REFUSED, "Claude answers in text."),
    "drop_tuning_params": Parameter(_IGNORED, "The gateway's own; it decides whether drops are refused."),
    "frequency_penalty": Parameter(_DROPPED, "There are no penalties.", (0, 0.0)),
    "function_call": Parameter(_REFUSED, _DEPRECATED, ("none",)),
    "functions": Parameter(_REFUSED, _DEPRECATED, ([],)),
    "logit_bias": Parameter(_DROPPED, "Tokens cannot be biased.", ({},)),
    "logprobs": Parameter(_REFUSED, "There are no log probabilities.", (False,)),
    "max_completion_tokens": Parameter(_MAPPED, "`max_tokens`, which Anthropic demands: 8,192 where neither is set."),
    "max_tokens": Parameter(_MAPPED, "`max_tokens`, unless `max_completion_tokens` is there."),
    "metadata": Parameter(_DROPPED, "Anthropic's metadata holds nothing but an end user.", ({},)),
    "modalities": Parameter(_REFUSED, "Claude answers in text.", (["text"], [])),
    "moderation": Parameter(_REFUSED, "OpenAI's moderation is not there."),
    "n": Parameter(_REFUSED, "Anthropic gives one answer.", (1,)),
    "parallel_tool_calls": Parameter(_MAPPED, "`tool_choice.disable_parallel_tool_use`."),
    "prediction": Parameter(_DROPPED, "There are no predicted outputs."),
    "presence_penalty": Parameter(_DROPPED, "There are no penalties.", (0, 0.0)),
    "prompt_cache_key": _CACHING,
    "prompt_cache_options": _CACHING,
    "prompt_cache_retention": _CACHING,
    "reasoning_effort": Parameter(
        _MAPPED,
        "`thinking` with a budget for Claude 3.7 to 4.5, adaptive `thinking` and `output_config.effort` for later "
        "models; dropped for models that do not reason, and beside a forced tool or too small a limit.",
    ),
    "response_format": Parameter(_MAPPED, "See its types."),
    "response_format.type": Parameter(
        _MAPPED, "`text` and `json_schema`; `json_object` is dropped, since Anthropic needs a schema."
    ),
    "response_format.json_schema": Parameter(_MAPPED, "`output_config.format`."),
    "response_format.json_schema.name": Parameter(_IGNORED, "Schemas have no names."),
    "response_format.json_schema.description": Parameter(_MAPPED, "The schema's `description`, where it has none."),
    "response_format.json_schema.schema": Parameter(_MAPPED, "`output_config.format.schema`."),
    "response_format.json_schema.strict": Parameter(_IGNORED, "Claude is always held to the schema."),
    "safety_identifier": Parameter(_MAPPED, "`metadata.user_id`."),
    "seed": Parameter(_DROPPED, "Sampling cannot be seeded."),
    "service_tier": Parameter(_MAPPED, "`auto`; `default` becomes `standard_only`; others are dropped."),
    "stop": Parameter(_MAPPED, "`stop_sequences`, without blank ones, which Anthropic refuses."),
    "store": Parameter(_DROPPED, "Answers are not stored.", (False,)),
    "stream": Parameter(_MAPPED, "`stream`."),
    "stream_options": Parameter(_MAPPED, "See its members."),
    "stream_options.include_usage": Parameter(_MAPPED, "The last chunk, made from `message_delta`."),
    "stream_options.include_obfuscation": Parameter(_IGNORED, "Padding that clients skip."),
    "temperature": Parameter(
        _MAPPED,
        "`temperature` for models up to Claude 4.6, above 1 sent as 1 and reported; not for later models, not beside "
        "thinking.",
    ),
    "top_logprobs": Parameter(_REFUSED, "There are no log probabilities.", (0,)),
    "top_p": Parameter(_MAPPED, "`top_p` for models up to Claude 4.6, not beside thinking or `temperature`."),
    "user": Parameter(_MAPPED, "`metadata.user_id`, unless `safety_identifier` is there."),
    "verbosity": Parameter(_DROPPED, "Verbosity cannot be set.", ("medium",)),
    "web_search_options": Parameter(_REFUSED, "OpenAI's web search is not there."),
}

_TOOLS: Final[Mapping[str, Parameter]] = {
    "tools": Parameter(_MAPPED, "`tools`."),
    "tools[].type": Parameter(_REFUSED, "Only functions can cross.", ("function",)),
    "tools[].function": Parameter(_MAPPED, "The tool."),
    "tools[].function.name": Parameter(_MAPPED, "`name`."),
    "tools[].function.description": Parameter(_MAPPED, "`description`."),
    "tools[].function.parameters": Parameter(_MAPPED, "`input_schema`; without one, an object without properties."),
    "tools[].function.strict": Parameter(_MAPPED, "`strict`."),
    "tools[].cache_control": _MARK,
    "tool_choice": Parameter(_MAPPED, "`tool_choice`: `required` becomes `any`."),
    "tool_choice.type": Parameter(_MAPPED, "`function` and `allowed_tools`; `custom` is refused."),
    "tool_choice.function": Parameter(_MAPPED, "`tool_choice.name`."),
    "tool_choice.allowed_tools": Parameter(_MAPPED, "Only these tools are sent."),
    "tool_choice.custom": Parameter(_REFUSED, "Only functions can cross."),
}

_MESSAGES: Final[Mapping[str, Parameter]] = {
    "messages[].role": Parameter(
        _MAPPED,
        "`user`, `assistant`; `system` and `developer` messages go to `system`, wherever they stand; `tool` messages "
        "become `tool_result` blocks of the user; `function` is refused, since it is deprecated.",
    ),
    "messages[].content": Parameter(_MAPPED, "`content`; blank texts are left out, since Anthropic refuses them."),
    "messages[].name": Parameter(_DROPPED, "Participants have no names."),
    "messages[].refusal": Parameter(_MAPPED, "Text."),
    "messages[].audio": Parameter(_REFUSED, _STATE),
    "messages[].function_call": Parameter(_REFUSED, _DEPRECATED),
    "messages[].tool_calls": Parameter(_MAPPED, "`tool_use` blocks; those of the type `custom` are refused."),
    "messages[].tool_call_id": Parameter(_MAPPED, "`tool_use_id`; a digest where it has other characters."),
    "messages[].reasoning_content": Parameter(_IGNORED, "Earlier reasoning; without a signature it cannot go back."),
    "messages[].thinking_blocks": Parameter(
        _MAPPED, "Thinking with its signature, as this lane gives it out; others are left out, as Anthropic allows."
    ),
    "messages[].annotations": Parameter(_IGNORED, "Earlier citations; the text has what they are about."),
    "messages[].cache_control": _MARK,
}

_PARTS: Final[Mapping[str, Parameter]] = {
    "messages[].content[].type": Parameter(_MAPPED, "See the kinds of parts."),
    "messages[].content[].text": Parameter(_MAPPED, "`text`."),
    "messages[].content[].refusal": Parameter(_MAPPED, "`text`."),
    "messages[].content[].image_url": Parameter(_MAPPED, "See its members."),
    "messages[].content[].image_url.url": Parameter(
        _MAPPED, "`source`: base64 for data URLs of PNG, JPEG, GIF and WebP, else `url`."
    ),
    "messages[].content[].image_url.detail": Parameter(_DROPPED, "Images are scaled as the model does.", ("auto",)),
    "messages[].content[].input_audio": Parameter(_REFUSED, "Claude does not listen."),
    "messages[].content[].file": Parameter(_MAPPED, "See its members."),
    "messages[].content[].file.file_data": Parameter(_MAPPED, "`document.source`: PDF in base64, or plain text."),
    "messages[].content[].file.filename": Parameter(_MAPPED, "`document.title`."),
    "messages[].content[].file.file_id": Parameter(_REFUSED, _STATE),
    "messages[].content[].cache_control": _MARK,
    "messages[].content[].prompt_cache_breakpoint": _CACHING,
}

TABLE: Final = LaneTable("openai -> anthropic", {**_REQUEST, **_TOOLS, **_MESSAGES, **_PARTS})
"""The lane's table, by name."""
