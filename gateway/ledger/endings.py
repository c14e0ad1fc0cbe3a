"""How requests ended, as whoever is on call thinks of it; every request is exactly one of these."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from sqlalchemy import FromClause, and_, or_
from sqlalchemy.sql.elements import ColumnElement

Ending = Literal["ok", "refused", "client_error", "client_left", "server_error"]
"""
- `ok`: answered
- `refused`: by the gateway, for what a key, a rule, a limit or a budget says
- `client_error`: with a 4xx of the provider, passed on
- `client_left`: before its end, because the client went away or the gateway shut down
- `server_error`: with a 5xx, whoever's, or by an answer that broke off
"""
ENDINGS: Final[tuple[Ending, ...]] = get_args(Ending)

_CLIENT, _SERVER = 400, 500
_CUT_SHORT: Final = ("client_left", "shut_down")


def ending_of(status: int, outcome: str) -> Ending:
    """How a request ended whose record has this status and outcome."""
    if outcome == "ok":
        return "ok"
    if outcome in _CUT_SHORT:
        return "client_left"
    if not _CLIENT <= status < _SERVER:
        return "server_error"
    return "refused" if outcome == "refused" else "client_error"


def ended_so(source: FromClause, ending: Ending) -> ColumnElement[bool]:
    """The same as a condition on a table with both columns."""
    status, outcome = source.c.status, source.c.outcome
    other = and_(outcome != "ok", outcome.not_in(_CUT_SHORT))
    passed_on = and_(other, status >= _CLIENT, status < _SERVER)
    conditions: Mapping[Ending, ColumnElement[bool]] = {
        "ok": outcome == "ok",
        "client_left": outcome.in_(_CUT_SHORT),
        "refused": and_(passed_on, outcome == "refused"),
        "client_error": and_(passed_on, outcome != "refused"),
        "server_error": and_(other, or_(status < _CLIENT, status >= _SERVER)),
    }
    return conditions[ending]
