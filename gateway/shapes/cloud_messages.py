"""Anthropic's Messages as other companies' clouds take it: which betas and members of a request they have.

Both refuse a beta that they do not know (`invalid beta flag`) and a member that they do not have (`Extra inputs are not
permitted`), and Claude Code sends them all, since it takes the gateway for Anthropic. So they get theirs alone.

AWS: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html.
Google: https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude. Names of betas:
https://platform.claude.com/docs/en/api/beta-headers.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from gateway.errors import GatewayError
from gateway.wire.bedrock_anthropic import betas_of
from gateway.wire.cache_marks import marks_in
from gateway.wire.json_members import Span
from gateway.wire.json_parts import (
    elements_in,
    members_in,
    object_at,
    without_elements,
    without_member,
    without_members,
)
from gateway.wire.json_splice import Splice, apply
from gateway.wire.unreadable import UNREADABLE

HEADER: Final = "anthropic-beta"
_IN_BODY: Final = "anthropic_beta"
_EDITING: Final = "context-management-2025-06-27"
_COMPACTION: Final = ("compact-2026-01-12", "compact-2026-09-04")
_TOOL_SEARCH: Final = "tool-search-tool-2025-10-19"

_NOT_THERE: Final = (
    "betas",
    "billing_policy",
    "container",
    "diagnostics",
    "fallback_credit_token",
    "fallbacks",
    "mcp_servers",
    "service_tier",
    "speed",
    "user_profile_id",
    "workspace_id",
)
"""Members of Anthropic's own API alone."""

_BY_BETA: Final[Mapping[str, tuple[str, ...]]] = {"context_management": (_EDITING,), "compaction": _COMPACTION}
"""Members that are there with a beta, and else are none."""

_OF_TOOLS: Final[Mapping[str, tuple[str, ...]]] = {"eager_input_streaming": (), "defer_loading": (_TOOL_SEARCH,)}
"""The same of tools; some are there with no beta at all."""

_SCOPED: Final = re.compile(rb'"cache_control"[ \t\r\n]*+:[ \t\r\n]*+\{[^{}]*?"scope"')
_BILLING: Final = "x-anthropic-billing-header:"


@dataclass(frozen=True)
class CloudForm:
    """What one cloud takes of Anthropic's Messages.

    Args:
        betas: Those that it knows.
        renamed: Betas that it knows by another name.
        of_models: Betas that some models take alone, by a part of their names.
    """

    betas: frozenset[str]
    renamed: Mapping[str, str] = field(default_factory=dict)
    of_models: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def taken(self, model: str, betas: Iterable[str]) -> dict[str, str | None]:
        """What each of these betas is called at the cloud, `None` where it has none such."""
        known = next((own for part, own in self.of_models.items() if part in model), self.betas)
        names = {beta: self.renamed.get(beta, beta) for beta in betas}
        return {beta: name if name in known else None for beta, name in names.items()}

    def headers(self, model: str, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """A request's headers with the betas of the cloud alone."""
        taken: list[tuple[str, str]] = []
        for name, value in headers:
            if name != HEADER:
                taken.append((name, value))
                continue
            known = dict.fromkeys(beta for beta in self.taken(model, betas_of([value])).values() if beta is not None)
            if known:
                taken.append((HEADER, ",".join(known)))
        return taken

    def edited(self, model: str, data: bytes, asked: str) -> tuple[bytes, tuple[str, ...]]:
        """The body as the cloud takes it, and what was left out of it and of the betas that are `asked` in the header.

        Raises `unsupported_parameter` for what changes the answer or where it is made, and cannot be left out.
        """
        top = object_at(data, ())
        if top is None:
            return data, ()
        for name, why in _REFUSED.items():
            span = top.members.get(name)
            if span is not None and data[span[0] : span[1]] != b"null":
                raise GatewayError("unsupported_parameter", why, param=name)
        header = self.taken(model, betas_of([asked]))
        body = self.taken(model, _stated(data, top.members.get(_IN_BODY)))
        told = [f"{HEADER}[{beta}]" for beta, name in {**header, **body}.items() if name is None]
        known = frozenset(name for name in (*header.values(), *body.values()) if name is not None)
        gone: list[str] = [name for name in _NOT_THERE if name in top.members]
        gone += [name for name, betas in _BY_BETA.items() if name in top.members and known.isdisjoint(betas)]
        splices = without_members(data, {name: top.members[name] for name in gone})
        if any(beta != name for beta, name in body.items()):
            names = list(dict.fromkeys(name for name in body.values() if name is not None))
            splices.append(Splice(*top.members[_IN_BODY], msgspec.json.encode(names)))
        data = apply(data, splices) if splices else data
        told += gone
        for edit in (_without_billing, _without_scopes):
            data, lost = edit(data)
            told += lost
        data, lost = _plain_tools(data, known)
        return data, (*told, *lost)


_REFUSED: Final[Mapping[str, str]] = {
    "inference_geo": "`inference_geo` is Anthropic's own: on a cloud its region says where a request is processed.",
}


def _stated(data: bytes, span: Span | None) -> list[str]:
    """The betas that stand in a body; of what is no list of names, none."""
    if span is None:
        return []
    try:
        return msgspec.json.decode(data[span[0] : span[1]], type=list[str])
    except UNREADABLE:
        return []


def _without_billing(data: bytes) -> tuple[bytes, list[str]]:
    """The body without the block by which Claude Code tells Anthropic of its version: it is another each time.

    At the beginning of a prompt it would keep the cloud from finding anything in its cache.
    """
    if _BILLING.encode() not in data:
        return data, []
    blocks = elements_in(data, members_in(data, (0, len(data))).get("system", (0, 0)))
    own = {index for index, block in enumerate(blocks) if _text(data, block).startswith(_BILLING)}
    if not own or len(own) == len(blocks):
        return data, []
    return apply(data, without_elements(blocks, own)), [f"system[{index}]" for index in sorted(own)]


def _text(data: bytes, block: Span) -> str:
    try:
        said: Any = msgspec.json.decode(data[block[0] : block[1]])
    except UNREADABLE:
        return ""
    text = said.get("text") if isinstance(said, dict) else None
    return text if isinstance(text, str) else ""


def _without_scopes(data: bytes) -> tuple[bytes, list[str]]:
    """The body with cache marks that say no `scope`: caches of clouds have one alone."""
    # PERF: to go through all marks takes milliseconds, and many a tool has a field of that name.
    if _SCOPED.search(data) is None:
        return data, []
    splices: list[Splice] = []
    for span in marks_in(data):
        scope = members_in(data, span).get("scope")
        if scope is not None:
            splices.append(without_member(data, "scope", scope))
    return (apply(data, splices), ["cache_control.scope"]) if splices else (data, [])


def _plain_tools(data: bytes, known: frozenset[str]) -> tuple[bytes, list[str]]:
    """The body with tools that have no members but the cloud's."""
    told: list[str] = []
    for name, betas in _OF_TOOLS.items():
        if f'"{name}"'.encode() not in data or not known.isdisjoint(betas):
            continue
        tools = elements_in(data, members_in(data, (0, len(data))).get("tools", (0, 0)))
        stated = (members_in(data, tool).get(name) for tool in tools)
        splices = [without_member(data, name, span) for span in stated if span is not None]
        if splices:
            data = apply(data, splices)
            told.append(f"tools[].{name}")
    return data, told


_ON_BOTH: Final = frozenset(
    (
        "compact-2026-01-12",
        "computer-use-2025-01-24",
        "computer-use-2025-11-24",
        "context-1m-2025-08-07",
        _EDITING,
        "interleaved-thinking-2025-05-14",
        "thinking-binding-controls-2026-08-01",
        "thinking-display-updates-2026-08-18",
        _TOOL_SEARCH,
    )
)
_RENAMED: Final = {"advanced-tool-use-2025-11-20": _TOOL_SEARCH}

BEDROCK: Final = CloudForm(
    _ON_BOTH
    | {
        "computer-use-2024-10-22",
        "dev-full-thinking-2025-05-14",
        "effort-2025-11-24",
        "fine-grained-tool-streaming-2025-05-14",
        "mid-conversation-output-config-2026-07-01",
        "mid-conversation-tool-changes-2026-07-01",
        "output-128k-2025-02-19",
        "token-efficient-tools-2025-02-19",
        "tool-examples-2025-10-29",
    },
    _RENAMED,
    {"claude-opus-4-7": frozenset(("interleaved-thinking-2025-05-14",))},
)
VERTEX: Final = CloudForm(_ON_BOTH | {"compact-2026-09-04", "web-search-2025-03-05"}, _RENAMED)
