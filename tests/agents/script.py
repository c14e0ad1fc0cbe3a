"""What a scripted model says: it reads the notes that it is asked about with a tool of the agent's, then tells the last one's word."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

OBJECT = "as an object"
"""In the words of who wants an object with the word of the first note; some frameworks ask for it by a tool."""
_OBJECT_TOOLS = ("Word", "PartialWord", "final_result", "extract", "json")
_LAST_TOOL = "final_answer"
"""By which agents of smolagents end."""
GREETING = "pong from the scripted model"
THOUGHT = "I look at the note before I say anything."
PROOF = "cHJvb2Ygb2YgdGhpcyB0aG91Z2h0"
"""What proves a thought to the provider that had it: signature, encrypted content."""


@dataclass(frozen=True)
class Note:
    """A file that only a tool can read, and the word in it that shows that it was read."""

    file: str
    word: str


NOTES = (Note("note-one.txt", "heliotrope"), Note("note-two.txt", "quicksilver"), Note("note-three.txt", "marmalade"))


@dataclass(frozen=True)
class Call:
    """A call of a tool; `id` in the provider's own spelling."""

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Tool:
    """A tool of an agent that reads files: its name, and its arguments, where `{file}` stands for the file's path."""

    name: str
    arguments: dict[str, Any]

    def call(self, id_: str, file: str) -> Call:
        return Call(id_, self.name, {name: _filled(value, file) for name, value in self.arguments.items()})


def _filled(value: Any, file: str) -> Any:
    if isinstance(value, str):
        return value.replace("{file}", file)
    return [_filled(inner, file) for inner in value] if isinstance(value, list) else value


def next_turn(tools: Sequence[Tool], offered: set[str], said: str, id_: str, directory: str) -> Call | str:
    """What the model says next in a conversation whose whole text is `said`, and where these tools are offered."""
    if OBJECT in said:
        made = {"word": NOTES[0].word}
        maker = next((name for name in _OBJECT_TOOLS if name in offered), None)
        return json.dumps(made) if maker is None else Call(id_, maker, made)
    asked = [note for note in NOTES if note.file in said]
    unread = next((note for note in asked if note.word not in said), None)
    tool = next((tool for tool in tools if tool.name in offered), None)
    if unread is not None and tool is not None:
        return tool.call(id_, f"{directory}/{unread.file}")
    last = f"The note says {asked[-1].word}." if asked and unread is None else GREETING
    return Call(id_, _LAST_TOOL, {"answer": last}) if _LAST_TOOL in offered else last
