"""Where each API wants a URL that is fetched: what stands there is judged whole, whatever it looks like.

References: https://platform.openai.com/docs/api-reference, https://docs.anthropic.com/en/api,
https://docs.aws.amazon.com/bedrock/latest/APIReference. `video_url` and `audio_url` are vLLM's and OpenRouter's
(https://docs.vllm.ai/en/latest/features/multimodal_inputs.html). A test compares the tables with the types of the SDKs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.shapes.google_request import spellings

_SCHEMAS: Final = frozenset(("parameters", "input_schema", "schema", "arguments", "metadata"))


@dataclass(frozen=True)
class UrlMembers:
    """The members of one API that are URLs, each by the names that lead to it, array indices left out.

    Args:
        fetched: What the provider, or a server that it calls, goes to.
        told: What earlier answers and tools say, such as citations and the tabs of a browser: nobody goes there, and
            `about:blank` is as good as any. URLs in it are found as in any text.
        own_data: Members below which everything is the caller's own, such as a tool's arguments.
    """

    fetched: tuple[tuple[str, ...], ...] = ()
    told: tuple[tuple[str, ...], ...] = ()
    own_data: frozenset[str] = _SCHEMAS
    names: frozenset[str] = field(init=False)
    _places: tuple[tuple[str, ...], ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", frozenset(place[-1].lower() for place in self.fetched))
        object.__setattr__(self, "_places", tuple(tuple(map(str.lower, place)) for place in self.fetched))

    def holds(self, path: tuple[str | int, ...]) -> bool:
        """Whether the member at a path is a URL that is fetched, by a server that minds the case of names or not."""
        names = tuple(part for part in path if isinstance(part, str))
        if not self.own_data.isdisjoint(names):
            return False
        names = tuple(map(str.lower, names))
        return any(names[-len(place) :] == place for place in self._places)


NO_URLS: Final = UrlMembers()
"""An API that wants no URL."""

_CHAT: Final = UrlMembers(
    fetched=(("image_url", "url"), ("image_url",), ("video_url", "url"), ("audio_url", "url")),
    told=(("url_citation", "url"),),
)
_RESPONSES: Final = UrlMembers(
    fetched=(("image_url",), ("file_url",), ("server_url",), ("image_url", "url")),
    told=(("annotations", "url"), ("sources", "url"), ("action", "url"), ("outputs", "url")),
)
_MESSAGES: Final = UrlMembers(
    fetched=(("source", "url"), ("mcp_servers", "url")),
    told=(("citations", "url"), ("tabs", "url"), ("state_changes", "url"), ("content", "url")),
    own_data=_SCHEMAS | {"input"},
)
_GOOGLE: Final = UrlMembers(
    fetched=tuple(
        one
        for path in (("fileUri",), ("streamableHttpTransport", "url"), ("externalApi", "endpoint"))
        for one in spellings(*path)
    ),
    own_data=frozenset(
        one
        for name in ("args", "parameters", "parametersJsonSchema", "response", "responseJsonSchema", "responseSchema")
        for (one,) in spellings(name)
    ),
)
_IMAGE_URL: Final = UrlMembers(fetched=(("image_url", "url"), ("image_url",)))

_RERANK: Final = UrlMembers(
    fetched=(
        *(("documents", name) for name in ("image", "url", "video")),
        *(("query", name) for name in ("image", "url", "video")),
        *_CHAT.fetched,
    )
)

URL_MEMBERS: Final[Mapping[str, UrlMembers]] = {
    "chat": _CHAT,
    "responses": _RESPONSES,
    "responses_compact": _RESPONSES,
    "responses_input_tokens": _RESPONSES,
    "messages": _MESSAGES,
    "count_tokens": _MESSAGES,
    "images": _IMAGE_URL,
    "moderations": _IMAGE_URL,
    "rerank": _RERANK,
    "embeddings": _IMAGE_URL,
    "generate_content": _GOOGLE,
    "google_count_tokens": _GOOGLE,
    "embed_content": _GOOGLE,
    "converse": UrlMembers(
        fetched=(("s3Location", "uri"),), told=(("web", "url"),), own_data=_SCHEMAS | {"input", "json"}
    ),
}
"""The tables by the name of the shape; an API that is not here wants no URL."""
