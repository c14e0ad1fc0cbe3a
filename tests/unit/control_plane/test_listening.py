"""Where the control plane may listen."""

import pytest

from gateway.control_plane.process import check_listening
from gateway.control_plane.wiring import Options
from tests.support.certificate import certificate


def options(host, **members):
    return Options(host=host, port=5560, database_url="sqlite:////gone.db", **members)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_this_machine_needs_no_tls(host):
    check_listening(options(host), allow_remote_http=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "192.168.1.1", "::ffff:10.0.0.1", "8.8.8.8"])
def test_beyond_it_takes_tls_or_a_word(tmp_path, host):
    with pytest.raises(ValueError, match="tokens would cross the network in clear"):
        check_listening(options(host), allow_remote_http=False)

    check_listening(options(host), allow_remote_http=True)
    certificate(tmp_path)
    pair = {"tls_cert": tmp_path / "certificate.pem", "tls_key": tmp_path / "key.pem"}
    check_listening(options(host, **pair), allow_remote_http=False)
