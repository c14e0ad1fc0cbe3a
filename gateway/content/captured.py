"""The bytes of one request and its answer, kept as they pass; a thread makes attributes of them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.content.answers import read_answer
from gateway.content.prompts import PROMPTS, Prompt
from gateway.content.redaction import Redaction
from gateway.content.streams import assembled

_INPUT: Final = "gen_ai.input.messages"
_OUTPUT: Final = "gen_ai.output.messages"
_SYSTEM: Final = "gen_ai.system_instructions"
_TOOLS: Final = "gen_ai.tool.definitions"
_TRUNCATED: Final = "langwatch.content.truncated"


class CapturePolicy(msgspec.Struct, frozen=True):
    """How much is kept of a request and of its answer, in bytes, and what is hidden of it."""

    max_body_bytes: int
    redaction: Redaction


class CapturedContent:
    """What is kept of one request. `add` is called as pieces pass, `attributes` once it has ended.

    PERF: keeping costs a reference for each piece; everything else is left to the thread that exports.
    """

    __slots__ = ("_attributes", "_endpoint", "_is_cut", "_pieces", "_policy", "_request", "_room", "size")

    def __init__(self, endpoint: str, request: bytes, policy: CapturePolicy) -> None:
        self._endpoint = endpoint
        self._policy = policy
        self._is_cut = len(request) > policy.max_body_bytes
        self._request = b"" if self._is_cut else request
        self._pieces: list[bytes] = []
        self._room = policy.max_body_bytes
        self._attributes: Mapping[str, str | bool] | None = None
        self.size = len(self._request)

    def add(self, piece: bytes) -> None:
        """The next bytes of the answer, as the client gets them.

        An answer beyond the bound is left out as a whole: at its end could stand half a secret, which no pattern knows.
        """
        if self._room < 0:
            return
        self._room -= len(piece)
        if self._room < 0:
            self._is_cut = True
            self._pieces.clear()
            self.size = len(self._request)
        else:
            self._pieces.append(piece)
            self.size += len(piece)

    def attributes(self) -> Mapping[str, str | bool]:
        """The attributes of the conventions, as JSON; nothing of a body that cannot be read."""
        if self._attributes is None:
            self._attributes = self._read()
        return self._attributes

    def _read(self) -> Mapping[str, str | bool]:
        prompt = self._prompt()
        found = {_INPUT: prompt.messages, _SYSTEM: prompt.system, _TOOLS: prompt.tools, _OUTPUT: self._answer()}
        attributes: dict[str, str | bool] = {}
        is_cut = self._is_cut
        for name, items in found.items():
            text, was_cut = self._written(items)
            if text:
                attributes[name] = text
            is_cut = is_cut or was_cut
        if is_cut:
            attributes[_TRUNCATED] = True
        return attributes

    def _prompt(self) -> Prompt:
        try:
            return PROMPTS[self._endpoint](msgspec.json.decode(self._request))
        except Exception:  # noqa: BLE001 - whatever a client wrote, its span is worth more than its content
            return Prompt()

    def _answer(self) -> Sequence[Any]:
        try:
            body = b"".join(self._pieces)
            is_whole = body.lstrip()[:1] == b"{"
            return read_answer(self._endpoint, msgspec.json.decode(body) if is_whole else assembled(body))
        except Exception:  # noqa: BLE001 - likewise
            return ()

    def _written(self, items: Sequence[Any]) -> tuple[str, bool]:
        try:
            return self._policy.redaction.written(items) if items else ("", False)
        except Exception:  # noqa: BLE001 - likewise, and what could not be looked through must not go out
            return "", False


def is_captured(endpoint: str) -> bool:
    """Whether the content of an endpoint has a form in the conventions."""
    return endpoint in PROMPTS
