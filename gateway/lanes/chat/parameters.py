"""Every parameter of OpenAI's Chat Completions: what it asks for, and what becomes of each feature at such a provider.

Source of the names: https://platform.openai.com/docs/api-reference/chat/create; the extensions `cache_control`,
`thinking`, `thinking_blocks`, `reasoning_content` and `extra_content` are those of compatible servers.
"""

from typing import Final

from gateway.lanes.conversation import Feature
from gateway.lanes.losses import Carried, ClientTable, Parameter, Treatment

_MAPPED, _IGNORED, _DROPPED, _REFUSED = Treatment

_SEE: Final = Parameter(_MAPPED, "See its members.")
_DEPRECATED: Final = "it is deprecated; use `tools`, `tool_choice` and messages of the role `tool`."
_STATE: Final = "it refers to state that OpenAI's servers hold."
_CACHING: Final = Carried(Feature.CACHE_HINT)
_MARK: Final = Carried(Feature.CACHE_MARK)
_TOOL: Final = Carried(Feature.TOOL)
_CUSTOM: Final = Carried(Feature.CUSTOM_TOOL)
_CHOICE: Final = Carried(Feature.TOOL_CHOICE)
_CALL: Final = Carried(Feature.CALL)
_THOUGHT: Final = Carried(Feature.THOUGHT)

CLIENT_TABLE: Final[ClientTable] = {
    "model": Carried(Feature.MODEL),
    "messages": Carried(Feature.TURNS),
    "audio": Carried(Feature.SPOKEN_ANSWER),
    "drop_tuning_params": Parameter(_IGNORED, "The gateway's own; it decides whether drops are refused."),
    "frequency_penalty": Carried(Feature.PENALTIES, harmless=(0, 0.0)),
    "function_call": Parameter(_REFUSED, _DEPRECATED, harmless=("none",)),
    "functions": Parameter(_REFUSED, _DEPRECATED, harmless=([],)),
    "logit_bias": Carried(Feature.LOGIT_BIAS, harmless=({},)),
    "logprobs": Carried(Feature.LOGPROBS, harmless=(False,)),
    "max_completion_tokens": Carried(Feature.OUTPUT_LIMIT),
    "max_tokens": Carried(Feature.OUTPUT_LIMIT, note="Unless `max_completion_tokens` is there:"),
    "metadata": Carried(Feature.METADATA),
    "metadata.user_id": Parameter(_MAPPED, "The end user, unless `safety_identifier` or `user` names one."),
    "modalities": Carried(Feature.SPOKEN_ANSWER, harmless=(["text"], [])),
    "moderation": Carried(Feature.MODERATION),
    "n": Carried(Feature.CHOICES, harmless=(1,)),
    "parallel_tool_calls": Carried(Feature.PARALLEL_CALLS, harmless=(True,)),
    "prediction": Carried(Feature.PREDICTION),
    "presence_penalty": Carried(Feature.PENALTIES, harmless=(0, 0.0)),
    "prompt_cache_key": _CACHING,
    "prompt_cache_options": _CACHING,
    "prompt_cache_retention": _CACHING,
    "reasoning_effort": Carried(Feature.EFFORT),
    "response_format": _SEE,
    "response_format.type": Parameter(_MAPPED, "`text`, `json_object` and `json_schema`."),
    "response_format[type=json_object]": Carried(Feature.JSON_MODE),
    "response_format.json_schema": Carried(Feature.JSON_SCHEMA),
    "response_format.json_schema.name": Carried(Feature.SCHEMA_NAME),
    "response_format.json_schema.description": Carried(Feature.SCHEMA_DESCRIPTION),
    "response_format.json_schema.schema": Carried(Feature.JSON_SCHEMA),
    "response_format.json_schema.strict": Carried(Feature.STRICT_SCHEMA),
    "safety_identifier": Carried(Feature.END_USER),
    "seed": Carried(Feature.SEED),
    "service_tier": Carried(Feature.SERVICE_TIER),
    "stop": Carried(Feature.STOPS),
    "store": Carried(Feature.STORED_ANSWER, harmless=(False,)),
    "stream": Carried(Feature.STREAM),
    "stream_options": _SEE,
    "stream_options.include_usage": Carried(Feature.STREAM_USAGE),
    "stream_options.include_obfuscation": Carried(Feature.STREAM_PADDING),
    "temperature": Carried(Feature.TEMPERATURE),
    "thinking": Carried(
        Feature.THINKING_BUDGET, note="An extension of Anthropic's own compatible endpoint, before `reasoning_effort`:"
    ),
    "thinking.type": Carried(Feature.THINKING_BUDGET),
    "thinking.budget_tokens": Carried(Feature.THINKING_BUDGET),
    "thinking.display": Carried(Feature.SHOWN_THINKING),
    "top_logprobs": Carried(Feature.LOGPROBS, harmless=(0,)),
    "top_p": Carried(Feature.TOP_P),
    "user": Carried(Feature.END_USER, note="Unless `safety_identifier` is there:"),
    "verbosity": Carried(Feature.VERBOSITY, harmless=("medium",)),
    "web_search_options": Carried(Feature.WEB_SEARCH),
    "tools": _TOOL,
    "tools[].type": Parameter(_MAPPED, "`function` and `custom`."),
    "tools[].function": _TOOL,
    "tools[].function.name": _TOOL,
    "tools[].function.description": _TOOL,
    "tools[].function.parameters": _TOOL,
    "tools[].function.strict": Carried(Feature.STRICT_TOOL, harmless=(False,)),
    "tools[].function.cache_control": _MARK,
    "tools[].custom": _CUSTOM,
    "tools[].custom.name": _CUSTOM,
    "tools[].custom.description": _CUSTOM,
    "tools[].custom.format": _CUSTOM,
    "tools[].cache_control": _MARK,
    "tool_choice": _CHOICE,
    "tool_choice.type": Parameter(_MAPPED, "`function`, `custom` and `allowed_tools`."),
    "tool_choice.function": _CHOICE,
    "tool_choice.function.name": _CHOICE,
    "tool_choice.custom": _CHOICE,
    "tool_choice.custom.name": _CHOICE,
    "tool_choice.allowed_tools": _CHOICE,
    "tool_choice.allowed_tools.mode": _CHOICE,
    "tool_choice.allowed_tools.tools": Parameter(_MAPPED, "Only these tools are sent, or may be called."),
    "messages[].role": Parameter(_MAPPED, "`function` is refused, since it is deprecated."),
    "messages[role=system]": Carried(
        Feature.SYSTEM_TURN, note="`system` and `developer`; the last of a request with nothing else is the user's."
    ),
    "messages[].content": Carried(Feature.TEXT),
    "messages[].name": Parameter(_DROPPED, "Participants have no names."),
    "messages[].refusal": Carried(Feature.TEXT),
    "messages[].audio": Parameter(_REFUSED, _STATE),
    "messages[].function_call": Parameter(_REFUSED, _DEPRECATED),
    "messages[].tool_calls": _CALL,
    "messages[].tool_calls[].id": _CALL,
    "messages[].tool_calls[].type": Parameter(_MAPPED, "`function` and `custom`."),
    "messages[].tool_calls[].index": Parameter(_IGNORED, "The place in a stream, which is the place in the list."),
    "messages[].tool_calls[].custom": _CALL,
    "messages[].tool_calls[].custom.name": _CALL,
    "messages[].tool_calls[].custom.input": _CALL,
    "messages[].tool_calls[].function": _CALL,
    "messages[].tool_calls[].function.name": _CALL,
    "messages[].tool_calls[].function.arguments": _CALL,
    "messages[].tool_calls[].function.parsed_arguments": Parameter(
        _IGNORED, "`arguments` once more, as OpenAI's SDK adds."
    ),
    "messages[].tool_calls[].extra_content": Parameter(
        _MAPPED, "What the provider that made the call wants back with it; nothing of it goes to others."
    ),
    "messages[].tool_calls[].cache_control": _MARK,
    "messages[].tool_call_id": Carried(Feature.RESULT),
    "messages[].reasoning_content": _THOUGHT,
    "messages[].thinking_blocks": _THOUGHT,
    "messages[].thinking_blocks[].type": Parameter(_MAPPED, "`thinking` and `redacted_thinking`."),
    "messages[].thinking_blocks[].thinking": _THOUGHT,
    "messages[].thinking_blocks[].signature": _THOUGHT,
    "messages[].thinking_blocks[].data": _THOUGHT,
    "messages[].thinking_blocks[].index": Parameter(_IGNORED, "The place in a stream."),
    "messages[].annotations": Parameter(_IGNORED, "Earlier citations; the text has what they are about."),
    "messages[].cache_control": _MARK,
    "messages[].content[].type": Parameter(_MAPPED, "See the kinds of parts."),
    "messages[].content[].text": Carried(Feature.TEXT),
    "messages[].content[].refusal": Carried(Feature.TEXT),
    "messages[].content[].thinking": Carried(
        Feature.THOUGHT, note="Of a part `thinking`, as Envoy's clients send it, with its `signature`:"
    ),
    "messages[].content[].signature": _THOUGHT,
    "messages[].content[].data": Carried(Feature.THOUGHT, note="Of a part `redacted_thinking`:"),
    "messages[].content[].redactedContent": Carried(Feature.THOUGHT, note="The same, as Envoy's clients write it:"),
    "messages[].content[].image_url": _SEE,
    "messages[].content[].image_url.url": Carried(Feature.IMAGE, note="A PDF is a document."),
    "messages[].content[].image_url.detail": Carried(Feature.IMAGE_DETAIL, harmless=("auto",)),
    "messages[].content[].input_audio": Carried(Feature.AUDIO),
    "messages[].content[].input_audio.data": Carried(Feature.AUDIO),
    "messages[].content[].input_audio.format": Carried(Feature.AUDIO),
    "messages[].content[].file": _SEE,
    "messages[].content[].file.file_data": Carried(Feature.DOCUMENT),
    "messages[].content[].file.filename": Carried(Feature.DOCUMENT),
    "messages[].content[].file.file_id": Parameter(_REFUSED, _STATE),
    "messages[].content[].cache_control": _MARK,
    "messages[].content[].prompt_cache_breakpoint": _CACHING,
}
"""What clients of the API send."""
