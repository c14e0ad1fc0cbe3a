"""Every parameter of OpenAI's Responses, and what of a request it is.

Source of the names: https://platform.openai.com/docs/api-reference/responses/create. A name is the way to the
parameter: `tools[type=function].strict`, `input[type=reasoning].summary`, and `input[].content[type=input_image]` for a
kind of part, wherever it stands. What stands in no row is dropped and reported.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from gateway.lanes.conversation import Feature
from gateway.lanes.losses import Carried, ClientTable, Parameter, Treatment

_Row = tuple[str, Carried | Parameter]

_MAPPED, _IGNORED, _DROPPED, _REFUSED = Treatment

_STATE: Final = "it refers to state that OpenAI's servers hold; send the whole conversation as `input`."
_HOSTED: Final = "OpenAI's servers run it; declare a function of your own."
_SEARCH: Final = f"{_HOSTED} Beside other tools it is left out; alone, or where it is forced, it is refused."
_RAN: Final = "What a tool of OpenAI's servers did before; the model goes on without it."
_COMPACTION: Final = "only OpenAI's models compact so; let the client summarize the conversation itself."
_ENCLOSED: Final = "The kind is in the parameter's name."
_ECHOED: Final = "The answer repeats it."
_OF_THE_ANSWER: Final = "It says how an earlier answer was given."
_NAMED: Final = "Items are known by their place, and calls by `call_id`."
_PARSED: Final = "What stands beside it once more, as OpenAI's SDK adds."
_CALLER: Final = Parameter(_DROPPED, "Only the model calls tools.", ({"type": "direct"}, ["direct"]))
_AT_ONCE: Final = Parameter(_DROPPED, "Calls return once they are done.", (False,))
_MARK: Final = Carried(Feature.CACHE_MARK)

_REQUEST: Final[ClientTable] = {
    "model": Carried(Feature.MODEL),
    "input": Carried(Feature.TURNS, note="A string is what the user says; see its items."),
    "instructions": Carried(Feature.INSTRUCTIONS, note=_ECHOED),
    "access_programs": Parameter(_DROPPED, "OpenAI's programs are its own."),
    "background": Parameter(_REFUSED, "an answer is given at once.", (False,)),
    "background_options": Parameter(_DROPPED, "An answer is given at once."),
    "client_metadata": Parameter(_IGNORED, "What a client says of itself."),
    "context_management": Parameter(_DROPPED, "Conversations are not compacted by the server.", ([],)),
    "conversation": Parameter(_REFUSED, _STATE),
    "drop_tuning_params": Parameter(_IGNORED, "The gateway's own; it decides whether drops are refused."),
    "image": Parameter(_DROPPED, "Images are read as the model does."),
    "include": Parameter(
        _MAPPED,
        "What the model thought comes with `encrypted_content`, which holds what its provider wants back, asked or "
        "not; log probabilities are dropped, and of OpenAI's own tools there is nothing to include.",
    ),
    "max_output_tokens": Carried(Feature.OUTPUT_LIMIT, note=_ECHOED),
    "max_tool_calls": Parameter(_IGNORED, "It counts calls of tools that OpenAI's servers run, and there are none."),
    "metadata": Carried(Feature.METADATA, note=_ECHOED),
    "metadata.user_id": Carried(Feature.METADATA),
    "moderation": Carried(Feature.MODERATION),
    "parallel_tool_calls": Carried(Feature.PARALLEL_CALLS, (True,)),
    "previous_response_id": Parameter(_REFUSED, _STATE),
    "prompt": Parameter(_REFUSED, _STATE),
    "prompt_cache_key": Carried(Feature.CACHE_HINT),
    "prompt_cache_options": Carried(Feature.CACHE_HINT),
    "prompt_cache_retention": Carried(Feature.CACHE_HINT),
    "reasoning": Parameter(_MAPPED, "See its members."),
    "reasoning.effort": Carried(Feature.EFFORT),
    "reasoning.summary": Carried(Feature.SHOWN_THINKING, ("auto",)),
    "reasoning.generate_summary": Carried(
        Feature.SHOWN_THINKING, ("auto",), "The older spelling of `reasoning.summary`."
    ),
    "reasoning.context": Parameter(_DROPPED, "All that the client sends of earlier thinking goes along.", ("auto",)),
    "reasoning.mode": Parameter(_DROPPED, "There is one way of reasoning.", ("standard",)),
    "safety_identifier": Carried(Feature.END_USER),
    "service_tier": Carried(Feature.SERVICE_TIER),
    "store": Carried(Feature.STORED_ANSWER, (False,)),
    "stream": Carried(Feature.STREAM),
    "stream_options": Parameter(_MAPPED, "See its members."),
    "stream_options.include_obfuscation": Carried(Feature.STREAM_PADDING),
    "temperature": Carried(Feature.TEMPERATURE),
    "text": Parameter(_MAPPED, "See its members."),
    "text.format": Parameter(_MAPPED, "See its types."),
    "text.format.type": Parameter(_MAPPED, "`text`, `json_schema`, and `json_object` where the target has it."),
    "text.format.schema": Carried(Feature.JSON_SCHEMA),
    "text.format.name": Carried(Feature.SCHEMA_NAME),
    "text.format.description": Carried(Feature.SCHEMA_DESCRIPTION),
    "text.format.strict": Carried(
        Feature.STRICT_SCHEMA, note="Where it is not said, a schema that strict mode can hold is strict."
    ),
    "text.verbosity": Carried(Feature.VERBOSITY, ("medium",)),
    "tool_choice": Carried(Feature.TOOL_CHOICE),
    "tool_choice.type": Parameter(
        _MAPPED, "`function`, `custom`, `apply_patch`, `shell` and `allowed_tools`; tools of OpenAI's own are refused."
    ),
    "tool_choice.name": Parameter(_MAPPED, "The tool by its name."),
    "tool_choice.mode": Parameter(_MAPPED, "Of `allowed_tools`: `auto` or `required`."),
    "tool_choice.tools": Parameter(_MAPPED, "Of `allowed_tools`: only these tools are sent."),
    "tool_choice.server_label": Parameter(_REFUSED, _HOSTED),
    "top_logprobs": Parameter(_DROPPED, "There are no log probabilities.", (0,)),
    "top_p": Carried(Feature.TOP_P),
    "truncation": Parameter(_DROPPED, "What is too long is refused.", ("disabled",)),
    "user": Carried(Feature.END_USER, note="`safety_identifier` goes before it."),
}

_PARTS: Final[ClientTable] = {
    "input[].content[type=input_text]": Carried(Feature.TEXT),
    "input[].content[type=input_text].text": Carried(Feature.TEXT),
    "input[].content[type=input_text].prompt_cache_breakpoint": _MARK,
    "input[].content[type=output_text]": Carried(Feature.TEXT),
    "input[].content[type=output_text].text": Carried(Feature.TEXT),
    "input[].content[type=output_text].annotations": Parameter(_IGNORED, "The text has what they are about."),
    "input[].content[type=output_text].logprobs": Parameter(_IGNORED, _OF_THE_ANSWER),
    "input[].content[type=output_text].parsed": Parameter(_IGNORED, _PARSED),
    "input[].content[type=refusal]": Carried(Feature.TEXT),
    "input[].content[type=refusal].refusal": Carried(Feature.TEXT),
    "input[].content[type=input_image]": Carried(Feature.IMAGE),
    "input[].content[type=input_image].image_url": Carried(Feature.IMAGE),
    "input[].content[type=input_image].detail": Carried(Feature.IMAGE_DETAIL, ("auto",)),
    "input[].content[type=input_image].file_id": Parameter(_REFUSED, "OpenAI's servers hold the file; send it along."),
    "input[].content[type=input_image].prompt_cache_breakpoint": _MARK,
    "input[].content[type=input_file]": Carried(Feature.DOCUMENT),
    "input[].content[type=input_file].file_data": Carried(Feature.DOCUMENT),
    "input[].content[type=input_file].file_url": Carried(Feature.DOCUMENT),
    "input[].content[type=input_file].filename": Carried(Feature.DOCUMENT),
    "input[].content[type=input_file].file_id": Parameter(_REFUSED, "OpenAI's servers hold the file; send it along."),
    "input[].content[type=input_file].detail": Parameter(_DROPPED, "Files are read as the model does.", ("auto",)),
    "input[].content[type=input_file].prompt_cache_breakpoint": _MARK,
    "input[].content[type=input_audio]": Carried(Feature.AUDIO),
    "input[].content[type=input_audio].input_audio": Carried(Feature.AUDIO),
    "input[].content[type=input_audio].input_audio.data": Carried(Feature.AUDIO),
    "input[].content[type=input_audio].input_audio.format": Carried(Feature.AUDIO),
}


def _known(name: str, mapped: Iterable[str], feature: Feature, ignored: Iterable[str] = ()) -> Iterator[_Row]:
    """The rows of an item or a tool: what it stands for, and members that say no more than that."""
    yield name, Carried(feature)
    yield f"{name}.type", Parameter(_IGNORED, _ENCLOSED)
    yield from ((f"{name}.{member}", Carried(feature)) for member in mapped)
    yield from ((f"{name}.{member}", Parameter(_IGNORED, _NAMED)) for member in ignored)


def _item_rows() -> Iterator[_Row]:
    yield from _known("input[type=message]", ("role", "content"), Feature.TURNS, ("id",))
    yield from _known("input[type=reasoning]", ("summary", "content", "encrypted_content"), Feature.THOUGHT, ("id",))
    yield from _known("input[type=function_call]", ("call_id", "name", "arguments"), Feature.CALL, ("id",))
    yield from _known("input[type=custom_tool_call]", ("call_id", "name", "input"), Feature.CUSTOM_TOOL, ("id",))
    for kind in ("apply_patch_call", "shell_call", "local_shell_call"):
        wanted = "operation" if kind == "apply_patch_call" else "action"
        yield from _known(f"input[type={kind}]", ("call_id", wanted), Feature.CALL, ("id", "environment"))
    for kind in (
        "function_call_output",
        "custom_tool_call_output",
        "apply_patch_call_output",
        "shell_call_output",
        "local_shell_call_output",
    ):
        yield from _known(
            f"input[type={kind}]",
            ("call_id", "output"),
            Feature.RESULT,
            ("id", "name", "namespace", "max_output_length"),
        )
    yield "input[type=apply_patch_call_output].status", Carried(Feature.FAILED_RESULT)
    yield "input[type=local_shell_call_output].id", Parameter(_MAPPED, "The call's id, where `call_id` is not there.")
    yield from _known("input[type=additional_tools]", ("tools", "role"), Feature.TOOL, ("id",))
    for kind in ("function_call", "custom_tool_call"):
        yield f"input[type={kind}].namespace", Carried(Feature.TOOL_GROUP)
        yield f"input[type={kind}].async", _AT_ONCE
    for kind in (
        "message",
        "reasoning",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "shell_call",
        "shell_call_output",
        "local_shell_call",
        "local_shell_call_output",
        "apply_patch_call",
        "apply_patch_call_output",
    ):
        if kind != "apply_patch_call_output":
            yield f"input[type={kind}].status", Parameter(_IGNORED, _OF_THE_ANSWER)
        yield f"input[type={kind}].caller", _CALLER
        yield (
            f"input[type={kind}].internal_chat_message_metadata_passthrough",
            Parameter(_IGNORED, "What a client keeps for itself."),
        )
        yield (
            f"input[type={kind}].parsed_arguments",
            Parameter(_IGNORED, "`arguments` once more, as OpenAI's SDK adds."),
        )
        yield f"input[type={kind}].created_by", Parameter(_IGNORED, _OF_THE_ANSWER)
    yield "input[type=message].phase", Parameter(_IGNORED, _OF_THE_ANSWER)
    for kind in (
        "file_search_call",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
        "mcp_list_tools",
        "program",
        "program_output",
        "tool_search_call",
        "tool_search_output",
        "web_search_call",
    ):
        yield f"input[type={kind}]", Parameter(_DROPPED, _RAN)
    yield (
        "input[type=configuration_update]",
        Parameter(_DROPPED, "One effort and one verbosity hold for the whole request."),
    )
    for kind in ("code_interpreter_call", "computer_call", "computer_call_output", "image_generation_call"):
        yield f"input[type={kind}]", Parameter(_REFUSED, "it comes from a tool that OpenAI's servers run.")
    yield "input[type=item_reference]", Parameter(_REFUSED, _STATE)
    for kind in ("compaction", "compaction_trigger"):
        yield f"input[type={kind}]", Parameter(_REFUSED, _COMPACTION)


def _tool_rows() -> Iterator[_Row]:
    yield "tools", Carried(Feature.TOOL)
    yield from _known("tools[type=function]", ("name", "description", "parameters"), Feature.TOOL)
    yield (
        "tools[type=function].strict",
        Carried(Feature.STRICT_TOOL, (False,), "It is asked where it is said."),
    )
    yield "tools[type=function].output_schema", Parameter(_DROPPED, "What a tool returns is not described.")
    yield from _known("tools[type=custom]", ("name", "description", "format"), Feature.CUSTOM_TOOL)
    yield from _known("tools[type=namespace]", ("name", "description", "tools"), Feature.TOOL_GROUP)
    yield from _known("tools[type=apply_patch]", (), Feature.TOOL)
    yield from _known("tools[type=shell]", ("environment",), Feature.TOOL)
    yield from _known("tools[type=local_shell]", (), Feature.TOOL)
    for kind in ("function", "custom", "apply_patch", "shell"):
        yield f"tools[type={kind}].allowed_callers", _CALLER
    for kind in ("function", "custom"):
        yield f"tools[type={kind}].defer_loading", Carried(Feature.DEFERRED_TOOL, (False,))
        yield f"tools[type={kind}].async", _AT_ONCE
    for kind in ("web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11"):
        yield (
            f"tools[type={kind}]",
            Parameter(
                _DROPPED, f"{_HOSTED} It is left out beside other tools, and refused alone or where it is forced."
            ),
        )
    for kind in (
        "code_interpreter",
        "computer",
        "computer_use_preview",
        "file_search",
        "image_generation",
        "mcp",
        "programmatic_tool_calling",
        "tool_search",
    ):
        yield f"tools[type={kind}]", Parameter(_REFUSED, _HOSTED)


CLIENT_TABLE: Final[ClientTable] = {**_REQUEST, **dict(_item_rows()), **_PARTS, **dict(_tool_rows())}
"""The table of the client's side."""
