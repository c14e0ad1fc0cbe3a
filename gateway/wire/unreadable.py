"""What reading JSON from outside raises where it is none, or none that can be read."""

from typing import Final

import msgspec

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Of msgspec's decoders, for bytes that anybody made: no JSON or another shape, no UTF-8, nested too deep."""
