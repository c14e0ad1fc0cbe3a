import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.formparser import parse_form_data

from gateway.errors import GatewayError
from gateway.shapes.url_members import NO_URLS
from gateway.turns import at_once
from gateway.wire.json_splice import apply
from gateway.wire.multipart import FormFields, MultipartBody
from gateway.wire.spooled_form import SpooledForm

_TYPE = b"multipart/form-data; boundary=XyZ"
_FILE = b"RIFF --XyZ \r\n--Xy\x00\xff\r\n\r\n" * 20


def _part(name: bytes, value: bytes, more: bytes = b"") -> bytes:
    return b'--XyZ\r\nContent-Disposition: form-data; name="' + name + b'"' + more + b"\r\n\r\n" + value + b"\r\n"


_FILE_PART = _part(b"file", _FILE, b'; filename="a; name=b.wav"\r\nContent-Type: audio/wav'.replace(b" name=b", b""))


def _form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--XyZ--\r\n"


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("before", "after"), [(b"", b""), (b"\r\n", b"\r\n")])
def test_the_model_is_spliced_and_no_other_byte_changes(order, before, after):
    data = before + _form(*[_FILE_PART, _part(b"model", b"whisper-1"), _part(b"stream", b"true")][::order]) + after
    body = MultipartBody(data, _TYPE)

    assert (body.model, body.stream) == ("whisper-1", True)
    assert apply(data, body.replacing_model("gpt-4o-transcribe")) == data.replace(b"whisper-1", b"gpt-4o-transcribe")
    assert body.asking_for_usage() == []
    assert body.decoded("tools") is None


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        (b'Multipart/Form-Data;boundary="a b"', b"a b"),
        (b"multipart/form-data; charset=utf-8; BOUNDARY=----WebKitFormBoundaryx7 ", b"----WebKitFormBoundaryx7"),
    ],
)
def test_boundaries_as_clients_write_them(content_type, boundary):
    data = _form(_part(b"model", b"m")).replace(b"XyZ", boundary)

    assert MultipartBody(data, content_type).model == "m"


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
        b"preamble\r\n" + _form(_part(b"model", b"a")),
        _part(b"model", b"b") + _form(_part(b"x", b"a")).replace(b"XyZ", b"abc"),
        _form(_part(b"model", b"a")) + _form(_part(b"model", b"b")),
        _form(_part(b"model", b"a")) + b"epilogue",
        _form(_part(b"model", b"a")) + b"\r\n" * 9000 + _part(b"model", b"b"),
        _form(_part(b"model", b"a")).replace(b"XyZ--", b"XyZ-- "),
        _form(_part(b"model", b"a")).replace(b"--XyZ\r", b"--XyZ \r"),
        _form(_part(b"file", b"x\n--XyZ\r\n" + _part(b"model", b"b"), b'; filename="f"')),
        _form(_part(b"file", b"x\r--XyZ\r\n" + _part(b"model", b"b"), b'; filename="f"')),
        _form(_part(b"file", b"--XyZ\r\n" + _part(b"model", b"b"), b'; filename="f"')),
        _form(_part(b"file", b"\n--XyZ", b'; filename="f"')),
        _form(_part(b"file", b"x", b'; filename="a\\"; name=model; y=\\"b"')),
        _form(_part(b"file", b"x", b'; filename="f"; filename="g"')),
        _form(_part(b"file", b"x", b'; filename="f"\r\nContent-Type: multipart/mixed; boundary=y')),
        _form(_part(b"Model", b"a")),
        _form(_part(b"model ", b"a")),
        _form(_part(b"mode%6c", b"a")),
        _form(_part(b"model", b"a"), _part(b"MODEL", b"b")),
        _form(_part(b"model", b"a", b'; filename=""')),
        _form(_part(b"model", b"a", b"; filename*=utf-8''f")),
        _form(_part(b"model", b"a", b"\r\nContent-Type: application/octet-stream")),
        _form(_part(b"model", b"a", b"\r\nContent-Type: text/plain; charset=utf-7")),
        _form(_part(b"x", b"\xe9", b"\r\nContent-Type: text/plain; charset=iso-8859-1")),
        _form(_part(b"x", b"a", b"\r\nContent-Type: text/plain; charset*=utf-8''utf-7")),
        _form(_part(b"x", b"a", b"\r\nContent-Transfer-Encoding: base64")),
        _form(_part(b"x", b"a", b"\r\nContent-Type : text/plain")),
        _form(_part(b"x", b"a", b"\r\nno header")),
        _form(_part(b"x", b"a", b"\r\nA: b\0")),
        _form(_part(b"_charset_", b"utf-7"), _part(b"model", b"a")),
        _form(_part(b"model", b"a")).replace(b"form-data", b"attachment"),
        _form(_part(b"\xff", b"a")),
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


@pytest.mark.parametrize("name", [b"telling", b"data", b"_fields"])
def test_a_field_by_which_nothing_is_judged_may_have_any_name(name):
    part = _part(name, b"x")

    assert MultipartBody(_form(_part(b"model", b"m"), part, part), _TYPE).model == "m"


@pytest.mark.parametrize(
    "more",
    [
        b"\r\nContent-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: 8bit",
        b"\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: 1",
        b"\r\ncontent-type:text/plain",
    ],
)
def test_fields_as_clients_write_them(more):
    assert MultipartBody(_form(_part(b"model", b"m", more)), _TYPE).model == "m"


@pytest.mark.parametrize("name", [b'; filename=""', b"; filename*=utf-8''f"])
def test_what_only_some_parsers_take_for_a_file_is_searched_for_urls(name):
    body = MultipartBody(_form(_part(b"prompt", b"https://a.example/x", name)), _TYPE)

    assert [url for _, url, _ in body.urls(NO_URLS)] == ["https://a.example/x"]


def test_urls_are_found_in_fields_but_not_in_files():
    data = _form(_FILE_PART.replace(b"RIFF", b"http://in.file"), _part(b"prompt", b"see https://a.example."))
    body = MultipartBody(data, _TYPE)
    ((offset, url, certain),) = body.urls(NO_URLS)

    assert certain
    assert (url, at_once(body.path_at(offset))) == ("https://a.example", "prompt")


def test_a_line_end_in_a_url_of_a_field_hides_nothing():
    body = MultipartBody(_form(_part(b"prompt", b"ht\r\ntp:\n//169.254.169.254/x")), _TYPE)

    assert [found[1:] for found in body.urls(NO_URLS)] == [("http://169.254.169.254/x", False)]


_PIECES = [
    b"--XyZ", b"--XyZ--", b"\r\n", b"\n", b"\r", b" ", b"\r\n\r\n", _HEAD, b'name="model"', b"name=model", b'; filename="f"',
    b'; filename=""', b"; filename*=utf-8''f", b"\r\nContent-Type: text/plain", b"; charset=utf-7", b'"', b'\\"', b"m2",
]  # fmt: skip


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 12), st.sampled_from(_PIECES)), max_size=3), st.booleans()
)
def test_another_parser_reads_every_form_that_passes_as_it_was_judged(edits, is_file):
    data = _form(_part(b"model", b"m1"), _part(b"x", b"y", b'; filename="f"' if is_file else b""))
    for at, length, piece in edits:
        data = data[:at] + piece + data[at + length :]
    try:
        body = MultipartBody(data, _TYPE)
    except GatewayError:
        return
    environ = {"CONTENT_TYPE": body.content_type, "CONTENT_LENGTH": str(len(data)), "wsgi.input": io.BytesIO(data)}
    _, fields, files = parse_form_data({"REQUEST_METHOD": "POST", **environ}, silent=False)

    for file in files.values():
        file.close()
    assert fields.getlist("model") == ([] if body.model is None else [body.model])
    assert "model" not in files


_FIELDS = FormFields(frozenset(("user",)), frozenset(("n",)), frozenset(("svg", "models")))


@pytest.mark.parametrize(
    ("fields", "members"),
    [
        ([(b"n", b"3"), (b"user", b"{}")], {"n": b"3", "user": b'"{}"'}),
        (
            [(b"svg[model]", b"a"), (b"svg[reasoning][effort]", b"b")],
            {"svg": b'{"model":"a","reasoning":{"effort":"b"}}'},
        ),
        ([(b"models[]", b"a"), (b"models[]", b"b")], {"models": b'["a","b"]'}),
        ([(b"svg", b' {"model": 1}'), (b"models", b"a")], {"svg": b'{"model":1}', "models": b'"a"'}),
        ([(b"n", b"x"), (b"svg", b"{")], {"n": b"x", "svg": b'"{"'}),
    ],
)
def test_what_a_form_is_judged_by_reads_as_json(fields, members):
    body = MultipartBody(_form(*[_part(*one) for one in fields], _FILE_PART), _TYPE, _FIELDS)

    assert {name: body.raw(name) for name in body.names} == members
    assert body.files == 1


@pytest.mark.parametrize(
    "fields",
    [
        [(b"n", b"1"), (b"n", b"2")],
        [(b"svg", b"{}"), (b"svg[model]", b"a")],
        [(b"svg[model]", b"a"), (b"svg", b"{}")],
        [(b"svg[]", b"a"), (b"svg[model]", b"a")],
        [(b"svg[model]", b"a"), (b"svg[model][x]", b"a")],
        [(b"svg[model]", b"a"), (b"svg[model]", b"b")],
        [(b"SVG[model]", b"a")],
        [(b"svg[model", b"a")],
        [(b"svg.model", b"a")],
        [(b"svg%5Bmodel%5D", b"a")],
        [(b"N", b"a")],
        [(b"n", b"a", b'; filename="n"')],
    ],
)
def test_what_a_form_says_in_two_ways_or_none_is_refused(fields):
    with pytest.raises(GatewayError, match=r"svg|'n'"):
        MultipartBody(_form(*[_part(*one) for one in fields]), _TYPE, _FIELDS)


def test_a_model_that_is_not_there_is_put_behind_all_else():
    data = _form(_part(b"a", b"x"))

    assert MultipartBody(apply(data, MultipartBody(data, _TYPE).replacing_model("m")), _TYPE).model == "m"


@pytest.mark.parametrize("order", [1, -1])
def test_of_a_form_on_the_disk_only_the_fields_are_read(tmp_path, order):
    long_file = _part(b"file", _FILE * 50, b'; filename="a.wav"')
    data = _form(*[long_file, _part(b"model", b"whisper-1"), _FILE_PART, long_file][::order])
    with (tmp_path / "form").open("w+b") as opened:
        opened.write(data)
        opened.flush()
        body = SpooledForm(opened.fileno(), len(data), _TYPE, 4096)
        renamed = apply(body.data, body.replacing_model("gpt-4o-transcribe"))
        up = body.filled(renamed)

        assert len(body.data) < 2048
        assert b"".join(up.pieces()) == data.replace(b"whisper-1", b"gpt-4o-transcribe")
        assert up.length == len(data) + 8
        with pytest.raises(GatewayError, match="beside its files"):
            SpooledForm(opened.fileno(), len(data), _TYPE, 100)
