"""Which endpoints can be answered through another one, and by which translation. One line each."""

from collections.abc import Mapping
from typing import Final

from gateway.wire.translate.base import Translation

TRANSLATIONS: Final[Mapping[tuple[str, str], Translation]] = {}
"""(the client's endpoint, the provider's endpoint) -> how to cross."""
