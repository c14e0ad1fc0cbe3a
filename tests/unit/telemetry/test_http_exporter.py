"""Sending over http: what it takes, and what is said when it fails."""

import pytest

from gateway.secret import Secret
from gateway.telemetry.collector_settings import CollectorSettings
from gateway.telemetry.http_exporter import HttpSender, place_of, place_of_variables
from gateway.telemetry.otel_variables import Variables
from tests.support.certificate import certificate
from tests.support.collector import HttpCollector
from tests.support.gateway import free_port

SOON = {"OTEL_EXPORTER_OTLP_TIMEOUT": "300"}


def sender(url, **environ):
    variables = Variables({**SOON, "OTEL_EXPORTER_OTLP_ENDPOINT": url, **environ})
    return HttpSender(place_of_variables("traces", variables))


def reason(of):
    assert not of.send(b"")
    of.close()
    return of.failure


@pytest.fixture
def collector():
    started = HttpCollector()
    yield started
    started.close()


@pytest.fixture
def behind_tls(tmp_path):
    file, context = certificate(tmp_path)
    started = HttpCollector(tls=context)
    yield started, file
    started.close()


def test_each_way_to_lose_a_collector_has_a_reason_of_its_own(collector, behind_tls):
    collector.status = 404
    away = reason(sender(f"http://127.0.0.1:{free_port()}"))
    missing = reason(sender(collector.url))
    untrusted = reason(sender(behind_tls[0].url))

    assert "Connection refused" in away
    assert missing == "it answered 404 Not Found"
    assert "CERTIFICATE_VERIFY_FAILED" in untrusted


def test_the_certificate_of_the_variable_counts_whatever_those_of_python_say(behind_tls, tmp_path, monkeypatch):
    collector, file = behind_tls
    other = tmp_path / "other"
    other.mkdir()
    wrong, _ = certificate(other)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(wrong))
    monkeypatch.setenv("SSL_CERT_FILE", str(wrong))

    one = sender(collector.url, OTEL_EXPORTER_OTLP_CERTIFICATE=str(file))

    assert one.send(b"")
    one.close()
    assert collector.paths == ["/v1/traces"]


def test_a_certificate_that_is_not_there_is_named(tmp_path):
    with pytest.raises(OSError, match=r"missing\.pem"):
        sender("https://127.0.0.1:1", OTEL_EXPORTER_OTLP_CERTIFICATE=str(tmp_path / "missing.pem"))


def test_variables_say_headers_compression_and_a_whole_address(collector):
    address = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collector.url}/own"}
    one = sender(
        "http://unused", **address, OTEL_EXPORTER_OTLP_COMPRESSION="gzip", OTEL_EXPORTER_OTLP_HEADERS="a=b%20c"
    )

    assert one.send(b"")
    one.close()
    assert collector.paths == ["/own"]
    assert collector.headers[0].items() >= {"a": "b c", "content-encoding": "gzip"}.items()


def test_a_collector_of_the_file_gets_its_own_headers_and_no_others():
    settings = CollectorSettings("https://c.example/otel/", "http/protobuf", (("x-key", Secret("k")),))

    place = place_of(settings, Variables({"OTEL_EXPORTER_OTLP_HEADERS": "x-platform=p", **SOON}))

    assert place.url == "https://c.example/otel/v1/traces"
    assert [name for name, _ in place.headers] == ["x-key"]
    assert place.timeout_s == 0.3
