"""Every parameter of Anthropic's Messages API, and what becomes of it at a provider of OpenAI's chat shape.

Source of the names: https://docs.anthropic.com/en/api/messages, with its betas. Source of the targets:
https://platform.openai.com/docs/api-reference/chat/create. A name is the way to the parameter: `tools[].strict`, and
`messages[].content[type=image]` for a kind of block. What stands in no row is dropped and reported.
"""

from collections.abc import Mapping
from typing import Final

from gateway.lanes.losses import LaneTable, Parameter, Treatment

_MAPPED, _IGNORED, _DROPPED, _REFUSED = Treatment

_CACHING = Parameter(_IGNORED, "OpenAI caches prompts by itself; the answer does not depend on it.")
_SERVER_TOOLS = "it comes from a tool that Anthropic's servers run."
_STATE = "it refers to state that Anthropic's servers hold."

_REQUEST: Final[Mapping[str, Parameter]] = {
    "model": Parameter(_MAPPED, "`model`, as resolved."),
    "messages": Parameter(_MAPPED, "`messages`; consecutive turns of one role are combined, as Anthropic does."),
    "messages[].role": Parameter(_MAPPED, "`user`, `assistant`, `system`."),
    "messages[].content": Parameter(_MAPPED, "`content`, `tool_calls`, and messages of the role `tool`."),
    "system": Parameter(_MAPPED, "The first message, with the role `system`."),
    "system[].type": Parameter(_MAPPED, "`text` is the only kind."),
    "system[].text": Parameter(_MAPPED, "The message's text, one part for each block."),
    "system[].cache_control": _CACHING,
    "system[].citations": Parameter(_DROPPED, "Texts have no citations."),
    "max_tokens": Parameter(_MAPPED, "`max_completion_tokens`; 0 is refused, since it only fills Anthropic's cache."),
    "stop_sequences": Parameter(_MAPPED, "`stop`; more than four are refused."),
    "stream": Parameter(_MAPPED, "`stream`, with `stream_options.include_usage`."),
    "temperature": Parameter(_MAPPED, "`temperature`; dropped for models that reason, which take none."),
    "top_p": Parameter(_MAPPED, "`top_p`; dropped for models that reason, which take none."),
    "top_k": Parameter(_DROPPED, "There is no top-k sampling."),
    "metadata": Parameter(_MAPPED, "See its members."),
    "metadata.user_id": Parameter(_MAPPED, "`user`; its SHA-256 where it is longer than 64 characters."),
    "service_tier": Parameter(_MAPPED, "`service_tier`: `auto` stays, `standard_only` becomes `default`."),
    "thinking": Parameter(_MAPPED, "See its members."),
    "thinking.type": Parameter(
        _MAPPED,
        "`reasoning_effort`: `enabled` by its budget, `disabled` the least that the model has, `adaptive` its default.",
    ),
    "thinking.budget_tokens": Parameter(
        _MAPPED, "`reasoning_effort`: low below 8,192, medium below 24,576, else high."
    ),
    "thinking.display": Parameter(_DROPPED, "Reasoning comes as the provider shows it.", ("summarized",)),
    "output_config": Parameter(_MAPPED, "See its members."),
    "output_config.effort": Parameter(_MAPPED, "`reasoning_effort`, or the next lower one that the model has."),
    "output_config.format": Parameter(_MAPPED, "`response_format` of the type `json_schema`."),
    "output_config.format.type": Parameter(_MAPPED, "`json_schema` is the only kind."),
    "output_config.format.schema": Parameter(_MAPPED, "`response_format.json_schema.schema`; strict where it can be."),
    "output_config.task_budget": Parameter(_DROPPED, "There is no budget over several requests."),
    "output_format": Parameter(_MAPPED, "The older spelling of `output_config.format`."),
    "output_format.type": Parameter(_MAPPED, "`json_schema` is the only kind."),
    "output_format.schema": Parameter(_MAPPED, "`response_format.json_schema.schema`; strict where it can be."),
    "cache_control": _CACHING,
    "betas": Parameter(_DROPPED, "Betas are Anthropic's own."),
    "billing_policy": Parameter(_DROPPED, "Billing is Anthropic's own."),
    "compaction": Parameter(_DROPPED, "Conversations are not compacted by the server."),
    "container": Parameter(_DROPPED, "There are no containers."),
    "context_management": Parameter(_DROPPED, "Conversations are not edited by the server."),
    "diagnostics": Parameter(_DROPPED, "Diagnostics are Anthropic's own."),
    "drop_tuning_params": Parameter(_IGNORED, "The gateway's own; it decides whether drops are refused."),
    "fallback_credit_token": Parameter(_DROPPED, "Credits are Anthropic's own."),
    "fallbacks": Parameter(_DROPPED, "The gateway's fallback chain decides."),
    "inference_geo": Parameter(_REFUSED, "where the request is processed cannot be promised.", ("global",)),
    "mcp_servers": Parameter(_REFUSED, "the provider calls no MCP servers.", ([],)),
    "speed": Parameter(_DROPPED, "There is no fast mode that every provider of the shape has.", ("standard",)),
    "thread": Parameter(_REFUSED, _STATE),
    "user_profile_id": Parameter(_DROPPED, "User profiles are Anthropic's own."),
    "workspace_id": Parameter(_DROPPED, "Workspaces are Anthropic's own."),
}

_TOOLS: Final[Mapping[str, Parameter]] = {
    "tools": Parameter(_MAPPED, "`tools` of the type `function`."),
    "tools[].type": Parameter(
        _REFUSED,
        "only Anthropic's models know this tool or its servers run it; declare a tool of your own.",
        ("custom",),
    ),
    "tools[].name": Parameter(_MAPPED, "`function.name`; OpenAI itself takes 64 characters at most."),
    "tools[].description": Parameter(_MAPPED, "`function.description`."),
    "tools[].input_schema": Parameter(_MAPPED, "`function.parameters`; `properties` is added where it is missing."),
    "tools[].strict": Parameter(
        _MAPPED, "`function.strict`; dropped where OpenAI's strict mode cannot hold the schema."
    ),
    "tools[].cache_control": _CACHING,
    "tools[].eager_input_streaming": Parameter(_IGNORED, "Arguments are always streamed as they are made."),
    "tools[].defer_loading": Parameter(_DROPPED, "Every tool is loaded at once.", (False,)),
    "tools[].allowed_callers": Parameter(_DROPPED, "Only the model calls tools.", (["direct"],)),
    "tools[].input_examples": Parameter(_DROPPED, "Functions have no examples.", ([],)),
    "tool_choice": Parameter(_MAPPED, "See its members."),
    "tool_choice.type": Parameter(_MAPPED, "`tool_choice`: `any` becomes `required`, `tool` names the function."),
    "tool_choice.name": Parameter(_MAPPED, "`tool_choice.function.name`."),
    "tool_choice.disable_parallel_tool_use": Parameter(_MAPPED, "`parallel_tool_calls: false`."),
}

_BLOCKS: Final[Mapping[str, Parameter]] = {
    "messages[].content[type=text]": Parameter(_MAPPED, "Text, or a part of the type `text`."),
    "messages[].content[type=image]": Parameter(_MAPPED, "A part of the type `image_url`."),
    "messages[].content[type=document]": Parameter(_MAPPED, "A part of the type `file` for PDF, else text."),
    "messages[].content[type=search_result]": Parameter(_MAPPED, "Text that leads with its title and source."),
    "messages[].content[type=tool_use]": Parameter(_MAPPED, "An entry of the assistant's `tool_calls`."),
    "messages[].content[type=tool_result]": Parameter(
        _MAPPED,
        "A message of the role `tool`; its images and PDFs follow in the next user message, an error says so in text.",
    ),
    "messages[].content[type=tool_reference]": Parameter(_MAPPED, "Text; the tool is loaded anyway."),
    "messages[].content[type=thinking]": Parameter(
        _IGNORED,
        "`reasoning_content`, to the provider that gave it as such; else left out, since Chat Completions has no place "
        "for earlier reasoning.",
    ),
    "messages[].content[type=redacted_thinking]": Parameter(
        _IGNORED, "Chat Completions has no place for earlier reasoning and asks for none."
    ),
    **{
        f"messages[].content[type={kind}]": Parameter(_REFUSED, _SERVER_TOOLS)
        for kind in (
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
    },
    **{
        f"messages[].content[type={kind}]": Parameter(_REFUSED, _STATE)
        for kind in ("compaction", "container_upload", "fallback", "tool_addition", "tool_removal")
    },
}

_BLOCK_MEMBERS: Final[Mapping[str, Parameter]] = {
    "messages[].content[].type": Parameter(_MAPPED, "See the kinds of blocks."),
    "messages[].content[].text": Parameter(_MAPPED, "The text."),
    "messages[].content[].cache_control": _CACHING,
    "messages[].content[].citations": Parameter(_DROPPED, "Answers cite nothing.", ({"enabled": False}, [])),
    "messages[].content[].title": Parameter(_MAPPED, "The file's name, or text before the document."),
    "messages[].content[].context": Parameter(_MAPPED, "Text before the document."),
    "messages[].content[].source": Parameter(_MAPPED, "See its members."),
    **{
        f"messages[].content[].source.{name}": Parameter(_MAPPED, "A data URL, the URL, or text, by its kind.")
        for name in ("type", "media_type", "data", "url", "content", "file_id")
    },
    "messages[].content[].source[type=file]": Parameter(_REFUSED, "the file is held by Anthropic's servers."),
    "messages[].content[].source[type=url]": Parameter(
        _MAPPED, "`image_url.url`; refused for documents, which can only be sent along."
    ),
    "messages[].content[].transformations": Parameter(_DROPPED, "Images are scaled as the provider does.", ({},)),
    "messages[].content[].id": Parameter(_MAPPED, "`tool_calls[].id`."),
    "messages[].content[].name": Parameter(_MAPPED, "`tool_calls[].function.name`."),
    "messages[].content[].input": Parameter(_MAPPED, "`tool_calls[].function.arguments`, as JSON text."),
    "messages[].content[].caller": Parameter(_IGNORED, "Only the model calls tools."),
    "messages[].content[].tool_use_id": Parameter(_MAPPED, "`tool_call_id`."),
    "messages[].content[].content": Parameter(_MAPPED, "`content`, as text."),
    "messages[].content[].is_error": Parameter(_MAPPED, "The text begins with `Error: `."),
    "messages[].content[].tool_name": Parameter(_MAPPED, "The text of a `tool_reference`."),
}

TABLE: Final = LaneTable("anthropic -> openai", {**_REQUEST, **_TOOLS, **_BLOCKS, **_BLOCK_MEMBERS})
"""The lane's table, by name."""
