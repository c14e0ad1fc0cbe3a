"""The items of `input` as the turns of a conversation.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input. What a model says,
thinks and calls in a row is one turn, and what its calls returned is the next, whatever stands between them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.lanes.call_arguments import written
from gateway.lanes.conversation import Call, Opaque, Part, Result, Role, Text, Thought, Turn, Turns
from gateway.lanes.losses import UNKNOWN, Losses, Treatment
from gateway.lanes.reading import mapping, one_of, optional_text, sequence, text, wrong
from gateway.lanes.responses.read_parts import parts_of
from gateway.lanes.sealing import Seal

_ROLES: Final[Mapping[str, Role]] = {
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
}
_CALLS: Final[Mapping[str, tuple[str, str]]] = {
    "apply_patch_call": ("apply_patch", "operation"),
    "shell_call": ("shell", "action"),
    "local_shell_call": ("local_shell", "action"),
}
"""Calls of tools that OpenAI defines: the name of the function, and the member that has its arguments."""

_OUTPUTS: Final = (
    "function_call_output",
    "custom_tool_call_output",
    "apply_patch_call_output",
    "shell_call_output",
    "local_shell_call_output",
)
_NOT_CALLED: Final = (
    "the output of a call that stands before it in `input`; with `previous_response_id` the call would be at OpenAI, "
    "here the whole conversation is sent"
)


def beside_call(identifier: str, name: str, arguments: str) -> str:
    """What the envelope of a call is bound to: it comes in a reasoning item without a text, behind the call."""
    return f"{identifier}\0{name}\0{arguments}"


def read_items(given: Any, losses: Losses, seal: Seal | None) -> tuple[Turn, ...]:
    """The turns that `input` has. Raises `GatewayError`."""
    if isinstance(given, str):
        return (Turn(Role.USER, (Text(path="input", text=given),), "input"),) if given.strip() else ()
    reader = _Items(losses, seal)
    for index, value in enumerate(sequence(given, "input")):
        path = f"input[{index}]"
        item = mapping(value, path)
        kind = optional_text(item.get("type"), f"{path}.type") or ("message" if "role" in item else "item_reference")
        if crosses(kind, "input", path, losses):
            losses.judge(item, f"input[type={kind}]", path)
            reader.read(kind, item, path)
    return reader.made()


def crosses(kind: str, name: str, path: str, losses: Losses) -> bool:
    """Whether a kind of item or tool goes on; one that is dropped is reported, and one that is refused raises."""
    row = losses.table.rows.get(f"{name}[type={kind}]", UNKNOWN)
    if row.treatment is Treatment.REFUSED:
        raise losses.table.unsupported(f"{path}.type", f"`{kind}`: {row.note}")
    if row.treatment is Treatment.DROPPED:
        losses.drop(f"{name}[type={kind}]" if row is not UNKNOWN else f"{name}[].type", path, row.note)
    return row.treatment is Treatment.MAPPED


class _Items:
    """Gathers turns. An output ends what the model says in a row; where it stands is left to `made`."""

    def __init__(self, losses: Losses, seal: Seal | None) -> None:
        self._losses = losses
        self._seal = seal
        self._turns = Turns()
        self._calls: dict[str, Call] = {}
        self._outputs: dict[str, Result] = {}
        self._said: list[tuple[Role, list[Part], str]] = []
        self._goes_on = False

    def read(self, kind: str, item: Mapping[str, Any], path: str) -> None:
        """One more item."""
        if kind == "message":
            role = _ROLES[one_of(tuple(_ROLES), item.get("role"), f"{path}.role")]
            self._say(role, parts_of(item.get("content"), f"{path}.content", self._losses), path)
        elif kind == "reasoning":
            self._think(item, path)
        elif kind in _OUTPUTS:
            self._return(kind, item, path)
        elif kind != "additional_tools":
            self._call(kind, item, path)

    def made(self) -> tuple[Turn, ...]:
        """The turns: after each of the model's, what its calls returned."""
        for role, parts, path in self._said:
            self._turns.say(role, parts, path)
            returned = [call.id for call in parts if isinstance(call, Call)]
            for identifier in returned:
                if identifier not in self._outputs:
                    raise wrong(self._calls[identifier].path, "followed by the output of its call")
            # In the order in which they came back.
            results = [result for identifier, result in self._outputs.items() if identifier in returned]
            if results:
                self._turns.say(Role.USER, results, results[0].path)
        return self._turns.made()

    def _say(self, role: Role, parts: Sequence[Part], path: str) -> None:
        if not parts:
            return
        if self._goes_on and self._said[-1][0] is role:
            self._said[-1][1].extend(parts)
        else:
            self._said.append((role, list(parts), path))
        self._goes_on = True

    def _think(self, item: Mapping[str, Any], path: str) -> None:
        said = [
            *_texts(item.get("summary"), f"{path}.summary"),
            *_texts(item.get("content"), f"{path}.content"),
        ]
        thought = "\n\n".join(said)
        envelope = optional_text(item.get("encrypted_content"), f"{path}.encrypted_content")
        opaque = self._opened(envelope, thought)
        if opaque is not None and not opaque.origin:
            opaque = None
        if opaque is None and not thought:
            self._sign_call(envelope)
        else:
            self._say(Role.ASSISTANT, [Thought(path=path, text=thought, opaque=opaque)], path)

    def _sign_call(self, envelope: str) -> None:
        """An envelope without a thought may belong to the call before it, if it is no other API's own."""
        last = self._said[-1][1] if self._said else []
        if envelope and last and isinstance(call := last[-1], Call):
            opaque = self._opened(envelope, beside_call(call.id, call.name, call.arguments))
            if opaque is not None:
                last[-1] = msgspec.structs.replace(call, opaque=opaque)

    def _opened(self, envelope: str, beside: str) -> Opaque | None:
        return self._seal.opened(envelope, beside) if self._seal is not None and envelope else None

    def _call(self, kind: str, item: Mapping[str, Any], path: str) -> None:
        identifier = text(item.get("call_id"), f"{path}.call_id")
        if kind in _CALLS:
            name, member = _CALLS[kind]
            stated = mapping(item.get(member), f"{path}.{member}")
            unsaid = ("type",) if kind == "local_shell_call" else ()
            arguments = written(
                {key: value for key, value in stated.items() if value is not None and key not in unsaid}
            )
        else:
            name = text(item.get("name"), f"{path}.name")
            member = "input" if kind == "custom_tool_call" else "arguments"
            given = item.get(member)
            arguments = written(given) if isinstance(given, Mapping) else text(given, f"{path}.{member}")
        call = Call(
            path=path,
            id=identifier,
            name=name,
            arguments=arguments,
            is_custom=kind == "custom_tool_call",
            group=optional_text(item.get("namespace"), f"{path}.namespace"),
        )
        known = self._calls.setdefault(identifier, call)
        if known is call:
            self._say(Role.ASSISTANT, [call], path)
        elif (known.name, known.arguments) != (name, arguments):
            raise wrong(f"{path}.call_id", "the id of one call alone")

    def _return(self, kind: str, item: Mapping[str, Any], path: str) -> None:
        """What a call returned; of several outputs of one call the last holds, at the place of the first."""
        name = "call_id"
        if kind == "local_shell_call_output" and item.get("call_id") is None:
            name = "id"
        identifier = text(item.get(name), f"{path}.{name}")
        if identifier not in self._calls:
            raise wrong(f"{path}.{name}", _NOT_CALLED)
        output = item.get("output")
        failed = kind == "apply_patch_call_output" and item.get("status") == "failed"
        if kind == "shell_call_output":
            output = written(sequence(output, f"{path}.output"))
        elif output is None and kind == "apply_patch_call_output":
            output = optional_text(item.get("status"), f"{path}.status")
        parts = parts_of(output, f"{path}.output", self._losses)
        self._goes_on = False
        self._outputs[identifier] = Result(path=path, call_id=identifier, parts=parts, failed=failed)


def _texts(given: Any, path: str) -> list[str]:
    """The texts of a reasoning item's `summary` or `content`."""
    if given is None:
        return []
    said: list[str] = []
    for index, value in enumerate(sequence(given, path)):
        at = f"{path}[{index}]"
        said.append(text(mapping(value, at).get("text"), f"{at}.text"))
    return [words for words in said if words]
