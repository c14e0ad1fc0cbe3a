import gzip
import tracemalloc
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.wire.content_encoding import decode

_BODY = b'{"model":"gpt-5","messages":[]}' * 50


def _raw_deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


_CODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": _raw_deflate,
    "zstd": zstandard.compress,
    "identity": bytes,
}


@pytest.mark.parametrize("coding", _CODERS)
def test_each_coding(coding):
    assert decode(_CODERS[coding](_BODY), coding, len(_BODY)) == _BODY


@given(st.binary(max_size=2000), st.lists(st.sampled_from(["gzip", "zstd", "deflate"]), max_size=2))
def test_codings_are_undone_in_reverse_order(body, codings):
    data = body
    for coding in codings:
        data = _CODERS[coding](data)

    assert decode(data, " , ".join(codings).upper(), 10_000) == body


@pytest.mark.parametrize("encoding", ["", "identity", "identity, identity", " , "])
def test_no_coding(encoding):
    assert decode(b"as it is", encoding, 1) == b"as it is"


@pytest.mark.parametrize("encoding", ["br", "gzip, br", "gzip, gzip, gzip", "*"])
def test_other_codings_are_refused(encoding):
    with pytest.raises(GatewayError) as refusal:
        decode(_BODY, encoding, 10_000)

    assert refusal.value.type == "unsupported_media_type"


@pytest.mark.parametrize("coding", [name for name in _CODERS if name != "identity"])
def test_exactly_the_limit_passes_and_one_byte_more_does_not(coding):
    data = _CODERS[coding](_BODY)
    assert decode(data, coding, len(_BODY)) == _BODY
    with pytest.raises(GatewayError) as refusal:
        decode(data, coding, len(_BODY) - 1)

    assert refusal.value.type == "payload_too_large"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "Deflate", "zstd"])
@pytest.mark.parametrize(
    "harm",
    [lambda d: d[:-1], lambda d: d[: len(d) // 2], lambda d: d[:0], lambda d: b"nonsense" + d, lambda d: d + b"x"],
)
def test_corrupt_or_torn_data_is_refused(coding, harm):
    with pytest.raises(GatewayError) as refusal:
        decode(harm(_CODERS[coding](_BODY)), coding, 10_000)

    assert refusal.value.type == "bad_request"


def test_gzip_members_in_a_row():
    assert decode(gzip.compress(b"a") + gzip.compress(b"b"), "gzip", 2) == b"ab"
    with pytest.raises(GatewayError, match="not whole"):
        decode(gzip.compress(b"") * 1000, "gzip", 2)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "Deflate", "zstd", "gzip, gzip"])
def test_a_bomb_does_not_go_off(coding):
    bomb = bytes(50_000_000)
    for name in coding.split(", "):
        bomb = _CODERS[name](bomb)
    limit = 1_000_000
    tracemalloc.start()
    with pytest.raises(GatewayError) as refusal:
        decode(bomb, coding, limit)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert refusal.value.type == "payload_too_large"
    assert peak < 4 * limit


def test_a_zstandard_window_beyond_that_of_http_is_refused():
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = compressor.compress(_BODY) + compressor.flush()

    with pytest.raises(GatewayError) as refusal:
        decode(data, "zstd", 10_000)
    assert refusal.value.type == "bad_request"
