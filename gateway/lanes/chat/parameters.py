"""Every parameter of OpenAI's Chat Completions: what it asks for, and what becomes of each feature at such a provider.

Source of the names: https://platform.openai.com/docs/api-reference/chat/create; the extensions `cache_control`,
`thinking`, `thinking_blocks`, `reasoning_content` and `extra_content` are those of compatible servers.
"""

from typing import Final

from gateway.lanes.conversation import Feature
from gateway.lanes.losses import Carried, ClientTable, Parameter, TargetTable, Treatment

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

TARGET: Final[TargetTable] = {
    Feature.MODEL: Parameter(_MAPPED, "`model`, as resolved."),
    Feature.INSTRUCTIONS: Parameter(_MAPPED, "The first message, with the role `system`."),
    Feature.TURNS: Parameter(_MAPPED, "`messages`; consecutive turns of one role are combined."),
    Feature.SYSTEM_TURN: Parameter(_MAPPED, "A message with the role `system`, in its place."),
    Feature.PREFILL: Parameter(_REFUSED, "the model cannot be made to continue a text that the request begins for it."),
    Feature.TEXT: Parameter(_MAPPED, "`content`, or a part of the type `text`."),
    Feature.IMAGE: Parameter(_MAPPED, "A part of the type `image_url`: a data URL, or the URL."),
    Feature.IMAGE_DETAIL: Parameter(_MAPPED, "`image_url.detail`."),
    Feature.AUDIO: Parameter(_MAPPED, "A part of the type `input_audio`, for WAV and MP3."),
    Feature.VIDEO: Parameter(_REFUSED, "Videos do not cross."),
    Feature.DOCUMENT: Parameter(
        _MAPPED, "A part of the type `file`, or text where it is text; refused by URL, since nothing is fetched."
    ),
    Feature.SEARCH_RESULT: Parameter(_MAPPED, "Text that leads with its title and source."),
    Feature.ASKS_CITATIONS: Parameter(_DROPPED, "Answers cite nothing that was sent along."),
    Feature.THOUGHT: Parameter(
        _MAPPED,
        "`reasoning_content`, to the provider that gave it as such; else left out, since Chat Completions has no place "
        "for earlier reasoning and asks for none.",
    ),
    Feature.CALL: Parameter(_MAPPED, "An entry of `tool_calls`, with its arguments as JSON text."),
    Feature.RESULT: Parameter(
        _MAPPED, "A message of the role `tool`; its images and files follow in the next user message."
    ),
    Feature.FAILED_RESULT: Parameter(_MAPPED, "The text begins with `Error: `."),
    Feature.SERVER_CALL: Parameter(_REFUSED, "it comes from a tool that another provider's servers run."),
    Feature.CACHE_MARK: Parameter(_IGNORED, "OpenAI caches prompts by itself; the answer does not depend on it."),
    Feature.CACHE_HINT: Parameter(_IGNORED, "OpenAI caches prompts by itself; the answer does not depend on it."),
    Feature.OUTPUT_LIMIT: Parameter(_MAPPED, "`max_completion_tokens`."),
    Feature.TEMPERATURE: Parameter(_MAPPED, "`temperature`; dropped for models that reason, which take none."),
    Feature.TOP_P: Parameter(_MAPPED, "`top_p`; dropped for models that reason, which take none."),
    Feature.TOP_K: Parameter(_DROPPED, "There is no top-k sampling."),
    Feature.STOPS: Parameter(_MAPPED, "`stop`; more than four are refused."),
    Feature.SEED: Parameter(_MAPPED, "`seed`."),
    Feature.PENALTIES: Parameter(_MAPPED, "The same; dropped for models that reason, which take none."),
    Feature.LOGIT_BIAS: Parameter(_DROPPED, "Tokens are other ones at another provider."),
    Feature.LOGPROBS: Parameter(_DROPPED, "Log probabilities do not cross."),
    Feature.CHOICES: Parameter(_REFUSED, "There is one answer."),
    Feature.STREAM: Parameter(_MAPPED, "`stream`, with `stream_options.include_usage`."),
    Feature.STREAM_USAGE: Parameter(_MAPPED, "Made from the last chunk."),
    Feature.STREAM_PADDING: Parameter(_IGNORED, "Padding that clients skip."),
    Feature.END_USER: Parameter(_MAPPED, "`user`; its SHA-256 where it is longer than 64 characters."),
    Feature.METADATA: Parameter(_DROPPED, "Only stored answers have metadata."),
    Feature.SERVICE_TIER: Parameter(_MAPPED, "`service_tier`."),
    Feature.EFFORT: Parameter(
        _MAPPED,
        "`reasoning_effort`, or the next lower one that the model has; switched off it is the least. `none` where the "
        "model does not reason beside tools in this API.",
    ),
    Feature.THINKING_BUDGET: Parameter(_MAPPED, "`reasoning_effort`: low below 8,192, medium below 24,576, else high."),
    Feature.SHOWN_THINKING: Parameter(_DROPPED, "Reasoning comes as the provider shows it."),
    Feature.JSON_SCHEMA: Parameter(_MAPPED, "`response_format` of the type `json_schema`; strict where it can be."),
    Feature.JSON_MODE: Parameter(_MAPPED, "`response_format` of the type `json_object`."),
    Feature.SCHEMA_NAME: Parameter(_MAPPED, "`json_schema.name`, `answer` without one that can be."),
    Feature.SCHEMA_DESCRIPTION: Parameter(_MAPPED, "`json_schema.description`."),
    Feature.STRICT_SCHEMA: Parameter(_MAPPED, "`json_schema.strict`, where OpenAI's strict mode can hold the schema."),
    Feature.VERBOSITY: Parameter(_MAPPED, "`verbosity`, for GPT-5 and later; dropped for other models."),
    Feature.TOOL: Parameter(
        _MAPPED, "`tools` of the type `function`; `properties` is added to a schema where it is missing."
    ),
    Feature.STRICT_TOOL: Parameter(
        _MAPPED, "`function.strict`; dropped where OpenAI's strict mode cannot hold the schema."
    ),
    Feature.CUSTOM_TOOL: Parameter(
        _MAPPED, "A function whose `input` is the text; a grammar stands in its description."
    ),
    Feature.TOOL_GROUP: Parameter(_MAPPED, "The beginning of the tool's name."),
    Feature.TOOL_EXAMPLES: Parameter(_DROPPED, "Functions have no examples."),
    Feature.DEFERRED_TOOL: Parameter(_DROPPED, "Every tool is loaded at once."),
    Feature.WEB_SEARCH: Parameter(_REFUSED, "the search of another provider is not there."),
    Feature.SERVER_TOOL: Parameter(_REFUSED, "another provider runs this tool; declare one of your own."),
    Feature.MCP_SERVER: Parameter(_REFUSED, "the provider calls no MCP servers."),
    Feature.TOOL_CHOICE: Parameter(_MAPPED, "`tool_choice`."),
    Feature.PARALLEL_CALLS: Parameter(_MAPPED, "`parallel_tool_calls`."),
    Feature.STORED_ANSWER: Parameter(_DROPPED, "Answers are not stored."),
    Feature.STORED_STATE: Parameter(_REFUSED, "it refers to state that another API's servers hold."),
    Feature.SPOKEN_ANSWER: Parameter(_REFUSED, "Answers are text."),
    Feature.PREDICTION: Parameter(_DROPPED, "Predicted outputs do not cross."),
    Feature.MODERATION: Parameter(_REFUSED, "moderation by the provider does not cross."),
    Feature.SAFETY: Parameter(_DROPPED, "There are no settings of safety."),
    Feature.CONTEXT_EDITING: Parameter(_DROPPED, "Conversations are not edited by the server."),
    Feature.REGION: Parameter(_REFUSED, "where the request is processed cannot be promised."),
    Feature.PROVIDERS_OWN: Parameter(_DROPPED, "It is another provider's own."),
}
"""What becomes of each feature at providers of the API."""
