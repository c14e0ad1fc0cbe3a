"""What servers take on every API beside its own members, and which tools they know.

OpenAI's tools: https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools. Chat has only
`function` and `custom` of them; compatible servers take the rest there too. Aggregators and compatible servers:
`models` and `plugins` (https://openrouter.ai/docs/guides/routing/model-fallbacks, /docs/guides/features/plugins),
`fallbacks` (https://docs.litellm.ai/docs/proxy/reliability, https://assemblyai.com/docs/llm-gateway/fallback),
`compound_custom` (https://console.groq.com/docs/compound), `search_parameters` (https://docs.x.ai/docs/guides/live-search),
`enable_search` (https://www.alibabacloud.com/help/en/model-studio/web-search). Tools of OpenRouter's own:
https://openrouter.ai/docs/guides/features/server-tools.
"""

from typing import Final

from gateway.shapes.declares import END_USER, OF_MCP, OF_MODELS, PLAIN, Declares, Kind, Place, Row, Says

SERVER: Final = ("server_label", "server_url", "connector_id", "tunnel_id")
"""How a tool of type `mcp` says which server it means."""

HOSTED: Final = Row(places=(Place("type", Says.TOOL),))
"""A tool that the provider runs: its type says what it does."""

NAMED: Final = Row(needs=("function.name", "custom.name", "name"))
"""A tool that the caller runs."""

EVERY_TOOL: Final = (
    Place("function.name", Says.TOOL),
    Place("custom.name", Says.TOOL),
    Place("name", Says.TOOL),
    *(Place(name, Says.MCP) for name in SERVER),
    Place("tools[]", "tool"),
    Place("model", Says.MODEL),
    Place("svg.model", Says.MODEL),
)
"""What is judged in a tool whatever its type: a server that knows more types still reads the same names."""

_OPENAI_HOSTED: Final = (
    "apply_patch",
    "code_interpreter",
    "computer",
    "computer_use",
    "computer_use_preview",
    "file_search",
    "image_generation",
    "local_shell",
    "programmatic_tool_calling",
    "shell",
    "tool_search",
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
)

_OPENROUTER_HOSTED: Final = (
    "openrouter:advisor",
    "openrouter:apply_patch",
    "openrouter:bash",
    "openrouter:datetime",
    "openrouter:files",
    "openrouter:fusion",
    "openrouter:image_generation",
    "openrouter:shell",
    "openrouter:subagent",
    "openrouter:web_fetch",
    "openrouter:web_search",
)

_OF_OPENROUTER: Final = Row(
    places=(
        Place("type", Says.TOOL),
        Place("parameters.model", Says.MODEL),
        Place("parameters.analysis_models[]", Says.MODEL),
        Place("parameters.tools[]", "tool"),
    )
)

TOOL: Final = Kind(
    known={
        None: NAMED,
        "function": NAMED,
        "custom": NAMED,
        "namespace": PLAIN,
        "mcp": Row(needs=SERVER, needs_for=OF_MCP),
        **dict.fromkeys(_OPENAI_HOSTED, HOSTED),
        **dict.fromkeys(_OPENROUTER_HOSTED, _OF_OPENROUTER),
    },
    every=EVERY_TOOL,
    other=HOSTED,
)
"""A tool as OpenAI's APIs and their dialects have it."""

KINDS: Final = {
    "tool": TOOL,
    "function": Kind(known={None: Row(needs=("name",))}, every=(Place("name", Says.TOOL),), tag=""),
    "server": Kind(
        known={None: Row(needs=("name", "url"), needs_for=OF_MCP)},
        every=(Place("name", Says.MCP), Place("url", Says.MCP)),
        tag="",
    ),
    "listed": Kind(every=(Place("name", Says.LISTED_TOOL),), tag=""),
    "fallback": Kind(
        known={None: Row(needs=("model",), needs_for=OF_MODELS)},
        every=(Place("model", Says.MODEL),),
        tag="",
        text=Says.MODEL,
    ),
}
"""The kinds that `PLACES` lead to."""

PLACES: Final = (
    Place("tools[]", "tool"),
    Place("functions[]", "function"),
    Place("mcp_servers[]", "server"),
    Place("web_search_options", Says.TOOL, said="web_search_options"),
    Place("search_parameters", Says.TOOL, said="search_parameters"),
    Place("enable_search", Says.TOOL, said="enable_search"),
    Place("plugins[].id", Says.TOOL),
    Place("compound_custom.tools.enabled_tools[]", Says.TOOL),
    Place("plugins[].model", Says.MODEL),
    Place("plugins[].analysis_models[]", Says.MODEL),
    Place("compound_custom.models.answering_model", Says.MODEL),
    Place("compound_custom.models.reasoning_model", Says.MODEL),
    Place("models[]", Says.MODEL),
    Place("fallbacks[]", "fallback"),
    Place("fallback_models[]", Says.MODEL),
)
"""What every API with a conversation may be asked for at the top of the body."""

ROUTING: Final = ("stream", "service_tier", "inference_geo", "speed")
"""Members by which requests are routed or priced."""

DECLARES: Final = Declares(places=PLACES, kinds=KINDS, end_user=END_USER, routing=ROUTING)
"""What the requests of an API declare that has nothing of its own."""
