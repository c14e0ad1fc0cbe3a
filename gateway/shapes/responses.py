"""OpenAI's Responses (https://platform.openai.com/docs/api-reference/responses).

`mcp_list_tools` is what a server is said to have listed before: the model calls by it, and the server is not asked
again. Calls, approvals, `tool_choice` and references only point at what is declared.
"""

from typing import Final

from gateway.shapes import dialects, openai_usage
from gateway.shapes.declares import END_USER, PLAIN, Declares, Kind, Place, Row, Says
from gateway.shapes.shape import Shape
from gateway.shapes.vendor import Vendor

_MESSAGE: Final = Row(places=(Place("content[]", "part", bulk=True),))
_OUTPUT: Final = Row(places=(Place("output[]", "part", bulk=True),))
_ITEM: Final = Kind(
    known={
        None: _MESSAGE,
        "message": _MESSAGE,
        "function_call_output": _OUTPUT,
        "custom_tool_call_output": _OUTPUT,
        "additional_tools": Row(places=(Place("tools[]", "tool"),)),
        "tool_search_output": Row(places=(Place("tools[]", "tool"),)),
        "mcp_list_tools": Row(places=(Place("server_label", Says.MCP), Place("tools[]", "listed"))),
        **dict.fromkeys(
            (
                "apply_patch_call",
                "apply_patch_call_output",
                "code_interpreter_call",
                "compaction",
                "compaction_trigger",
                "computer_call",
                "computer_call_output",
                "configuration_update",
                "custom_tool_call",
                "file_search_call",
                "function_call",
                "image_generation_call",
                "item_reference",
                "local_shell_call",
                "local_shell_call_output",
                "mcp_approval_request",
                "mcp_approval_response",
                "mcp_call",
                "program",
                "program_output",
                "reasoning",
                "shell_call",
                "shell_call_output",
                "tool_search_call",
                "web_search_call",
            ),
            PLAIN,
        ),
    },
    every=(Place("tools[]", "tool"),),
    text=Says.NOTHING,
)
_PART: Final = Kind(
    known=dict.fromkeys(
        (
            "input_text",
            "input_image",
            "input_file",
            "input_audio",
            "output_text",
            "refusal",
            "reasoning_text",
            "summary_text",
            "text",
            "computer_screenshot",
        ),
        PLAIN,
    ),
    text=Says.NOTHING,
)
DECLARES: Final = Declares(
    places=(
        *dialects.PLACES,
        Place("moderation.model", Says.MODEL),
        Place("input[]", "item", bulk=True),
    ),
    kinds={**dialects.KINDS, "item": _ITEM, "part": _PART},
    output_caps=("max_output_tokens",),
    end_user=END_USER,
    search_caps=("max_tool_calls",),
    routing=dialects.ROUTING,
    refused={"background": "Responses in the background are not served: there is no way to fetch them here."},
)
RESPONSES: Final = Shape(
    name="responses",
    vendor=Vendor.OPENAI,
    read_usage=openai_usage.read_body,
    read_event=openai_usage.read_event,
    declares=DECLARES,
)
