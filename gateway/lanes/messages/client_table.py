"""Every parameter of Anthropic's Messages API, and the feature that each stands for.

Source of the names: https://docs.anthropic.com/en/api/messages, with its betas. A name is the way to the parameter:
`tools[].strict`, and `messages[].content[type=image]` for a kind of block. What stands in no row is dropped and
reported.
"""

from typing import Final

from gateway.lanes.conversation import Feature
from gateway.lanes.losses import Carried, ClientTable, Parameter, Treatment

_MAPPED, _IGNORED, _DROPPED, _REFUSED = Treatment

_STATE: Final = "it refers to state that Anthropic's servers hold."
_SEE: Final = Parameter(_MAPPED, "See its members.")
_TOOL: Final = Carried(Feature.TOOL)
_CHOICE: Final = Carried(Feature.TOOL_CHOICE)
_CALL: Final = Carried(Feature.CALL)
_MARK: Final = Carried(Feature.CACHE_MARK)
_SCHEMA: Final = Carried(Feature.JSON_SCHEMA)
_ONLY_SCHEMAS: Final = Parameter(_MAPPED, "`json_schema` is the only kind.")
_OF_SERVER_TOOLS: Final = Parameter(
    _DROPPED, "Of a tool that Anthropic's servers ran; the text of the turn says what came of it."
)
_SERVER_TOOL_BLOCKS: Final = (
    "advisor_tool_result",
    "bash_code_execution_tool_result",
    "browser_state",
    "code_execution_tool_result",
    "mcp_tool_listing",
    "mcp_tool_result",
    "mcp_tool_use",
    "server_tool_use",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "web_fetch_tool_result",
    "web_search_tool_result",
)
_STATE_BLOCKS: Final = ("compaction", "container_upload", "fallback", "tool_addition", "tool_removal")

_REQUEST: Final[ClientTable] = {
    "model": Carried(Feature.MODEL),
    "messages": Carried(Feature.TURNS),
    "messages[].role": Parameter(_MAPPED, "`user`, `assistant`, `system`."),
    "messages[role=system]": Carried(Feature.SYSTEM_TURN),
    "messages[role=assistant]": Carried(Feature.PREFILL, note="As the last message:"),
    "messages[].content": Carried(Feature.TURNS),
    "system": Carried(Feature.INSTRUCTIONS),
    "system[].type": Parameter(_MAPPED, "`text` is the only kind."),
    "system[].text": Carried(
        Feature.INSTRUCTIONS, note="What Claude Code tells of its billing is left out, since it is for Anthropic alone."
    ),
    "system[].cache_control": _MARK,
    "system[].citations": Carried(Feature.ASKS_CITATIONS),
    "max_tokens": Carried(Feature.OUTPUT_LIMIT, note="0 is refused, since it only fills Anthropic's cache."),
    "stop_sequences": Carried(Feature.STOPS),
    "stream": Carried(Feature.STREAM),
    "temperature": Carried(Feature.TEMPERATURE),
    "top_p": Carried(Feature.TOP_P),
    "top_k": Carried(Feature.TOP_K),
    "metadata": _SEE,
    "metadata.user_id": Carried(Feature.END_USER),
    "service_tier": Carried(Feature.SERVICE_TIER, note="`standard_only` is what others call `default`."),
    "thinking": _SEE,
    "thinking.type": Carried(Feature.EFFORT),
    "thinking.budget_tokens": Carried(Feature.THINKING_BUDGET),
    "thinking.display": Carried(Feature.SHOWN_THINKING, ("summarized",)),
    "output_config": _SEE,
    "output_config.effort": Carried(Feature.EFFORT),
    "output_config.format": _SCHEMA,
    "output_config.format.type": _ONLY_SCHEMAS,
    "output_config.format.schema": _SCHEMA,
    "output_config.task_budget": Parameter(_DROPPED, "There is no budget over several requests."),
    "output_format": Carried(Feature.JSON_SCHEMA, note="The older spelling of `output_config.format`."),
    "output_format.type": _ONLY_SCHEMAS,
    "output_format.schema": _SCHEMA,
    "cache_control": Carried(Feature.CACHE_HINT),
    "betas": Parameter(_DROPPED, "Betas are Anthropic's own."),
    "billing_policy": Parameter(_DROPPED, "Billing is Anthropic's own."),
    "compaction": Carried(Feature.CONTEXT_EDITING),
    "container": Parameter(_DROPPED, "There are no containers."),
    "context_management": Carried(Feature.CONTEXT_EDITING),
    "diagnostics": Parameter(_DROPPED, "Diagnostics are Anthropic's own."),
    "drop_tuning_params": Parameter(_IGNORED, "The gateway's own; it decides whether drops are refused."),
    "fallback_credit_token": Parameter(_DROPPED, "Credits are Anthropic's own."),
    "fallbacks": Parameter(_DROPPED, "The gateway's fallback chain decides."),
    "inference_geo": Carried(Feature.REGION, ("global",)),
    "mcp_servers": Carried(Feature.MCP_SERVER, ([],)),
    "speed": Parameter(_DROPPED, "There is no fast mode that every provider of the shape has.", ("standard",)),
    "thread": Parameter(_REFUSED, _STATE),
    "user_profile_id": Parameter(_DROPPED, "User profiles are Anthropic's own."),
    "workspace_id": Parameter(_DROPPED, "Workspaces are Anthropic's own."),
}

_TOOLS: Final[ClientTable] = {
    "tools": _TOOL,
    "tools[].type": Parameter(
        _REFUSED,
        "only Anthropic's models know this tool or its servers run it; declare a tool of your own.",
        ("custom",),
    ),
    "tools[].name": _TOOL,
    "tools[].description": _TOOL,
    "tools[].input_schema": _TOOL,
    "tools[].strict": Carried(Feature.STRICT_TOOL),
    "tools[].cache_control": _MARK,
    "tools[].eager_input_streaming": Parameter(_IGNORED, "Arguments are always streamed as they are made."),
    "tools[].defer_loading": Carried(Feature.DEFERRED_TOOL, (False,)),
    "tools[].allowed_callers": Parameter(_DROPPED, "Only the model calls tools.", (["direct"],)),
    "tools[].input_examples": Carried(Feature.TOOL_EXAMPLES, ([],)),
    "tool_choice": _CHOICE,
    "tool_choice.type": _CHOICE,
    "tool_choice.name": _CHOICE,
    "tool_choice.disable_parallel_tool_use": Carried(Feature.PARALLEL_CALLS),
}

_BLOCKS: Final[ClientTable] = {
    "messages[].content[type=text]": Carried(Feature.TEXT),
    "messages[].content[type=image]": Carried(Feature.IMAGE),
    "messages[].content[type=document]": Carried(Feature.DOCUMENT),
    "messages[].content[type=search_result]": Carried(Feature.SEARCH_RESULT),
    "messages[].content[type=tool_use]": _CALL,
    "messages[].content[type=tool_result]": Carried(Feature.RESULT),
    "messages[].content[type=tool_reference]": Parameter(_MAPPED, "Text; the tool is loaded anyway."),
    "messages[].content[type=thinking]": Carried(
        Feature.THOUGHT, note="To the provider that thought it; what is in an envelope is opened for it alone."
    ),
    "messages[].content[type=redacted_thinking]": Carried(Feature.THOUGHT),
    **{f"messages[].content[type={kind}]": _OF_SERVER_TOOLS for kind in _SERVER_TOOL_BLOCKS},
    **{f"messages[].content[type={kind}]": Parameter(_REFUSED, _STATE) for kind in _STATE_BLOCKS},
}

_BLOCK_MEMBERS: Final[ClientTable] = {
    "messages[].content[].type": Parameter(_MAPPED, "See the kinds of blocks."),
    "messages[].content[].text": Carried(Feature.TEXT),
    "messages[].content[].thinking": Carried(Feature.THOUGHT),
    "messages[].content[].signature": Carried(Feature.THOUGHT),
    "messages[].content[].data": Carried(Feature.THOUGHT, note="Of redacted thinking:"),
    "messages[].content[].cache_control": _MARK,
    "messages[].content[].citations": Carried(Feature.ASKS_CITATIONS, ({"enabled": False}, [])),
    "messages[].content[].title": Parameter(_MAPPED, "The document's name, or the search result's title."),
    "messages[].content[].context": Parameter(_MAPPED, "Goes with the document, or stands as text before it."),
    "messages[].content[].source": _SEE,
    **{
        f"messages[].content[].source.{name}": Parameter(_MAPPED, "What the image or the document is.")
        for name in ("type", "media_type", "data", "url", "content", "file_id")
    },
    "messages[].content[].source[type=file]": Parameter(_REFUSED, "the file is held by Anthropic's servers."),
    "messages[].content[].transformations": Parameter(_DROPPED, "Images are scaled as the provider does.", ({},)),
    "messages[].content[].id": _CALL,
    "messages[].content[].name": _CALL,
    "messages[].content[].input": _CALL,
    "messages[].content[].caller": Parameter(_IGNORED, "Only the model calls tools."),
    "messages[].content[].tool_use_id": Carried(Feature.RESULT),
    "messages[].content[].content": Carried(Feature.RESULT),
    "messages[].content[].is_error": Carried(Feature.FAILED_RESULT),
    "messages[].content[].tool_name": Parameter(_MAPPED, "The text of a `tool_reference`."),
}

CLIENT: Final[ClientTable] = {**_REQUEST, **_TOOLS, **_BLOCKS, **_BLOCK_MEMBERS}
"""What clients of the API send."""
