"""One look at a body, which tells of most that rules, prices and limits have nothing to look for in them.

What applications declare is the same from request to request, and is known by its fingerprint. The rest of a body is
searched once for everything by which more could be declared, billed, allowed or fetched; a body without any of it is
plain. Of all others each question is asked on its own, by those whose question it is: what the look finds is never
less than what they find. The same look tells of most bodies that they name nothing that a provider keeps.
"""

import re
from collections.abc import Hashable, Iterable
from collections.abc import Set as AbstractSet
from typing import Final

import re2

from gateway.any_of import any_of
from gateway.money.estimate import MARKS, characters_in, flags_of, points_or_allows
from gateway.shapes.allows import names_several
from gateway.shapes.shape import Shape
from gateway.shapes.state import refers_lastingly
from gateway.shapes.url_members import NO_URLS, URL_MEMBERS
from gateway.turns import LONG_BYTES
from gateway.wire.request_body import NOT_PLAIN, Glance, RequestBody
from gateway.wire.unsigned_thinking import ENVELOPE
from gateway.wire.url_candidates import may_have_scheme
from gateway.wire.urls import may_have_url_fields

_SHORT = 4096
"""Bytes up to which `re` takes less time than RE2, which is linear in whatever is long."""

_LARGEST = 1024 * 1024
"""Bytes of a body from which on one look takes milliseconds itself."""

_REMEMBERED = 256
_UNPLAIN: Final = r"\\u(?:00[3-7]|017[fF]|212[aA])"
"""Escapes by which letters of ASCII can be written, or U+017F and U+212A, which some servers take for s and k."""

_OPTIONS: Final = re2.Options()
_OPTIONS.never_capture = True
_UNPLAIN_IN_SHORT: Final = re.compile(_UNPLAIN.encode())
_UNPLAIN_IN_LONG: Final = re2.compile(_UNPLAIN, _OPTIONS)
_TWINS: Final = (b"\xc5\xbf", b"\xe2\x84\xaa")
"""The same two in UTF-8."""


def glance(shape: Shape, body: RequestBody) -> Glance:
    """What one look at the body tells; looked for when it is first asked for."""
    found = body.glance
    if found is None:
        found = body.glance = _watch(shape).look(body) if len(body.data) < _LARGEST else NOT_PLAIN
        if found.is_plain:
            body.telling = False
    return found


def takes_long(shape: Shape, body: RequestBody) -> bool:
    """Whether to judge and to price a body may take milliseconds, so that it is done beside the event loop.

    PERF: what is long is mostly a conversation that declares nothing. A few searches through it take less time than
    handing it to a thread does.
    """
    size = len(body.data)
    if size < LONG_BYTES:
        return False
    if size >= _LARGEST:
        return True
    seen = glance(shape, body)
    if not seen.is_plain or points_or_allows(seen.own_flags):
        return True
    return size - sum(map(body.size, shape.declares.bulk)) >= LONG_BYTES


class _Watch:
    """What is looked for in the requests of one API, and what is known of what lasts."""

    __slots__ = (
        "_known",
        "_lasting",
        "_long",
        "_long_and_state",
        "_names_of_kept",
        "_short",
        "_short_and_state",
        "_state",
        "_url_names",
    )

    def __init__(self, shape: Shape) -> None:
        table, urls = shape.declares, URL_MEMBERS.get(shape.name, NO_URLS)
        self._url_names = urls.names
        self._lasting = table.lasting
        self._state = shape.state
        members = {name.lower() for name in (*table.names_that_declare, *urls.names)}
        marks = {mark[1:].decode().lower() for mark in MARKS}
        self._short = _in_short(members, marks)
        self._short_and_state = _in_short(members | shape.state.names, marks | {ENVELOPE})
        self._long = re2.compile(f'"{_one_of(members)}', _OPTIONS)
        self._long_and_state = re2.compile(
            f'"(?:{_one_of(members | shape.state.names)}|{re.escape(ENVELOPE)})', _OPTIONS
        )
        # Tools and the like have ids of their own that point at nothing.
        lasting = shape.state.names - {"id"}
        self._names_of_kept = re2.compile(f'"{_one_of(lasting)}', _OPTIONS) if lasting else None
        self._known: dict[tuple[Hashable, _Own], Glance] = {}

    def look(self, body: RequestBody) -> Glance:
        """A body that is plain but for what it lastingly declares, or one that is not."""
        parts = body.parted(self._lasting)
        if parts is None:
            return NOT_PLAIN
        rest, members = parts
        own = self._own(rest)
        if own is None:
            return NOT_PLAIN
        fingerprint = body.fingerprint(self._lasting)
        known = self._known.get((fingerprint, own))
        if known is None:
            known = self._of_lasting(members, *own)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[fingerprint, own] = known
        return known

    def _own(self, text: bytes) -> "_Own | None":
        """What the rest of a body says; `None` where anything else is in it that is looked for."""
        if len(text) >= _SHORT:
            # PERF: each search begins with a sign from which to which RE2 leaps. One for all tells of most bodies.
            has_state = self._long_and_state.search(text) is not None
            if has_state and self._long.search(text) is not None:
                return None
            if _UNPLAIN_IN_LONG.search(text) is not None:
                return None
            flags = flags_of(text)
            return None if flags is None else (flags, True, has_state)
        lowered = text.lower()
        has_state = self._short_and_state.search(lowered) is not None
        if has_state and self._short.search(lowered) is not None:
            return None
        # PERF: to look for a single byte takes a fraction of what a longer text takes, and `find` of what `in` does,
        # which raises an exception to itself before it looks.
        has_escapes = text.find(b"\\") >= 0
        if has_escapes and _UNPLAIN_IN_SHORT.search(text) is not None:
            return None
        if not text.isascii() and any(twin in text for twin in _TWINS):
            return None
        return 0, has_escapes or lowered.find(b"http") >= 0, has_state

    def _of_lasting(self, members: bytes, own_flags: int, may_have_own_urls: bool, has_state: bool) -> Glance:
        """What is known of members that last, in a body whose rest says this."""
        flags = flags_of(members)
        if flags is None or _UNPLAIN_IN_LONG.search(members) is not None or names_several(members):
            return NOT_PLAIN
        _, dense, wide = characters_in((members,))
        has_fields = may_have_url_fields(members, self._url_names)
        return Glance(
            is_plain=True,
            has_state=has_state or self._refers(members),
            has_url_fields=has_fields,
            has_urls=has_fields or may_have_scheme(members),
            flags=flags | own_flags,
            own_flags=own_flags,
            may_have_own_urls=may_have_own_urls,
            dense=dense,
            wide=wide,
        )

    def _refers(self, members: bytes) -> bool:
        names = self._names_of_kept
        return names is not None and names.search(members) is not None and refers_lastingly(self._state, members)


def _one_of(names: Iterable[str]) -> str:
    return rf'(?i:{any_of(sorted(names))})"[ \t\r\n]*:'


def _in_short(members: AbstractSet[str], marks: AbstractSet[str]) -> re.Pattern[bytes]:
    """What finds a member of these names, or a word that begins so, in a text of small letters."""
    # PERF: it helps `re` to look at the next letter first; most quotes end a word or begin another one.
    first = "".join(sorted({word[0] for word in members | marks}))
    pattern = rf'(?:{any_of(sorted(members))}"[ \t\r\n]*:|{any_of(sorted(marks))})'
    return re.compile(f'"(?=[{first}]){pattern}'.encode())


_Own = tuple[int, bool, bool]
"""The flags that the rest of a body sets, and whether it may have URLs, and state."""

_WATCHES: Final[dict[str, _Watch]] = {}


def _watch(shape: Shape) -> _Watch:
    found = _WATCHES.get(shape.name)
    if found is None:
        found = _WATCHES[shape.name] = _Watch(shape)
    return found
