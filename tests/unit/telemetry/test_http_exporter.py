"""Sending over http: what it takes, and what is said when it fails."""

import pytest

from gateway.secret import Secret
from gateway.telemetry.collector_headers import HeaderError
from gateway.telemetry.collector_settings import CollectorSettings
from gateway.telemetry.exporters import sender_of, sender_of_variables
from gateway.telemetry.http_exporter import HttpPlace, HttpSender, place_of, place_of_variables
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


def test_plain_http_asks_for_no_certificates(collector, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    one = sender(collector.url)

    assert one.send(b"")
    one.close()


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


@pytest.mark.parametrize("stated", ["Authorization: ApiKey s3cret", "x-api-key=abc%0As3cret"])
def test_a_header_that_cannot_be_sent_is_left_out_and_hides_no_reason(collector, stated):
    collector.status = 401

    assert reason(sender(collector.url, OTEL_EXPORTER_OTLP_HEADERS=f"{stated},a=b")) == "it answered 401 Unauthorized"
    assert collector.headers[0]["a"] == "b"


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize(
    ("name", "value", "told"),
    [("x-key", "a\ns3cret", "x-key"), ("x-key", "s3cret\xe9", "x-key"), ("s3cret:", "a", "name")],
)
def test_headers_are_looked_at_before_they_are_sent(protocol, name, value, told):
    settings = CollectorSettings("http://127.0.0.1:1", protocol, ((name, Secret(value)),))

    with pytest.raises(HeaderError, match=told) as refused:
        sender_of(settings, Variables(SOON))

    assert "s3cret" not in str(refused.value)


def test_grpc_gets_the_headers_of_the_variable_and_never_reads_it_itself(caplog):
    stated = {"OTEL_EXPORTER_OTLP_HEADERS": "X-Team=a%20b,Authorization: ApiKey s3cret", **SOON}

    sender = sender_of_variables(Variables({**stated, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}))

    assert ("x-team", "a b") in sender._exporter._headers
    assert "s3cret" not in caplog.text + str(sender._exporter._headers)
    sender.close()


@pytest.mark.parametrize("url", ["http://user:s3cret", "http://127.0.0.1:1/s3cret\x01"])
def test_an_address_that_is_none_is_not_quoted(url):
    assert reason(HttpSender(HttpPlace(url, timeout_s=0.1))) == "InvalidURL"
