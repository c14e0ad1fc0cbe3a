import pytest

from gateway.errors import GatewayError
from gateway.wire.json_splice import apply
from gateway.wire.multipart import MultipartBody

_TYPE = "multipart/form-data; boundary=XyZ"
_FILE = b"RIFF\r\n--Xy\x00\xff\r\n\r\n" * 20


def _part(name: bytes, value: bytes, more: bytes = b"") -> bytes:
    return b'--XyZ\r\nContent-Disposition: form-data; name="' + name + b'"' + more + b"\r\n\r\n" + value + b"\r\n"


_FILE_PART = _part(b"file", _FILE, b'; filename="a; name=b.wav"\r\nContent-Type: audio/wav'.replace(b" name=b", b""))


def _form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--XyZ--\r\n"


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("preamble", [b"", b"preamble\r\n"])
def test_the_model_is_spliced_and_no_other_byte_changes(order, preamble):
    data = preamble + _form(*[_FILE_PART, _part(b"model", b"whisper-1"), _part(b"stream", b"true")][::order])
    body = MultipartBody(data, _TYPE)

    assert (body.model, body.stream) == ("whisper-1", True)
    assert apply(data, body.replacing_model("gpt-4o-transcribe")) == data.replace(b"whisper-1", b"gpt-4o-transcribe")
    assert body.asking_for_usage() == []
    assert body.decoded("tools") is None


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ('Multipart/Form-Data;boundary="a b"', b"a b"),
        ("multipart/form-data; charset=utf-8; BOUNDARY=----WebKitFormBoundaryx7 ", b"----WebKitFormBoundaryx7"),
    ],
)
def test_boundaries_as_clients_write_them(content_type, boundary):
    data = _form(_part(b"model", b"m")).replace(b"XyZ", boundary)

    assert MultipartBody(data, content_type).model == "m"


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "multipart/form-data",
        "multipart/mixed; boundary=XyZ",
        "multipart/form-data; xboundary=XyZ",
        "multipart/form-data; boundary=a; boundary=b",
    ],
)
def test_another_media_type_is_refused(content_type):
    with pytest.raises(GatewayError) as refusal:
        MultipartBody(_form(_part(b"model", b"m")), content_type)

    assert refusal.value.type == "unsupported_media_type"


_HEAD = b"--XyZ\r\nContent-Disposition: form-data; "


@pytest.mark.parametrize(
    "data",
    [
        _form(_part(b"model", b"a"), _part(b"model", b"a")),
        _form(_part(b"model", b"a"), _part(b"file", b"x"), _part(b"model", b"b")),
        _form(_part(b"stream", b"true"), _part(b"stream", b"false")),
        _form(_part(b"model", b"")),
        _form(_part(b"model", b"\xff")),
        _form(_part(b"model", b"m" * 5000)),
        _form(_part(b"model", b"a", b'; filename="x"')),
        _form(_part(b"model", b"a", b"\r\nContent-Transfer-Encoding: quoted-printable")),
        _form(_part(b"mod\\el", b"a")),
        _form(_part(b"x", b"a", b'; name="model"')),
        _form(_part(b"x", b"a", b"; name*=utf-8''model")),
        _form(_part(b"x", b"a", b'\r\nContent-Disposition: form-data; name="model"')),
        _form(_part(b"x", b"a", b';\r\n name="model"')),
        _form(_part(b"x", b"a", b'\nContent-Disposition: form-data; name="model"')),
        _form(_HEAD + b"\r\n\r\nno name\r\n"),
        _form(b"--XyZ\r\n\r\nno head\r\n"),
        _form(_part(b"a", b"x")) + _part(b"model", b"b"),
        _form(_part(b"a", b'x\r\n--XyZ1\r\nContent-Disposition: form-data; name="model"\r\n\r\nb')),
        _form(_part(b"model", b"a")).replace(b"\r\n", b"\n"),
        _part(b"model", b"a"),
        b"--XyZ\r\n" + b"x" * 10_000,
        b"no boundary at all",
        b"",
        _form(*[_part(b"a", b"x")] * 1001),
    ],
)
def test_a_form_that_two_parsers_could_read_differently_is_refused(data):
    with pytest.raises(GatewayError) as refusal:
        MultipartBody(data, _TYPE)

    assert refusal.value.type == "bad_request"


@pytest.mark.parametrize("name", [b"model", b'"model"'])
def test_names_are_read_quoted_or_not(name):
    data = _form(_HEAD + b"name=" + name + b"\r\n\r\nm\r\n")

    assert MultipartBody(data, _TYPE).model == "m"


def test_urls_are_found_in_fields_but_not_in_files():
    data = _form(_FILE_PART.replace(b"RIFF", b"http://in.file"), _part(b"prompt", b"see https://a.example."))
    body = MultipartBody(data, _TYPE)
    ((offset, url, certain),) = body.urls()

    assert certain
    assert (url, body.path_at(offset)) == ("https://a.example", "prompt")


def test_a_line_end_in_a_url_of_a_field_hides_nothing():
    body = MultipartBody(_form(_part(b"prompt", b"ht\r\ntp:\n//169.254.169.254/x")), _TYPE)

    assert [found[1:] for found in body.urls()] == [("http://169.254.169.254/x", False)]


def test_a_form_without_a_model_cannot_be_given_another_one():
    with pytest.raises(GatewayError, match="Name the model"):
        MultipartBody(_form(_part(b"a", b"x")), _TYPE).replacing_model("m")
