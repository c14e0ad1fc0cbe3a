"""What people and teams may be called, and which names look alike."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway.config.sections.names import PrintableName, lookalikes

NAMES = TypeAdapter(PrintableName)
FIT = [
    "o'brien@acme.com",
    "Société Générale",
    "チーム",
    "R&D / Platform",
    "Дмитрий Москва team",
    "equipo nº 1",
    "l’équipe – été",
    "山田 太郎",
    "한국어",
    "فريق",
    "🚀",
    "C#",
    "team #x",
    "ACME GmbH & Co. KG",
    "dev-1@example.com",
]
UNFIT = [
    ("a\u202eb", "RIGHT-TO-LEFT OVERRIDE"),
    ("a\u200bb", "ZERO WIDTH SPACE"),
    ("a\u00a0b", "NO-BREAK SPACE"),
    ("a\u3164b", "HANGUL FILLER"),
    ("a\ufe0f", "VARIATION SELECTOR-16"),
    ("a\ue000", "U\\+E000"),
    ("a\u00adb", "SOFT HYPHEN"),
    ("Socie\u0301te\u0301", "write 'Société', with 7 characters and not 9"),
    ("p\u0430ypal", "mixes letters of Cyrillic and Latin"),
    ("\u03bfffice", "mixes letters of Greek and Latin"),
    ("ﾁｰﾑ", "write 'チーム'"),
    ("Ａcme", "write 'Acme'"),
    ("o\ufb03ce", "write 'office'"),
    (".", "leads elsewhere"),
    ("..", "leads elsewhere"),
    ("ada#2", "# and a number"),
    ("チ" * 43, "128 bytes"),
    (" a", "pattern"),
    ("a\t", "pattern"),
    ("a\nb", "pattern"),
    ("", "at least 1"),
]


@pytest.mark.parametrize("name", FIT)
def test_a_printable_name_is_a_name(name):
    assert NAMES.validate_python(name) == name


@pytest.mark.parametrize(("name", "why"), UNFIT)
def test_what_passes_for_something_else_is_refused_with_its_reason(name, why):
    with pytest.raises(ValidationError, match=why):
        NAMES.validate_python(name)


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
def test_whatever_is_a_name_can_be_shown_and_is_in_one_form(text):
    try:
        name = NAMES.validate_python(text)
    except ValidationError:
        return

    assert name.isprintable()
    assert name == text == unicodedata.normalize("NFC", name)
    assert name.strip() == name != ""


@given(st.lists(st.sampled_from(["O'Brien", "O’Brien", "acme", "асме", "a-b", "a–b", "other", "チーム"]), unique=True))
def test_names_that_look_alike_are_found_whatever_their_order(names):
    alike = [{"O'Brien", "O’Brien"}, {"a-b", "a–b"}]

    assert {frozenset(pair) for pair in lookalikes(names)} == {frozenset(pair) for pair in alike if pair <= set(names)}
