"""At most how many tokens an image and a page of a document have, by family of models.

The figures are those of the providers' pages on vision and on documents, at the finest resolution that they offer:

- Anthropic: an image has at most 1,568 tokens, from Opus 4.7 on 4,784; a page is an image and 1,500 to 3,000 of text.
- OpenAI: tiles of 512 pixels (`gpt-4o-mini`: 2,833 and 5,667 for each of 8) or patches of 32 (1,536 of them, of 2.46
  tokens at most; 10,000 of them, of 1.2, in `original` detail). A page is its text and an image.
  What is edited in high fidelity has up to 6,240 beyond its tiles.
- Google: 258 for each tile of 768 pixels; from Gemini 3 on at most 2,240 for an image, 1,120 for a page.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple


class Media(NamedTuple):
    """Tokens of one image, and of one page, at most."""

    image: int
    page: int


ANY: Final = Media(5_000, 8_000)
"""Of models of which nothing is known."""

TEXT_OF_PAGE: Final = 3_000
"""Tokens of text for which is held with each page."""

_FAMILIES: Final = (
    (r"claude-(?:[23]|instant|opus-4-[0156]|sonnet-4|haiku-4|opus-4$|4)", Media(1_600, 1_600 + TEXT_OF_PAGE)),
    (r"claude", Media(4_800, 4_800 + TEXT_OF_PAGE)),
    (r"gpt-4o-mini", Media(48_200, 48_200 + TEXT_OF_PAGE)),
    (r"gpt-5\.(?:[4-9]|\d\d)(?!.*(?:mini|nano))", Media(12_000, 12_000 + TEXT_OF_PAGE)),
    (r"gpt-image|chatgpt-image", Media(8_000, 8_000 + TEXT_OF_PAGE)),
    (r"gpt-?[345]|gpt-oss|chatgpt|codex|^o[1-9]", Media(5_000, 5_000 + TEXT_OF_PAGE)),
    (r"gpt", Media(12_000, 12_000 + TEXT_OF_PAGE)),
    (r"gemini-[12]", Media(5_000, 300)),
    (r"gemini-3", Media(2_300, 1_200)),
    (r"gemini", Media(5_000, 1_200)),
)
"""A name that says no version, or one that is not known, takes the most of the present ones of its family."""


@lru_cache(maxsize=1024)
def media_of(model: str) -> Media:
    """The bounds of a model, by what its name has in it."""
    name = model.lower()
    return next((media for pattern, media in _FAMILIES if re.search(pattern, name)), ANY)
