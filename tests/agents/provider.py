"""A server that speaks every API and says what the script says, and refuses what the real ones refuse."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from tests.agents.apis import BY_PATH, Api
from tests.agents.script import Tool, next_turn
from tests.support.upstream import PlayedUpstream, Recorded, Step, response, stream

_MOST_CALLS = 6
"""Of one scene: an agent whose tool fails would be asked to call it for ever."""


class ScriptedProvider:
    """One scene is one agent's conversation; `begin` starts the next one."""

    def __init__(self) -> None:
        self.server = PlayedUpstream()
        self.begin((), "")

    def begin(self, tools: Sequence[Tool], directory: str) -> None:
        """From here on these tools are called, on the notes of this directory."""
        self.server.reset()
        self.server.play = self._play
        self.refusals: list[str] = []
        self.overloaded: set[str] = set()
        self.offered: set[str] = set()
        self._tools, self._directory, self._calls = tools, directory, 0

    def _play(self, asked: Recorded) -> Sequence[Step]:
        path = asked.request_line.split(" ")[1]
        route = urlsplit(path).path
        api = next((api for end, api in BY_PATH.items() if route.endswith(end)), None)
        if route.endswith("/count_tokens"):
            return _json({"input_tokens": 100}, 200)
        if api is None or ("/chat-only/" in route and api is not BY_PATH["/chat/completions"]):
            return _json({"detail": "Not Found"}, 404)
        if any(one in route for one in self.overloaded):
            return _json(api.error("Overloaded"), 529)
        body = json.loads(asked.body)
        if refusal := api.refusal(body):
            self.refusals.append(f"{route}: {refusal}")
            return _json(api.error(refusal), 400)
        return self._say(api, body, path)

    def _say(self, api: Api, body: Any, path: str) -> Sequence[Step]:
        offered = api.offered(body) if self._calls < _MOST_CALLS else set()
        self.offered |= offered
        said = json.dumps(body, ensure_ascii=False)
        turn = next_turn(self._tools, offered, said, api.call_id.format(self._calls), self._directory)
        if not isinstance(turn, str):
            self._calls += 1
        if not api.is_stream(body, path):
            return _json(api.whole(turn, body), 200)
        return stream([_framed(event) for event in api.events(turn, body)])


def _json(value: Any, status: int) -> Sequence[Step]:
    return response(json.dumps(value).encode(), status)


def _framed(event: Any) -> bytes:
    """An event under its name, where its API gives it one."""
    if isinstance(event, str):
        return f"data: {event}\n\n".encode()
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()
