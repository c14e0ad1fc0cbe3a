import pytest

from gateway.errors import GatewayError
from gateway.wire.media_type import boundary_of, check_json, form_data


@pytest.mark.parametrize(
    "written",
    [b"application/json", b"Application/JSON", b"application/json; charset=utf-8", b"application/json;charset=UTF-8"],
)
def test_the_plain_form_of_json_stays_as_the_client_wrote_it(written):
    assert check_json(written) is None


@pytest.mark.parametrize(
    "written",
    [
        b"", b"text/json", b"application/vnd.api+json", b'application/json; charset="utf-8"', b"application/json ;",
        b"application/json; charset=utf8", b"application/json; odata=verbose", b"application/json;  charset=utf-8",
    ],
)  # fmt: skip
def test_other_spellings_of_json_become_the_plain_one(written):
    assert check_json(written) == "application/json"


@pytest.mark.parametrize(
    ("written", "error"),
    [
        (b"text/plain", "unsupported_media_type"),
        (b"text/plain; x=json", "unsupported_media_type"),
        (b"application/json-seq", "unsupported_media_type"),
        (b"application/x-www-form-urlencoded", "unsupported_media_type"),
        (b"application/json; charset=utf-7", "unsupported_media_type"),
        (b"application/json; charset=utf-16le", "unsupported_media_type"),
        (b"application/json; charset=us-ascii", "unsupported_media_type"),
        (b'application/json; charset="UTF-16"', "unsupported_media_type"),
        (b"application/json; charset=utf-8; charset=utf-7", "bad_request"),
        (b"application/json; charset*=utf-8''utf-7", "bad_request"),
        (b"application/json; charset*0=utf; charset*1=-7", "bad_request"),
        (b"application/json; charset = utf-8", "bad_request"),
        (b'application/json; charset="utf-8"x', "bad_request"),
        (b'application/json; charset="utf-\\7"', "bad_request"),
        (b"application/json, application/x-www-form-urlencoded", "bad_request"),
        (b"application/json charset=utf-8", "bad_request"),
        (b"application/json\x0b", "bad_request"),
        (b"json", "bad_request"),
    ],
)
def test_a_media_type_of_json_that_parsers_read_differently_is_refused(written, error):
    with pytest.raises(GatewayError) as refusal:
        check_json(written)

    assert refusal.value.type == error


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        (b"multipart/form-data; boundary=a", "multipart/form-data; boundary=a"),
        (b'Multipart/Form-Data;Boundary="a"', "multipart/form-data; boundary=a"),
        (b'multipart/form-data; boundary="a b:c"', 'multipart/form-data; boundary="a b:c"'),
        (b"multipart/form-data; charset=UTF-8; boundary=a; x=y", "multipart/form-data; boundary=a"),
        (b"multipart/form-data; boundary=" + b"b" * 70, "multipart/form-data; boundary=" + "b" * 70),
        (b"multipart/form-data; boundary=----WebKitFormBoundaryx7 ", "multipart/form-data; boundary=----WebKitFormBoundaryx7"),
    ],
)  # fmt: skip
def test_a_form_goes_on_with_one_spelling_of_its_boundary(written, sent):
    assert form_data(boundary_of(written)) == sent


@pytest.mark.parametrize(
    ("written", "error"),
    [
        (b"", "unsupported_media_type"),
        (b"application/json", "unsupported_media_type"),
        (b"multipart/form-data", "unsupported_media_type"),
        (b"multipart/mixed; boundary=a", "unsupported_media_type"),
        (b"multipart/form-data; xboundary=a", "unsupported_media_type"),
        (b"multipart/form-data; x=boundary=a", "bad_request"),
        (b"multipart/form-data; charset=utf-16; boundary=a", "unsupported_media_type"),
        (b"multipart/form-data; boundary=a; boundary=b", "bad_request"),
        (b"multipart/form-data; boundary=a; BOUNDARY=a", "bad_request"),
        (b"multipart/form-data; boundary=a; boundary*=utf-8''b", "bad_request"),
        (b"multipart/form-data; boundary*0=a; boundary*1=b", "bad_request"),
        (b"multipart/form-data; boundary =a", "bad_request"),
        (b"multipart/form-data; boundary= a", "bad_request"),
        (b'multipart/form-data; boundary="a"b', "bad_request"),
        (b'multipart/form-data; boundary="a', "bad_request"),
        (b'multipart/form-data; boundary="a\\b"', "bad_request"),
        (b'multipart/form-data; boundary=""', "bad_request"),
        (b'multipart/form-data; boundary="a "', "bad_request"),
        (b'multipart/form-data; boundary="a;b"', "bad_request"),
        (b"multipart/form-data; boundary=---", "bad_request"),
        (b"multipart/form-data; boundary=\xe9", "bad_request"),
        (b"multipart/form-data boundary=a", "bad_request"),
        (b"multipart/form-data, multipart/form-data; boundary=a", "bad_request"),
        (b"multipart/form-data; boundary=" + b"b" * 71, "bad_request"),
    ],
)  # fmt: skip
def test_a_media_type_of_a_form_that_parsers_read_differently_is_refused(written, error):
    with pytest.raises(GatewayError) as refusal:
        boundary_of(written)

    assert refusal.value.type == error
