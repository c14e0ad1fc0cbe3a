"""Pages and text of a PDF, told without a reader of PDF."""

import base64
import zlib

import pytest

from gateway.money.estimate import Beside, bound_input
from gateway.money.media import media_of
from gateway.money.pdf_pages import LONGEST, Reading, read_pdf
from gateway.shapes.media_members import MESSAGES

PAGES = b"".join(b"%d 0 obj <</Type /Page /Parent 2 0 R>> endobj\n" % number for number in range(3, 15))
PLAIN = b"%PDF-1.7\n1 0 obj <</Type /Catalog>> endobj\n2 0 obj <</Type/Pages /Count 12>> endobj\n" + PAGES


def in_object_stream(objects, filter_=b"/FlateDecode"):
    packed = zlib.compress(objects) if filter_ else objects
    return b"%%PDF-1.7\n9 0 obj <</Type /ObjStm /Filter %s /Length %d>>\nstream\r\n%s\nendstream endobj" % (
        filter_,
        len(packed),
        packed,
    )


def encoded(pdf):
    return base64.b64encode(pdf)


PDFS = {
    "plain": (PLAIN, 12),
    "in a stream of objects": (in_object_stream(b"<</Type /Page/Parent 2 0 R>>" * 7), 7),
    "in both": (PLAIN + in_object_stream(b"<</Type/Page>>" * 3), 15),
    "encrypted": (PLAIN + b"trailer <</Encrypt 8 0 R>>", None),
    "a stream that is not compressed so": (in_object_stream(b"<</Type/Page>>", b""), None),
    "a stream that is cut": (in_object_stream(b"<</Type/Page>>" * 99)[:-40], None),
    "none": (b"%PDF-1.7\n", None),
    "a count that is more": (PLAIN.replace(b"12>>", b"100>>"), 100),
    "one page many times": (PLAIN + b"<</Kids [" + b"3 0 R " * 100 + b"]>>", 100),
    "a name with escapes": (PLAIN + b"<</Type /P#61ge>>", None),
    "another filter": (PLAIN + b"<</Filter /LZWDecode>>", None),
    "compressed by itself": (PLAIN + b"<</Filter/FlateDecode>>stream\nabc\nendstream", None),
    "many streams": (PLAIN + b"stream\n\nendstream" * 10_001, None),
}


@pytest.mark.parametrize(("pdf", "pages"), PDFS.values(), ids=PDFS.keys())
def test_pages_are_counted_where_they_can_be(pdf, pages):
    assert read_pdf(encoded(pdf)) == (None if pages is None else Reading(pages, 0))


WORDS = b"BT /F1 12 Tf (" + b"many words " * 60_000 + b") Tj ET"
IMAGE = b"/Subtype /Image /Width 9"


def in_stream(content, more=b"", *, packed=True):
    filter_ = b"/Filter /FlateDecode" if packed else b""
    data = zlib.compress(content) if packed else content
    return b"9 0 obj <<%s %s /Length %d>>\nstream\r\n%s\nendstream endobj" % (filter_, more, len(data), data)


TEXTS = {
    "compressed": (in_stream(WORDS), len(WORDS)),
    "plain": (in_stream(WORDS, packed=False), len(WORDS) + 1),
    "in several": (in_stream(WORDS) * 3, 3 * len(WORDS)),
    "after lines": (in_stream(b"0 0 m 9 9 l " * 9_000 + WORDS), len(WORDS) + 1),
    "that calls itself an image": (in_stream(WORDS, IMAGE), len(WORDS)),
    "no text": (in_stream(b"0 0 m 9 9 l " * 9_000), 0),
    "an image": (in_stream(b"\0\1\2\3" * 9_000_000, IMAGE), 0),
}


@pytest.mark.parametrize(("streams", "size"), TEXTS.values(), ids=TEXTS.keys())
def test_text_of_pages_is_told(streams, size):
    assert read_pdf(encoded(PLAIN + streams)) == Reading(12, size)


def test_much_in_little_is_as_much_as_is_looked_through():
    bomb = encoded(in_stream(b"BT " + b" " * (17 * 1024 * 1024)))
    assert read_pdf(bomb) == Reading(0, 16 * 1024 * 1024)


def test_more_pages_than_are_counted_are_as_much_as_is_looked_through():
    assert read_pdf(encoded(b"%PDF-1.7\n" + b"<</Type/Page>>" * 20_001)) == Reading(0, 16 * 1024 * 1024)


AS_MUCH = Reading(0, 16 * 1024 * 1024)
TREES = {
    "of two levels": (b"<</Kids [3 0 R 4 0 R]>> <</Kids [5 0 R]>> <</Kids [6 0 R]>>", Reading(12, 0)),
    "that names a branch many times": (b"<</Kids [" + b"3 0 R " * 100 + b"]>> <</Kids [4 0 R 5 0 R]>>", AS_MUCH),
    "whose branches share a branch": (b"<</Kids [3 0 R 4 0 R]>> <</Kids [5 0 R]>> <</Kids [5 0 R]>>", AS_MUCH),
    "whose branches are elsewhere": (b"<</Kids 7 0 R>>", AS_MUCH),
    "with a comment in its way": (b"<</Kids %\n[3 0 R]>>", AS_MUCH),
}


@pytest.mark.parametrize(("tree", "reading"), TREES.values(), ids=TREES.keys())
def test_a_tree_of_pages_that_may_have_any_number_of_them_is_as_much_as_is_looked_through(tree, reading):
    assert read_pdf(encoded(PLAIN + tree)) == reading


def test_each_byte_is_inflated_once(monkeypatch):
    fed = []
    real = zlib.decompressobj

    class Counting:
        def __init__(self):
            self._real = real()

        def decompress(self, data, most):
            fed.append(len(data))
            return self._real.decompress(data, most)

        @property
        def eof(self):
            return self._real.eof

    monkeypatch.setattr(zlib, "decompressobj", Counting)
    empty = in_stream(b"", b"/Type /ObjStm")
    pdf = PLAIN + b"/Type/ObjStm" * 2_000 + empty * 500 + b"A" * 1_000_000
    read_pdf(encoded(pdf))

    assert len(fed) == 500
    assert sum(fed) <= len(pdf)


def test_what_is_no_base64_or_too_long_is_not_looked_through():
    assert read_pdf(b"JVBERi0x!") is None
    longest = PLAIN + b"%" * (LONGEST // 4 * 3 - len(PLAIN))
    assert read_pdf(encoded(longest)) is not None
    assert read_pdf(encoded(longest + b"%")) is None


def body(pdf):
    data = encoded(pdf + b"%" + b"x" * 90_000)
    document = b'{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"%s"}}' % data
    return b'{"messages":[{"role":"user","content":[%s]}]}' % document


def test_a_pdf_is_held_by_its_pages_as_the_model_reads_them():
    held = bound_input(body(PLAIN), MESSAGES.found_in)
    claude, gemini = media_of("claude-sonnet-4-5"), media_of("gemini-3-pro")

    text = held.tokens - 12 * 8_000
    assert held.beside == Beside(pages=12)
    assert 0 < text < 100
    assert held.of_model(claude, 200_000).tokens == text + 12 * claude.page
    assert held.of_model(gemini, 1_000_000).tokens == text + 12 * gemini.page


def test_one_whose_pages_nobody_knows_is_held_by_its_bytes_and_no_longer_than_the_model_reads():
    held = bound_input(body(b"%PDF-1.7\n"), MESSAGES.found_in)
    media = media_of("claude-sonnet-4-5")

    assert held.of_model(media, None).tokens == held.tokens > 40_000
    assert 20_000 < held.of_model(media, 20_000).tokens < 20_100


def test_a_page_that_is_full_of_text_is_held_by_its_text():
    held = bound_input(body(PLAIN + in_stream(WORDS)), MESSAGES.found_in)

    assert held.of_model(media_of("claude-sonnet-4-5"), None).tokens > len(WORDS) / 3


MODELS = {
    "claude-3-5-sonnet-latest": 1_600,
    "claude-opus-4-1": 1_600,
    "anthropic/claude-sonnet-4-5": 1_600,
    "global.anthropic.claude-haiku-4-5-20251001-v1:0": 1_600,
    "claude-opus-4-7": 4_800,
    "claude-sonnet-5": 4_800,
    "gpt-4o-mini-2024-07-18": 48_200,
    "gpt-4o": 5_000,
    "gpt-5-mini": 5_000,
    "gpt-5.4": 12_000,
    "gpt-5.4-mini": 5_000,
    "gemini-2.5-pro": 5_000,
    "gemini-3.1-pro-preview": 2_300,
    "gemini-flash-latest": 5_000,
    "gemini-4-pro": 5_000,
    "gpt-5.4-codex": 12_000,
    "gpt-5.10": 12_000,
    "gpt-6": 12_000,
    "gpt-7-mini": 12_000,
    "gpt-4.1": 5_000,
    "claude-opus-latest": 4_800,
    "llama-4": 5_000,
}


@pytest.mark.parametrize(("model", "tokens"), MODELS.items())
def test_an_image_is_held_as_the_family_of_the_model_reads_it(model, tokens):
    assert media_of(model).image == tokens


PAGES_OF_GEMINI = {
    "gemini-2.5-pro": 300,
    "gemini-3.1-pro-preview": 1_200,
    "gemini-flash-latest": 1_200,
    "gemini-pro-latest": 1_200,
    "gemini-4-flash": 1_200,
}


@pytest.mark.parametrize(("model", "tokens"), PAGES_OF_GEMINI.items())
def test_a_name_without_a_known_version_takes_the_most_for_a_page(model, tokens):
    assert media_of(model).page == tokens
