"""What requests state of themselves, read as the servers of the APIs read it."""

import pytest

from gateway.errors import GatewayError
from gateway.shapes.chat import CHAT, COMPLETIONS
from gateway.shapes.endpoints import ENDPOINTS
from gateway.shapes.images import IMAGES
from gateway.shapes.messages import MESSAGES
from gateway.shapes.responses import RESPONSES
from gateway.shapes.stated import Unreadable, choices, end_users, output_cap
from gateway.wire.json_body import JsonBody


def shown(limit):
    return f"unreadable {limit.path}" if isinstance(limit, Unreadable) else limit


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("5000", 5000),
        ("0", 0),
        ("5000.0", 5000),
        ("6e5", 600_000),
        ("6E+5", 600_000),
        ("50e-1", 5),
        ("1000000000000", 10**12),
        ("-0", 0),
        ("null", None),
        ("5000.5", "unreadable max_tokens"),
        ("1e13", "unreadable max_tokens"),
        ("9" * 5000, "unreadable max_tokens"),
        ("1e999999999", "unreadable max_tokens"),
        ("1e-999999999", "unreadable max_tokens"),
        ("1e99999999999999999999", "unreadable max_tokens"),
        ("-1e-99999999999999999999", "unreadable max_tokens"),
        ("-1", "unreadable max_tokens"),
        ('"5000"', "unreadable max_tokens"),
        ('""', "unreadable max_tokens"),
        ("true", "unreadable max_tokens"),
        ("false", "unreadable max_tokens"),
        ("[5]", "unreadable max_tokens"),
        ("{}", "unreadable max_tokens"),
    ],
)
def test_a_limit_is_read_by_its_value(written, read):
    body = JsonBody(f'{{"model":"m","max_tokens": {written} ,"messages":[]}}'.encode())

    assert shown(output_cap(CHAT, body)) == read
    assert shown(output_cap(MESSAGES, body)) == read


@pytest.mark.parametrize(
    "members",
    [
        '"max_tokens":1,"max_tokens":90000',
        '"max_tokens":1,"Max_Tokens":90000',
        '"MAX_TOKENS":90000',
        r'"max_tokens":1,"max_to\u006bens":90000',
        '"max_tokens":1,"max_to\u212aens":90000',
    ],
)
def test_a_limit_that_stands_twice_or_in_another_case_cannot_be_read(members):
    assert shown(output_cap(CHAT, JsonBody(f"{{{members}}}".encode()))) == "unreadable max_tokens"


@pytest.mark.parametrize(
    ("shape", "members", "cap", "several"),
    [
        (CHAT, "", None, None),
        (CHAT, '"max_tokens":10,"max_completion_tokens":20,"max_output_tokens":30,"n":3', 20, 3),
        (CHAT, '"max_tokens":10,"max_completion_tokens":"20"', "unreadable max_completion_tokens", None),
        (CHAT, '"n":"3"', None, "unreadable n"),
        (COMPLETIONS, '"max_tokens":10,"n":2,"best_of":5.0', 10, 5),
        (RESPONSES, '"max_tokens":10,"max_output_tokens":30,"n":3', 30, None),
        (MESSAGES, '"max_completion_tokens":10,"n":3', None, None),
        (IMAGES, '"n":4', None, 4),
        (ENDPOINTS["embeddings"].shape, '"max_tokens":10,"n":3', None, None),
    ],
)
def test_each_api_has_names_of_its_own(shape, members, cap, several):
    body = JsonBody(f"{{{members}}}".encode())

    assert (shown(output_cap(shape, body)), shown(choices(shape, body))) == (cap, several)


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ("", []),
        ('"user":"u","safety_identifier":"s","metadata":{"user_id":"m"}', ["u", "s", "m"]),
        ('"safety_identifier":"Jos\\u00e9"', ["José"]),
        ('"user":3,"safety_identifier":null,"metadata":"m"', []),
        ('"metadata":[{"user_id":"m"}]', []),
        ('"metadata":{"user_id":{"x":1}}', []),
        ('"metadata":{"x":1,"x":2,"user_id":"日本"}', ["日本"]),
        (r'"metadata":{"user\u005fid":"m"}', ["m"]),
    ],
)
def test_who_is_behind_a_request(members, named):
    assert list(end_users(CHAT, JsonBody(f"{{{members}}}".encode()))) == named


@pytest.mark.parametrize("body", [b'{"user":"\xff"}', b'{"metadata":{"user_id":"a\xc3"}}'])
def test_a_person_whose_name_is_no_utf8_is_refused(body):
    with pytest.raises(GatewayError) as refused:
        list(end_users(CHAT, JsonBody(body)))

    assert refused.value.type == "bad_request"


def test_two_people_behind_one_request_are_refused():
    body = JsonBody(b'{"metadata":{"user_id":"a","user_id":"b"}}')

    with pytest.raises(GatewayError) as refused:
        list(end_users(MESSAGES, body))

    assert (refused.value.type, refused.value.param) == ("bad_request", "metadata.user_id")
