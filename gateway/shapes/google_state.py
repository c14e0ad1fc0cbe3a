"""What requests in Gemini's own shape point at that Google keeps for an account: caches, files and stores of documents.

https://ai.google.dev/api/caching, /files and /file-search; on Vertex AI also corpora and data stores
(https://cloud.google.com/vertex-ai/generative-ai/docs/grounding/overview). An id is the name of the resource. A file is
named by its URI, of which the name is a part; a URI that is not of Google's Files API is a URL like any other.
"""

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

from gateway.shapes.google_request import field_name, spellings
from gateway.shapes.state import Reference, State

_NAMED: Final = (
    "cachedContent",
    "datastore",
    "dataStore",
    "engine",
    "fileSearchStoreNames",
    "ragCorpora",
    "ragCorpus",
)
"""Members whose value is the name of something kept, or a list of names."""
_URI: Final = "fileUri"
_OF_CALLER: Final = (
    "args",
    "labels",
    "parameters",
    "parametersJsonSchema",
    "response",
    "responseJsonSchema",
    "responseSchema",
)
"""What the caller's own tools say and are, and schemas: whatever stands in it points at nothing."""

_NAMES: Final = frozenset(field_name(name) for name in _NAMED)
_NOT_LOOKED_INTO: Final = frozenset(field_name(name) for name in _OF_CALLER)
_FILE: Final = re.compile(r"(?:\A|googleapis\.com[^?#]*?/)(files/[^/?#:]+)")


def references(document: Any, path: str = "") -> Iterator[Reference]:
    """The ids in a request, each with where it stands."""
    waiting: list[tuple[Any, str]] = [(document, path)]
    while waiting:
        value, at = waiting.pop()
        if isinstance(value, list):
            waiting += [(one, f"{at}[{number}]") for number, one in enumerate(value) if isinstance(one, dict | list)]
            continue
        for name, member in value.items():
            inner, field = f"{at}.{name}" if at else name, field_name(name)
            if field in _NAMES:
                stated = member if isinstance(member, list) else [member]
                yield from (Reference(one, inner) for one in stated if isinstance(one, str) and one)
            elif field == field_name(_URI) and isinstance(member, str):
                found = _FILE.search(unquote(member).lower())
                if found is not None:
                    yield Reference(found[1], inner)
            if isinstance(member, dict | list) and field not in _NOT_LOOKED_INTO:
                waiting.append((member, inner))


STATE: Final = State(
    members=frozenset(one for (one,) in spellings("cachedContent")),
    hints=tuple(f'"{one}"'.encode() for name in (*_NAMED, _URI) for (one,) in spellings(name)),
    find=references,
)
