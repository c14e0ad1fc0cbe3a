"""How pages write amounts, moments and names."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from markupsafe import Markup

from gateway.ledger.period import moment_text
from gateway.money import nano_usd
from gateway.money.budget import Unit, amount_shown
from gateway.plan.render.lines import value as one_line
from gateway.plan.words import ago
from gateway.visible import visible

UNKNOWN: Final = "\u2013"
"""What stands for a figure that is not known."""
NOTHING: Final = one_line(None)
"""What stands for a value that is not there."""

_THOUSANDS: Final = ((10**9, "G"), (10**6, "M"), (10**3, "k"))
_FROM: Final = 10_000
"""Up to here a number is written out."""
_SECOND_MS: Final = 1_000
_MINUTE_MS: Final = 60_000
_JSON_ESCAPES: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def name(text: str | None) -> str:
    """A name as it can be shown, whoever made it up; `(none)` where there is none."""
    return visible(text) if text else "(none)"


def when(moment: int) -> Markup:
    """Microseconds since the epoch as a moment in UTC, to the second."""
    text = moment_text(moment)
    return Markup('<time datetime="{}">{} {}</time>').format(text, text[:10], text[11:19])


def hour(moment: int) -> Markup:
    """Microseconds since the epoch as an hour in UTC, for what is known no better."""
    text = moment_text(moment)
    return Markup('<time datetime="{}">{}, {} h</time>').format(f"{text[:13]}:00Z", text[:10], text[11:13])


def written_when(text: str | None) -> Markup:
    """RFC 3339 text in UTC, as specs have it, to the minute; a reference as it is."""
    if not text:
        return Markup("")
    if text.startswith("${"):
        return Markup.escape(visible(text))
    return Markup('<time datetime="{}">{} {}</time>').format(text, text[:10], text[11:16])


def usd(nano: int) -> Markup:
    """An amount for people; the exact one is told on request."""
    return Markup('<data value="{0}" title="${0}">{1}</data>').format(nano_usd.to_usd(nano), nano_usd.shown(nano))


def amount(number: int, unit: Unit) -> Markup:
    """What a budget counts, for people."""
    return usd(number) if unit == "usd" else Markup.escape(amount_shown(unit, number))


def exact_usd(nano: int) -> str:
    """An amount to the last digit."""
    return f"${nano_usd.to_usd(nano)}"


def figure(number: int) -> str:
    """`1,234,567`."""
    return f"{number:,}"


def short(number: int) -> Markup:
    """`1.23M`; the exact number is told on request."""
    for size, sign in _THOUSANDS:
        # What three digits round up to 1,000 of the size below is 1 of this one.
        if number >= max(size * 0.9995, _FROM):
            return Markup('<data value="{}" title="{:,}">{}{}</data>').format(
                number, number, f"{number / size:.3g}" if number < size * 1_000 else f"{number / size:,.0f}", sign
            )
    return Markup("{:,}").format(number)


def duration(milliseconds: float | None) -> str:
    """`850 ms`, `12.4 s`, `3 min 5 s`; a dash where it is unknown."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds < _SECOND_MS:
        return f"{milliseconds:.0f} ms"
    if milliseconds < _MINUTE_MS:
        return f"{milliseconds / _SECOND_MS:.3g} s"
    return f"{milliseconds // _MINUTE_MS:.0f} min {milliseconds % _MINUTE_MS // _SECOND_MS:.0f} s"


def percent(part: float, whole: float) -> str:
    """`12.3 %`; of nothing, a dash."""
    if not whole:
        return UNKNOWN
    share = 100 * part / whole
    return f"{share:.0f} %" if share in (0, 100) else f"{min(share, 99.9):.1f} %" if share >= 0.1 else "< 0.1 %"  # noqa: PLR2004 - one decimal


def json_block(data: object) -> Markup:
    """JSON for a `<script type="application/json">`, which nothing in it can end."""
    text = msgspec.json.encode(data).decode()
    return Markup("".join(_JSON_ESCAPES.get(one, one) for one in text))  # noqa: S704 - escaped by the line itself


def flat(spec: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """A spec as rows: `fallback.timeout_ms` and its value in one line."""
    for key, inner in spec.items():
        place = f"{path}.{key}" if path else str(key)
        if isinstance(inner, Mapping) and inner:
            yield from flat(inner, place)
        else:
            yield place, one_line(inner)


FILTERS: Final[Mapping[str, Any]] = {
    "name": name,
    "when": when,
    "hour": hour,
    "written_when": written_when,
    "usd": usd,
    "amount": amount,
    "exact_usd": exact_usd,
    "figure": figure,
    "short": short,
    "duration": duration,
    "json_block": json_block,
    "flat": flat,
    "ago": ago,
}
