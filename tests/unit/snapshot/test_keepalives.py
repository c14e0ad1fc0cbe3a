"""After how much silence a stream is kept alive."""

import pytest

from tests.support.snapshot import snapshot_of


@pytest.mark.parametrize(
    ("of_file", "of_key", "native", "translated"),
    [
        (None, None, 0, 15),
        (0, None, 0, 0),
        (5, None, 5, 5),
        (5, 0, 0, 0),
        (None, 7, 7, 7),
    ],
)
def test_a_key_before_the_file_before_what_the_lane_needs(of_file, of_key, native, translated):
    top = "" if of_file is None else f"stream_keepalive_s: {of_file}\n"
    own = "" if of_key is None else f", stream_keepalive_s: {of_key}"
    key = snapshot_of(
        f"""
version: 1
organization: acme
{top}
providers: {{sim: {{type: simulator}}}}
virtual_keys: {{k: {{environment: test, secret_hash: "hmac-sha256:{"a" * 64}"{own}}}}}
"""
    ).key_named("k")

    assert (key.stream_keepalive_s, key.translated_keepalive_s) == (native, translated)
