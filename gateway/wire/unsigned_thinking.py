"""Thinking that Anthropic has not signed: a lane gives it out as such blocks, and they come back with the conversation.

Anthropic refuses a thinking block whose signature is not its own
(https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking), so they are left out before it is asked. The
signature of reasoning that a provider gave as `reasoning_content` is a mark of the gateway's that says which provider
that was, since servers that give it so want it back (https://api-docs.deepseek.com/guides/thinking_mode). What other
providers want back is in an envelope (gateway/lanes/sealing.py), a signature or redacted thinking, and so is what
nobody signed. A compatible server may give thinking with an empty signature itself, and has it back: there only what
the gateway has marked or sealed is left out.
"""

import re
from typing import Final

from gateway.wire.json_members import Span
from gateway.wire.json_parts import elements_in, members_in, without_elements
from gateway.wire.json_splice import Splice

ENVELOPE: Final = "lwg1."
"""What envelopes begin with."""

_MARK: Final = "reasoning_content@"
_SIGNATURE: Final = b'"signature"'
_UNSIGNED: Final = re.compile(rb'[ \t\r\n]*:[ \t\r\n]*"(?:"|' + _MARK.encode() + rb")")
_EMPTY: Final = b'""'
_THINKING: Final = b'"thinking"'
_PROOFS: Final = {_THINKING: "signature", b'"redacted_thinking"': "data"}
_BEGINS_MARKED: Final = b'"' + _MARK.encode()
_BEGINS_SEALED: Final = b'"' + ENVELOPE.encode()


def marked(provider: str) -> str:
    """The signature of what a provider gave as `reasoning_content`."""
    return _MARK + provider


def provider_marked(signature: str) -> str | None:
    """The provider that such a signature names, `None` for any other signature."""
    return signature.removeprefix(_MARK) if signature.startswith(_MARK) else None


def without_unsigned_thinking(data: bytes, *, marked_alone: bool = False, may_be_sealed: bool = True) -> list[Splice]:
    """The splices that take unsigned thinking out of an Anthropic body, and turns that hold nothing else.

    With `marked_alone`, they take out that which the gateway has marked. Without `may_be_sealed` no envelope is in it.
    """
    if not has_unsigned(data, may_be_sealed=may_be_sealed):
        return []
    messages = elements_in(data, members_in(data, (0, len(data))).get("messages", (0, 0)))
    splices: list[Splice] = []
    empty: set[int] = set()
    for index, message in enumerate(messages):
        blocks = elements_in(data, members_in(data, message).get("content", (0, 0)))
        unsigned = {position for position, block in enumerate(blocks) if _is_unsigned(data, block, marked_alone)}
        if unsigned and len(unsigned) == len(blocks):
            empty.add(index)
        else:
            splices += without_elements(blocks, unsigned)
    return splices + without_elements(messages, empty) if len(empty) < len(messages) else []


def has_unsigned(data: bytes, *, may_be_sealed: bool = True) -> bool:
    """Whether such thinking may be in a body: two looks, which nearly every body passes."""
    # PERF: `in` raises an exception to itself before it looks for bytes.
    if may_be_sealed and data.find(_BEGINS_SEALED) >= 0:
        return True
    position = data.find(_SIGNATURE)
    while position >= 0:
        position += len(_SIGNATURE)
        if _UNSIGNED.match(data, position) is not None:
            return True
        position = data.find(_SIGNATURE, position)
    return False


def _is_unsigned(data: bytes, block: Span, marked_alone: bool) -> bool:
    members = members_in(data, block)
    kind = members.get("type")
    written = b"" if kind is None else data[kind[0] : kind[1]]
    proof = members.get(_PROOFS.get(written, ""))
    if proof is None:
        return False
    proves = data[proof[0] : proof[1]]
    if proves.startswith((_BEGINS_SEALED, _BEGINS_MARKED)):
        return True
    return proves == _EMPTY and written == _THINKING and not marked_alone
