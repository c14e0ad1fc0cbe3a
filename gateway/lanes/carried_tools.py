"""Tools as a target can take them: names that are not too long, no namespaces, functions in place of custom tools.

What the model calls gets the client's own name, namespace and kind back. A custom tool takes a text; as a function it
takes an object with that text as its `input`, and its grammar stands in its description.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from gateway.lanes.answer import Answer, ArgumentsPiece, Block, CallBegun, Called, CallEnd, Event
from gateway.lanes.call_arguments import as_mapping
from gateway.lanes.conversation import Call, Choice, Conversation, Part, Tool, Turn

_DIGITS: Final = 8
_BETWEEN: Final = "__"
_ALREADY: Final = "mcp__"
_INPUT: Final = "input"
_TEXT_ALONE: Final = {"type": "object", "properties": {_INPUT: {"type": "string"}}, "required": [_INPUT]}


class ToolForms(NamedTuple):
    """The tools that an API takes: the most characters of a name, and whether it has custom tools and namespaces."""

    longest_name: int = 64
    has_custom: bool = False
    has_groups: bool = False


class CarriedTools:
    """The tools of one request by the names that the target knows them by."""

    __slots__ = ("_asked", "_forms", "_sent")

    def __init__(self, conversation: Conversation, forms: ToolForms) -> None:
        self._forms = forms
        self._sent: dict[tuple[str, str], str] = {}
        self._asked: dict[str, Tool] = {}
        for tool in conversation.tools:
            self._asked.setdefault(self._name(tool.name, tool.group), tool)

    def carried(self, conversation: Conversation) -> Conversation:
        """The same request with tools, calls and choice as the target takes them."""
        if not self._changes(conversation):
            return conversation
        choice = conversation.choice
        return msgspec.structs.replace(
            conversation,
            tools=tuple(self._tool(tool) for tool in conversation.tools),
            choice=None if choice is None else self._choice(choice),
            turns=tuple(
                Turn(turn.role, tuple(self._part(part) for part in turn.parts), turn.path)
                for turn in conversation.turns
            ),
        )

    def _changes(self, conversation: Conversation) -> bool:
        calls = [part for turn in conversation.turns for part in turn.parts if isinstance(part, Call)]
        named: list[Tool | Call] = [*conversation.tools, *calls]
        return any(self._name(one.name, one.group) != one.name or self._is_wrapped(one) for one in named)

    def _is_wrapped(self, one: Tool | Call) -> bool:
        is_custom = one.is_custom if isinstance(one, Call) else one.grammar is not None
        return is_custom and not self._forms.has_custom

    def _name(self, name: str, group: str) -> str:
        """The name that the target knows a tool by; no two tools have the same."""
        known = self._sent.get((name, group))
        if known is not None:
            return known
        whole = name
        if group and not self._forms.has_groups and not name.startswith((group, _ALREADY)):
            whole = f"{group}{_BETWEEN}{name}"
        if len(whole) > self._forms.longest_name or whole in self._sent.values():
            digest = hashlib.sha256(f"{group}\0{name}".encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
            whole = f"{whole[: self._forms.longest_name - _DIGITS - 1]}_{digest}"
        self._sent[name, group] = whole
        return whole

    def _tool(self, tool: Tool) -> Tool:
        group = tool.group if self._forms.has_groups else ""
        named = msgspec.structs.replace(tool, name=self._name(tool.name, tool.group), group=group)
        if not self._is_wrapped(tool):
            return named
        grammar = tool.grammar or {}
        definition = grammar.get("definition")
        words = [tool.description]
        if isinstance(definition, str):
            words.append(f"The input has this form ({grammar.get('syntax', 'grammar')}):\n{definition}")
        description = "\n\n".join(filter(None, words))
        return msgspec.structs.replace(named, description=description, schema=_TEXT_ALONE, grammar=None)

    def _choice(self, choice: Choice) -> Choice:
        groups = {tool.name: tool.group for tool in reversed(self._asked.values())}
        name = None if choice.name is None else self._name(choice.name, groups.get(choice.name, ""))
        allowed = choice.allowed
        if allowed is not None:
            allowed = tuple(self._name(one, groups.get(one, "")) for one in allowed)
        return Choice(choice.mode, choice.path, name, allowed)

    def _part(self, part: Part) -> Part:
        if not isinstance(part, Call):
            return part
        wrapped = self._is_wrapped(part)
        return msgspec.structs.replace(
            part,
            name=self._name(part.name, part.group),
            group=part.group if self._forms.has_groups else "",
            arguments=msgspec.json.encode({_INPUT: part.arguments}).decode() if wrapped else part.arguments,
            is_custom=part.is_custom and not wrapped,
        )

    def answered(self, answer: Answer) -> Answer:
        """A whole answer whose calls are of the client's tools."""
        return answer._replace(blocks=[self._block(block) for block in answer.blocks])

    def _block(self, block: Block) -> Block:
        tool = self._asked.get(block.name) if isinstance(block, Called) else None
        if not isinstance(block, Called) or tool is None:
            return block
        wrapped = self._is_wrapped(tool)
        return block._replace(
            name=tool.name,
            group=tool.group,
            is_custom=tool.grammar is not None,
            arguments=_unwrapped(block.arguments) if wrapped else block.arguments,
        )

    def events(self) -> "CarriedEvents":
        """What does the same for one stream."""
        return CarriedEvents(self._asked, self._is_wrapped)


class CarriedEvents:
    """The events of one stream, with calls of the client's tools. The text of a wrapped tool comes as its call ends."""

    __slots__ = ("_asked", "_is_wrapped", "_wrapped")

    def __init__(self, asked: Mapping[str, Tool], is_wrapped: Callable[[Tool], bool]) -> None:
        self._asked = asked
        self._is_wrapped = is_wrapped
        self._wrapped: dict[int, list[str]] = {}

    def restored(self, events: Sequence[Event]) -> Iterable[Event]:
        """The events as the client's API has them."""
        for event in events:
            if isinstance(event, CallBegun):
                yield self._begun(event)
            elif isinstance(event, ArgumentsPiece) and event.key in self._wrapped:
                self._wrapped[event.key].append(event.text)
            elif isinstance(event, CallEnd) and event.key in self._wrapped:
                yield ArgumentsPiece(event.key, _unwrapped("".join(self._wrapped.pop(event.key))))
                yield event
            else:
                yield event

    def _begun(self, event: CallBegun) -> CallBegun:
        tool = self._asked.get(event.name)
        if tool is None:
            return event
        if self._is_wrapped(tool):
            self._wrapped[event.key] = []
        return event._replace(name=tool.name, group=tool.group, is_custom=tool.grammar is not None)


def _unwrapped(arguments: str) -> str:
    """The text that a wrapped tool was called with; what the model wrote otherwise goes on as it is."""
    text = as_mapping(arguments).get(_INPUT)
    return text if isinstance(text, str) else arguments
