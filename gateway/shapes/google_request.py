"""What requests in Gemini's own shape declare (https://ai.google.dev/api/generate-content, and the same on Vertex AI).

Google's servers read the JSON form of protocol buffers: a member may be written in lower camel case or as the field is
called in the definition (https://protobuf.dev/programming-guides/json/), and one object may stand where a list is
expected. So every name stands here in both spellings. A tool has no type: each of its members is one.
"""

import itertools
from typing import Any, Final

from gateway.shapes.declares import OF_MCP, PLAIN, Declares, Kind, Place, Row, Says

HOSTED: Final = {
    "codeExecution": "code_execution",
    "computerUse": "computer_use",
    "enterpriseWebSearch": "enterprise_web_search",
    "exaAiSearch": "exa_ai_search",
    "fileSearch": "file_search",
    "googleMaps": "google_maps",
    "googleSearch": "google_search",
    "googleSearchRetrieval": "google_search_retrieval",
    "parallelAiSearch": "parallel_ai_search",
    "retrieval": "retrieval",
    "urlContext": "url_context",
}
"""Tools that Google runs, by the member that asks for one, and the name by which rules judge it."""

PARTS: Final = (
    "audioMetadata",
    "audioTranscription",
    "codeExecutionResult",
    "documentMetadata",
    "executableCode",
    "fileData",
    "functionCall",
    "functionResponse",
    "inlineData",
    "mediaProcessing",
    "mediaResolution",
    "partMetadata",
    "speechMetadata",
    "spreadsheetMetadata",
    "text",
    "thought",
    "thoughtSignature",
    "toolCall",
    "toolResponse",
    "videoMetadata",
)
"""The members of a part; none of them declares anything."""


def field_name(name: str) -> str:
    """A member as the field is called: `maxOutputTokens` is `max_output_tokens`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def spellings(*path: str) -> tuple[tuple[str, ...], ...]:
    """Every way in which a path of members may be written."""
    return tuple(itertools.product(*(dict.fromkeys((name, field_name(name))) for name in path)))


def _places(name: str, holds: Says | str, **more: Any) -> tuple[Place, ...]:
    """A place below one member, in both of its spellings."""
    last = name.removesuffix("[]")
    return tuple(Place(one + name[len(last) :], holds, **more) for (one,) in spellings(last))


def _both(names: dict[str, Row]) -> dict[str | None, Row]:
    return {spelled: row for name, row in names.items() for (spelled,) in spellings(name)}


def _hosted(member: str, name: str) -> Row:
    own = (Place(member, "google_retrieval"),) if name == "retrieval" else ()
    return Row(places=(Place(member, Says.TOOL, said=name), *own))


_TOOL: Final = Kind(
    known={
        **_both(
            {
                "functionDeclarations": Row(places=_places("functionDeclarations[]", "google_function")),
                "mcpServers": Row(places=_places("mcpServers[]", "google_server")),
            }
        ),
        **{spelled: _hosted(spelled, name) for member, name in HOSTED.items() for (spelled,) in spellings(member)},
    },
    tag=None,
)
_REQUEST: Final = (
    Place("tools[]", "google_tool"),
    *_places("generationConfig", "google_generation"),
    Place("contents[]", "google_content", bulk=True),
    *_places("systemInstruction", "google_content", bulk=True),
)
_KINDS: Final = {
    "google_tool": _TOOL,
    "google_function": Kind(known={None: Row(needs=("name",))}, every=(Place("name", Says.TOOL),), tag=""),
    "google_server": Kind(
        known={None: Row(needs=("name",), needs_for=OF_MCP)},
        every=(Place("name", Says.MCP), *_places("streamableHttpTransport", "google_transport")),
        tag="",
    ),
    "google_transport": Kind(every=(Place("url", Says.MCP),), tag=""),
    "google_content": Kind(
        known={None: PLAIN, "parts": Row(places=(Place("parts[]", "google_part", bulk=True),)), "role": PLAIN},
        tag=None,
        text=Says.NOTHING,
    ),
    "google_part": Kind(known=_both(dict.fromkeys(PARTS, PLAIN)), tag=None, text=Says.NOTHING),
    "google_retrieval": Kind(every=_places("vertexRagStore", "google_rag"), tag=""),
    "google_rag": Kind(every=_places("ragRetrievalConfig", "google_rag_config"), tag=""),
    "google_rag_config": Kind(every=(Place("ranking", "google_ranking"),), tag=""),
    "google_ranking": Kind(
        every=(*_places("llmRanker", "google_route"), *_places("rankService", "google_route")), tag=""
    ),
    "google_generation": Kind(every=_places("routingConfig", "google_routing"), tag=""),
    "google_routing": Kind(every=_places("manualMode", "google_route"), tag=""),
    "google_route": Kind(every=_places("modelName", Says.MODEL)),
}

_ROUTING: Final = (
    "model",
    *(one for name in ("cachedContent", "serviceTier", "generationConfig") for (one,) in spellings(name)),
)

DECLARES: Final = Declares(
    places=_REQUEST,
    kinds=_KINDS,
    output_caps=tuple(".".join(path) for path in spellings("generationConfig", "maxOutputTokens")),
    choices=tuple(".".join(path) for path in spellings("generationConfig", "candidateCount")),
    routing=_ROUTING,
    lists_of_one=True,
)
"""Of `generateContent` and `streamGenerateContent`. Nobody behind the request is named in the body."""

COUNT_DECLARES: Final = Declares(
    places=(*_REQUEST, *_places("generateContentRequest", "google_request")),
    kinds={**_KINDS, "google_request": Kind(every=_REQUEST, tag="")},
    routing=_ROUTING,
    lists_of_one=True,
)
"""Of `countTokens` (https://ai.google.dev/api/tokens), which takes a whole request too."""

EMBED_DECLARES: Final = Declares(routing=("model", "content", "requests"), lists_of_one=True)
"""Of `embedContent` and `batchEmbedContents` (https://ai.google.dev/api/embeddings)."""
