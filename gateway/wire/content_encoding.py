"""Decompressing request bodies (RFC 9110, section 8.4), never beyond a bound."""

import sys
import zlib
from collections.abc import Callable
from typing import Any, Final

from gateway.errors import GatewayError

if sys.version_info >= (3, 14):
    from compression import zstd as _zstd

    _ZstdError: type[Exception] = _zstd.ZstdError
else:
    import zstandard as _zstd

    _ZstdError = _zstd.ZstdError

_MAX_CODINGS = 2
_MAX_GZIP_MEMBERS = 16
_MAX_ZSTD_WINDOW_LOG = 23  # 8 MiB, what RFC 9659 allows in HTTP


def decode(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its codings, at most `limit` bytes.

    Raises `unsupported_media_type` for other codings, `payload_too_large` beyond the limit, `bad_request` for data
    that is corrupt or cut off.
    """
    codings = [coding.strip().lower() for coding in encoding.split(",")]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if len(codings) > _MAX_CODINGS:
        raise GatewayError("unsupported_media_type", f"At most {_MAX_CODINGS} codings are read.")
    for coding in reversed(codings):
        inflate = _CODINGS.get(coding)
        if inflate is None:
            known = ", ".join(sorted(_CODINGS))
            raise GatewayError("unsupported_media_type", f"The coding {coding!r} is not read; send one of {known}.")
        try:
            body = inflate(body, limit)
        except (zlib.error, _ZstdError, EOFError):
            raise GatewayError("bad_request", f"The body is not whole {coding} data.") from None
    return body


def _gzip(body: bytes, limit: int) -> bytes:
    return _zlib(body, limit, zlib.MAX_WBITS | 16)


def _deflate(body: bytes, limit: int) -> bytes:
    """Zlib's format as the RFC says, or the bare stream that some clients send under this name."""
    try:
        return _zlib(body, limit, zlib.MAX_WBITS)
    except zlib.error:
        return _zlib(body, limit, -zlib.MAX_WBITS)


def _zlib(body: bytes, limit: int, window_bits: int) -> bytes:
    pieces: list[bytes] = []
    left = limit
    # gzip data may be several members in a row (RFC 1952, section 2.2); each costs a copy of what follows it.
    for _ in range(_MAX_GZIP_MEMBERS):
        inflater = zlib.decompressobj(window_bits)
        piece = inflater.decompress(body, left + 1)
        left -= len(piece)
        if left < 0:
            raise _too_large(limit)
        if not inflater.eof:
            raise EOFError
        pieces.append(piece)
        body = inflater.unused_data
        if not body:
            return b"".join(pieces)
    raise EOFError


def _zstandard(body: bytes, limit: int) -> bytes:
    """One frame, which has to end where the body ends."""
    data: bytes
    if sys.version_info >= (3, 14):
        options = {_zstd.DecompressionParameter.window_log_max: _MAX_ZSTD_WINDOW_LOG}
        inflater: Any = _zstd.ZstdDecompressor(options=options)
        data = inflater.decompress(body, max_length=limit + 1)
    else:
        decompressor: Any = _zstd.ZstdDecompressor(max_window_size=1 << _MAX_ZSTD_WINDOW_LOG)
        with decompressor.stream_reader(body) as reader:
            data = reader.read(limit + 1)
        if len(data) <= limit:
            # The reader is silent about a frame that breaks off; this object is not, but knows no bound.
            inflater = decompressor.decompressobj()
            inflater.decompress(body)
    if len(data) > limit:
        raise _too_large(limit)
    if not inflater.eof or inflater.unused_data:
        raise EOFError
    return data


def _too_large(limit: int) -> GatewayError:
    return GatewayError("payload_too_large", f"The decompressed body is larger than {limit} bytes.")


_CODINGS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstandard,
}
