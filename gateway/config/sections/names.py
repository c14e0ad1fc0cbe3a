"""Names of people and of what they belong to: any printable text, of which no two look alike.

What a name may not have is what nobody sees, what turns a line around, and what reads like something else: it would let
one pass for another. Reports, plans and the console show names as they are; counters and paths are made of them by
escapes, which are different for different names.
"""
# ruff: noqa: RUF001 - what looks alike stands here

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Annotated, Final

from pydantic import AfterValidator, Field

_LONGEST_BYTES: Final = 128
_SPACED: Final = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*[^\x00-\x20\x7f-\xa0\u2028\u2029]"
_FORM: Final = rf"^[^\x00-\x20\x7f-\xa0\u2028\u2029]({_SPACED})?$"
_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0").union(
    map(chr, range(0xFE00, 0xFE10)), map(chr, range(0xE0100, 0xE01F0))
)
"""What is printable by its category and shows nothing (Unicode, `Default_Ignorable_Code_Point`, and empty Braille)."""

_ALPHABETS: Final = frozenset(("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC"))
"""Of these one word has letters of one only: they have letters that look alike."""
_SMALL: Final = ("<super>", "<sub>", "<fraction>")
_ALIKE: Final = str.maketrans(
    "аеорсухіјѕԁһԛԝАВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧονρ’‘ʼ＇‐‑‒–—―",
    "aeopcyxijsdhqwABEKMHOPCTYXIJSABEZHIKMNOPTYXovp''''------",
)
"""Letters of other alphabets, quotes and dashes, and the ASCII that looks like them (UTS 39, the usual ones)."""

_IDS: Final = re.compile(r"#\d+$")
_WORDS: Final = re.compile(r"\w+")


def _is_fit(name: str) -> str:
    if name.isascii() and name.isprintable() and "#" not in name and name not in (".", ".."):
        return name
    fault = next(_faults(name), None)
    if fault is not None:
        raise ValueError(fault)
    return name


def _faults(name: str) -> Iterator[str]:
    """What is wrong with a name, what is worst first."""
    if len(name.encode("utf-8", "surrogatepass")) > _LONGEST_BYTES:
        yield f"a name has {_LONGEST_BYTES} bytes of UTF-8 at most"
    for char in name:
        if char in _INVISIBLE or not char.isprintable():
            what = unicodedata.name(char, "a character that is no text")
            yield f"the name has U+{ord(char):04X} in it ({what}), which nobody sees or which turns text around"
    yield from _ambiguous(name)
    if name in (".", ".."):
        yield f"{name!r} leads elsewhere in a path and cannot be a name"
    if _IDS.search(name):
        yield "a name does not end with # and a number: reports tell apart by that what had the same name"


def _ambiguous(name: str) -> Iterator[str]:
    """What lets the name pass for another."""
    composed = unicodedata.normalize("NFC", name)
    if composed != name:
        yield f"the name is not in Unicode's composed form (NFC): write {composed!r}, {_points(composed, name)}"
    plain = "".join(unicodedata.normalize("NFKC", one) if _reads_as_another(one) else one for one in name)
    if plain != name:
        yield f"the name has characters that read like others: write {plain!r}"
    for word in _WORDS.findall(name):
        alphabets = sorted({found for one in word if (found := _alphabet(one)) in _ALPHABETS})
        if len(alphabets) > 1:
            one, other = alphabets[:2]
            yield f"the word {word!r} mixes letters of {one.title()} and {other.title()}, which look alike"


def _points(composed: str, name: str) -> str:
    """Both look the same, so it is said which is which."""
    return f"with {len(composed)} characters and not {len(name)}"


def _reads_as_another(char: str) -> bool:
    """Whether a letter or a digit is another one in a special form: full width, a ligature, of mathematics."""
    form = unicodedata.decomposition(char).partition(" ")[0]
    return form.startswith("<") and form not in _SMALL and unicodedata.category(char)[0] in "LN"


def _alphabet(char: str) -> str:
    return unicodedata.name(char, "").partition(" ")[0] if char.isalpha() else ""


def lookalikes(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each name that looks like one before it, with that one."""
    seen: dict[str, str] = {}
    for name in names:
        look = name if name.isascii() else unicodedata.normalize("NFKC", name).translate(_ALIKE)
        first = seen.setdefault(look, name)
        if first != name:
            yield name, first


PrintableName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=_LONGEST_BYTES,
        pattern=_FORM,
        description="A name: printable text of 128 bytes of UTF-8 at most, without spaces around it.",
    ),
    AfterValidator(_is_fit),
]
