"""Pages of a PDF, counted without a reader of PDF."""

import base64
import zlib

import pytest

from gateway.money import pdf_pages
from gateway.money.estimate import Beside, bound_input
from gateway.money.media import media_of
from gateway.money.pdf_pages import pages_in

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
    "much in little": (in_object_stream(b" " * (17 * 1024 * 1024)), None),
}


@pytest.mark.parametrize(("pdf", "pages"), PDFS.values(), ids=PDFS.keys())
def test_pages_are_counted_where_they_can_be(pdf, pages):
    assert pages_in(encoded(pdf)) == pages


def test_what_is_no_base64_or_too_long_is_not_looked_through(monkeypatch):
    assert pages_in(b"JVBERi0x!") is None
    monkeypatch.setattr(pdf_pages, "LONGEST", 100)
    assert pages_in(encoded(PLAIN)) is None


def body(pdf):
    data = encoded(pdf + b"%" + b"x" * 90_000)
    document = b'{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"%s"}}' % data
    return b'{"messages":[{"role":"user","content":[%s]}]}' % document


def test_a_pdf_is_held_by_its_pages_as_the_model_reads_them():
    held = bound_input(body(PLAIN))
    claude, gemini = media_of("claude-sonnet-4-5"), media_of("gemini-3-pro")

    text = held.tokens - 12 * 8_000
    assert held.beside == Beside(pages=12)
    assert 0 < text < 100
    assert held.of_model(claude, 200_000).tokens == text + 12 * claude.page
    assert held.of_model(gemini, 1_000_000).tokens == text + 12 * gemini.page


def test_one_whose_pages_nobody_knows_is_held_by_its_bytes_and_no_longer_than_the_model_reads():
    held = bound_input(body(b"%PDF-1.7\n"))
    media = media_of("claude-sonnet-4-5")

    assert held.of_model(media, None).tokens == held.tokens > 40_000
    assert 20_000 < held.of_model(media, 20_000).tokens < 20_100


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
    "llama-4": 5_000,
}


@pytest.mark.parametrize(("model", "tokens"), MODELS.items())
def test_an_image_is_held_as_the_family_of_the_model_reads_it(model, tokens):
    assert media_of(model).image == tokens
