"""What an API's requests point at that a provider keeps, and what its answers leave there.

An id of a response, a file, a container ... stands where the API has a place for one, at any depth; what is the
caller's own (arguments of tools, schemas, metadata) and what only cites (annotations, search results) is left out.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote

import msgspec

from gateway.wire.multipart import MultipartBody
from gateway.wire.request_body import RequestBody
from gateway.wire.unreadable import UNREADABLE


class Reference(NamedTuple):
    """An id of something that a provider keeps, and the path at which a request names it."""

    id: str
    path: str


class Created(NamedTuple):
    """Something that an answer left at its provider."""

    kind: str
    id: str


FindReferences = Callable[[Any], Iterable[Reference]]
"""The ids in a whole request, as plain data."""
Keeps = Callable[[RequestBody], bool]
"""Whether the answer to a request is kept by the provider."""
FindCreated = Callable[[RequestBody, bytes], Sequence[Created]]
"""What a whole answer to a request, or the last event of a stream, says that the provider keeps."""


def keeps_nothing(_body: RequestBody) -> bool:
    """The answer is kept by nobody."""
    return False


def _finds_nothing(_body: RequestBody, _data: bytes) -> Sequence[Created]:
    return ()


@dataclass(frozen=True, kw_only=True)
class State:
    """What one API has to do with what providers keep.

    Args:
        members: Top-level members that name something kept.
        hints: Bytes of which one stands in every body that may name something kept below the top.
        names: Members of which one stands, at any depth, in every body that names something kept.
        items: Whether items of `input` may stand for earlier ones by their ids, and tools point at what is kept.
        keeps: Whether something of the answer to a request is kept.
        created: What it is, by the answer, or by an event of it.
        tells: Bytes of which one stands in every event that may say so.
        find: What finds the ids in a request, where an API has names of its own for them.
    """

    members: frozenset[str] = frozenset()
    hints: tuple[bytes, ...] = ()
    names: frozenset[str] = frozenset()
    items: bool = False
    keeps: Keeps = keeps_nothing
    created: FindCreated = _finds_nothing
    tells: tuple[bytes, ...] = ()
    find: FindReferences | None = None


NO_STATE: Final = State()
"""Of an API that keeps nothing and points at nothing."""

_CACHES: Final = frozenset(("cached_content", "cachedContent"))
"""Caches of Gemini's, which its compatible endpoint takes in `extra_body.google`."""
_IDS: Final = frozenset(
    (
        *_CACHES,
        "container_id",
        "conversation_id",
        "file_id",
        "file_ids",
        "input_file_id",
        "previous_response_id",
        "response_id",
        "skill_id",
        "upload_id",
        "vector_store_id",
        "vector_store_ids",
    )
)
"""Members whose value is an id, or a list of ids."""
_ID_OR_OBJECT: Final = frozenset(("container", "conversation"))
"""Members whose value is an id, or an object with one."""
NAMES_OF_KEPT: Final = _IDS | _ID_OR_OBJECT
"""Members that name something kept, whatever else they may hold."""
_FILES: Final = frozenset(name for name in _IDS if "file_id" in name)
_ID: Final = "id"
_OBJECTS: Final = frozenset(("audio", "prompt"))
"""Members whose value may be an object with an id."""
_NOT_LOOKED_INTO: Final = frozenset(
    (
        "annotations",
        "arguments",
        "attributes",
        "citations",
        "env",
        "headers",
        "input_schema",
        "json_schema",
        "logprobs",
        "metadata",
        "parameters",
        "properties",
        "results",
        "schema",
    )
)
_HINTS_IN_TOOLS: Final = (b"vector_store_id", b"container", b"skill_id")
"""PERF: whatever else stands in a long conversation, these do only where tools are declared."""
_ESCAPED_LETTER: Final = re.compile(rb"\\u00[2-7][0-9a-fA-F]")
_STEPS: Final = re.compile(r"[\[\].]+")
_decode_any: Final = msgspec.json.Decoder().decode
_Node = tuple["_Node | None", str | int]


class _Item(msgspec.Struct, gc=False):
    id: Any = None
    type: Any = None
    role: Any = None
    container_id: Any = None
    tools: msgspec.Raw = msgspec.Raw()
    environment: msgspec.Raw = msgspec.Raw()


_decode_items: Final = msgspec.json.Decoder(list[_Item]).decode


def may_refer(state: State, body: RequestBody) -> bool:
    """Whether a body has to be looked through for ids; for most one look says that it has none."""
    if state is NO_STATE:
        return False
    if not state.members.isdisjoint(body.names) or isinstance(body, MultipartBody):
        return True
    data = body.data
    for hint in state.hints:
        if data.find(hint) >= 0:
            return True
    # A name may be written with escapes: then anything may stand there.
    if data.find(b"\\u00") >= 0 and _ESCAPED_LETTER.search(data) is not None:
        return True
    return state.items and (_has_tools_that_point(body.raw("tools") or b"") or _has_items_that_point(body))


def refers_lastingly(state: State, members: bytes) -> bool:
    """Whether members that last from request to request, as they stand in a body, name anything kept."""
    try:
        return bool(_found(state, _decode_any(b"{" + members + b"}")))
    except UNREADABLE:
        return True


def references_in(state: State, body: RequestBody) -> list[Reference]:
    """Every id of a body of which `may_refer` says yes. Raises `bad_request` where one is not plain to see."""
    if isinstance(body, MultipartBody):
        return [one for name, text in body.texts() for one in _of_field(state, name, text)]
    try:
        document = _decode_any(body.data)
    except UNREADABLE:
        document = body.document()
    if not _found(state, document):
        return []
    # Whoever repeats a member may mean the one or the other.
    return _found(state, body.document())


def references_in_query(query: bytes) -> list[Reference]:
    """Every id that a query names."""
    if not query:
        return []
    named = parse_qsl(query.decode("latin-1"))
    return [Reference(value, name) for name, value in named if name in _IDS or name in _ID_OR_OBJECT]


def _of_field(state: State, name: str, text: str) -> Iterator[Reference]:
    """What a field of a form names that is kept, in any of the spellings in which servers read it."""
    plain = unquote(name).strip(" \t\r\n\0").lower()
    steps = [step for step in _STEPS.split(plain) if step and not step.isdigit()]
    last, above = (steps[-1], steps[-2:-1]) if steps else ("", [])
    if last in _IDS or last in _ID_OR_OBJECT or (last == _ID and above and above[0] in _OBJECTS | _ID_OR_OBJECT):
        yield Reference(text, name)
    elif text.lstrip().startswith(("{", "[")):
        try:
            members = {last: _decode_any(text)}
        except UNREADABLE:
            return
        yield from _found(state, members)


def _found(state: State, document: Any) -> list[Reference]:
    if state.find is not None:
        return list(state.find(document))
    found = [Reference(id_, _path(node)) for id_, node in _walk(document)]
    if state.items and isinstance(document, dict) and isinstance(document.get("input"), list):
        for number, item in enumerate(document["input"]):
            if isinstance(item, dict) and isinstance(item.get("id"), str) and _stands_for_another(item):
                found.append(Reference(item["id"], f"input[{number}].id"))
    return found


def _stands_for_another(item: dict[str, Any]) -> bool:
    """Whether an item of a conversation is only the id of an earlier one."""
    kind = item.get("type")
    return kind == "item_reference" or (kind is None and "role" not in item)


def _has_tools_that_point(tools: bytes) -> bool:
    return any(tools.find(hint) >= 0 for hint in _HINTS_IN_TOOLS)


def _has_items_that_point(body: RequestBody) -> bool:
    raw = body.raw("input")
    if raw is None or not raw.startswith(b"["):
        return False
    try:
        items = _decode_items(raw)
    except UNREADABLE:  # texts among the items, say
        return True
    return any(
        item.type == "item_reference"
        or (item.type is None and item.role is None and item.id is not None)
        or item.container_id is not None
        or _has_tools_that_point(bytes(item.tools) + bytes(item.environment))
        for item in items
    )


def _walk(document: Any) -> Iterator[tuple[str, _Node]]:
    """Ids at any depth, each with where it stands."""
    waiting: list[tuple[Any, _Node | None]] = [(document, None)]
    while waiting:
        value, at = waiting.pop()
        if isinstance(value, list):
            waiting += [(one, (at, number)) for number, one in enumerate(value) if isinstance(one, dict | list)]
            continue
        for name, member in value.items():
            yield from _ids_of(value, name, member, (at, name))
            if isinstance(member, dict | list) and not _is_of_caller(value, name):
                waiting.append((member, (at, name)))


def _is_of_caller(holder: dict[str, Any], name: str) -> bool:
    """Whether a member is the caller's own, or only cites: whatever stands in it points at nothing."""
    kind = holder.get("type")
    return name in _NOT_LOOKED_INTO or (name == "input" and isinstance(kind, str) and kind.endswith("tool_use"))


def _ids_of(holder: dict[str, Any], name: str, value: Any, at: _Node) -> Iterator[tuple[str, _Node]]:
    if name in _IDS:
        yield from _named(holder, name, value, at)
    elif name in _ID_OR_OBJECT and isinstance(value, str):
        yield value, at
    elif (name in _ID_OR_OBJECT or name in _OBJECTS) and isinstance(value, dict) and isinstance(value.get("id"), str):
        yield value["id"], (at, "id")


def _named(holder: dict[str, Any], name: str, value: Any, at: _Node) -> Iterator[tuple[str, _Node]]:
    kind = holder.get("type")
    if name == "skill_id" and kind == "anthropic":
        return  # the name of a skill that everybody has
    if name == "file_id" and isinstance(kind, str) and kind.endswith("_output"):
        return  # what a tool of the provider's told
    if isinstance(value, str):
        yield value, at
    elif isinstance(value, list):
        for number, one in enumerate(value):
            if isinstance(one, str):
                yield one, (at, number)


def _path(node: _Node | None) -> str:
    steps: list[str] = []
    while node is not None:
        before, step = node
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step}")
        node = before
    return "".join(reversed(steps)).lstrip(".")


class _Made(msgspec.Struct, gc=False):
    id: Any = None
    output: Any = None
    choices: Any = None
    response: Any = None


_decode_made: Final = msgspec.json.Decoder(_Made).decode


def _made(data: bytes) -> _Made | None:
    try:
        return _decode_made(data)
    except UNREADABLE:
        return None


def created_object(kind: str) -> FindCreated:
    """What is made where the answer is the new object itself."""

    def find(_body: RequestBody, data: bytes) -> Sequence[Created]:
        made = _made(data)
        return [Created(kind, made.id)] if made is not None and isinstance(made.id, str) and made.id else []

    return find


def _switched_off(body: RequestBody) -> bool:
    return body.raw("store") == b"false"


def _response_created(_body: RequestBody, data: bytes) -> Sequence[Created]:
    made = _made(data)
    if made is not None and isinstance(made.response, dict):  # an event
        response, output = made.response.get("id"), made.response.get("output")
    elif made is not None:
        response, output = made.id, made.output
    else:
        return []
    found = [Created("response", response)] if isinstance(response, str) and response else []
    for item in output if found and isinstance(output, list) else ():
        if not isinstance(item, dict):
            continue
        for kind, id_ in (("item", item.get("id")), ("container", item.get("container_id"))):
            if isinstance(id_, str) and id_:
                found.append(Created(kind, id_))
    return found


_completion: Final = created_object("chat.completion")


def _is_stored(body: RequestBody) -> bool:
    return body.raw("store") == b"true"


def _keeps_completion(body: RequestBody) -> bool:
    names = body.names
    return "audio" in names or ("store" in names and _is_stored(body))


def _chat_created(body: RequestBody, data: bytes) -> Sequence[Created]:
    return [*(_completion(body, data) if _is_stored(body) else ()), *_spoken(data)]


def _spoken(data: bytes) -> Iterator[Created]:
    """The sound of an answer, that a later request may point at."""
    if data.find(b'"audio"') < 0:
        return
    made = _made(data)
    for choice in made.choices if made is not None and isinstance(made.choices, list) else ():
        message = (choice.get("message") or choice.get("delta")) if isinstance(choice, dict) else None
        audio = message.get("audio") if isinstance(message, dict) else None
        if isinstance(audio, dict) and isinstance(audio.get("id"), str):
            yield Created("audio", audio["id"])


class _Said(msgspec.Struct, gc=False):
    """A message, or an event of one."""

    container: Any = None
    content: Any = None
    message: Any = None
    delta: Any = None
    content_block: Any = None


_decode_said: Final = msgspec.json.Decoder(_Said).decode


def _runs_code(body: RequestBody) -> bool:
    """Whether the answer may come from a container, and have files that were made there."""
    if "container" in body.names:
        return True
    return "tools" in body.names and b"code_execution" in (body.raw("tools") or b"")


def _message_created(_body: RequestBody, data: bytes) -> Sequence[Created]:
    """The container that code ran in, and the files that it left: what a model writes is no such block."""
    try:
        said = _decode_said(data)
    except UNREADABLE:
        return []
    holders = [said.message, said.delta, {"container": said.container}]
    containers = [one.get("container") for one in holders if isinstance(one, dict)]
    found = [Created("container", one["id"]) for one in containers if isinstance(one, dict) and "id" in one]
    blocks = said.content if isinstance(said.content, list) else [said.content_block]
    for block in blocks:
        kind = block.get("type") if isinstance(block, dict) else None
        if isinstance(kind, str) and kind.endswith("code_execution_tool_result"):
            found += _files_of(block.get("content"))
    return [one for one in found if isinstance(one.id, str) and one.id]


def _files_of(result: Any) -> Iterator[Created]:
    content = result.get("content") if isinstance(result, dict) else None
    for one in content if isinstance(content, list) else ():
        if isinstance(one, dict) and "file_id" in one:
            yield Created("file", one["file_id"])


RESPONSES: Final = State(
    members=frozenset(("previous_response_id", "conversation", "prompt")),
    hints=(b"file_id",),
    names=NAMES_OF_KEPT | {_ID},
    items=True,
    keeps=lambda body: not _switched_off(body),
    created=_response_created,
    tells=tuple(b'"response.%s"' % end for end in (b"created", b"completed", b"incomplete", b"failed")),
)
CHAT: Final = State(
    hints=(b"file_id", b'"audio"', *(name.encode() for name in sorted(_CACHES))),
    names=_FILES | _CACHES | {"audio"},
    keeps=_keeps_completion,
    created=_chat_created,
    tells=(b'"id"',),
)
IMAGES: Final = State(hints=(b"file_id",), names=_FILES)
MESSAGES: Final = State(
    members=frozenset(("container",)),
    hints=(b"file_id",),
    names=_FILES | {"container"},
    keeps=_runs_code,
    created=_message_created,
    tells=(b'"container"', b'"file_id"'),
)
ANY: Final = State()
"""Of requests that are few, and are looked through whatever they say."""
