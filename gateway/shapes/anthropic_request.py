"""What requests in Anthropic's Messages shape declare (https://platform.claude.com/docs/en/api/beta/messages/create).

Betas are in: inline tools (`tool_addition` with a `tool_definition`), the MCP client, the advisor, server-side
fallbacks. A listing of an MCP server's tools (`mcp_tool_listing`, `tools` of an `mcp_toolset`) is used in the place of
asking the server. References (`tool_reference`, `mcp_tool_reference`, `mcp_toolset_reference`) only point at what is
declared, and a `fallback` block only tells of an answer before.
"""

from typing import Final

from gateway.shapes import dialects
from gateway.shapes.declares import END_USER, PLAIN, Declares, Kind, Place, Row, Says

_TOOL: Final = Kind(
    known={
        None: dialects.NAMED,
        "custom": dialects.NAMED,
        "mcp_toolset": Row(
            places=(Place("type", Says.TOOL), Place("mcp_server_name", Says.MCP), Place("tools[]", "listed"))
        ),
        **dict.fromkeys(
            (
                "advisor_20260301",
                "bash_20241022",
                "bash_20250124",
                "browser_toolset_20260801",
                "code_execution_20250522",
                "code_execution_20250825",
                "code_execution_20260120",
                "code_execution_20260521",
                "computer_20241022",
                "computer_20250124",
                "computer_20251124",
                "computer_toolset_20260801",
                "memory_20250818",
                "text_editor_20241022",
                "text_editor_20250124",
                "text_editor_20250429",
                "text_editor_20250728",
                "tool_search_tool_bm25",
                "tool_search_tool_bm25_20251119",
                "tool_search_tool_regex",
                "tool_search_tool_regex_20251119",
                "web_fetch_20250910",
                "web_fetch_20260209",
                "web_fetch_20260309",
                "web_fetch_20260318",
                "web_search_20250305",
                "web_search_20260209",
                "web_search_20260318",
            ),
            dialects.HOSTED,
        ),
    },
    every=dialects.EVERY_TOOL,
    other=dialects.HOSTED,
)
_CONTENT: Final = Row(places=(Place("content[]", "block", bulk=True),))
_BLOCK: Final = Kind(
    known={
        "document": Row(places=(Place("source.content[]", "block", bulk=True),)),
        "search_result": _CONTENT,
        "tool_result": _CONTENT,
        "mcp_tool_result": _CONTENT,
        "compaction": Row(places=(Place("tool_changes[]", "block"),)),
        "tool_addition": Row(places=(Place("tool", "change"),)),
        "mcp_tool_listing": Row(places=(Place("mcp_server_name", Says.MCP), Place("tools[]", "listed"))),
        **dict.fromkeys(
            (
                "advisor_tool_result",
                "bash_code_execution_tool_result",
                "browser_state",
                "code_execution_tool_result",
                "container_upload",
                "fallback",
                "image",
                "mcp_tool_use",
                "redacted_thinking",
                "server_tool_use",
                "text",
                "text_editor_code_execution_tool_result",
                "thinking",
                "tool_reference",
                "tool_removal",
                "tool_search_tool_result",
                "tool_use",
                "web_fetch_tool_result",
                "web_search_tool_result",
            ),
            PLAIN,
        ),
    },
    text=Says.NOTHING,
)
_CHANGE: Final = Kind(
    known={
        "tool_definition": Row(places=(Place("definition", "tool"),)),
        "tool_reference": PLAIN,
        "mcp_tool_reference": PLAIN,
        "mcp_toolset_reference": PLAIN,
    }
)
DECLARES: Final = Declares(
    places=(
        *dialects.PLACES,
        Place("messages[]", "message", bulk=True),
        Place("system[]", "block", bulk=True),
    ),
    kinds={
        **dialects.KINDS,
        "tool": _TOOL,
        "message": Kind(known={None: _CONTENT}, every=(Place("tools[]", "tool"),), tag="", text=Says.NOTHING),
        "block": _BLOCK,
        "change": _CHANGE,
    },
    output_caps=("max_tokens",),
    end_user=END_USER,
    search_caps=("tools[].max_uses",),
    routing=dialects.ROUTING,
)
"""Of the Messages API, and of its counting of tokens."""
