"""Facts of a JSON body, and the two splices, over bodies that no serializer would write."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.shapes.chat import CHAT
from gateway.shapes.messages import MESSAGES
from gateway.shapes.responses import RESPONSES
from gateway.shapes.url_members import NO_URLS
from gateway.wire.json_body import JsonBody
from gateway.wire.json_splice import Splice, apply

_SPACE = st.text(" \t\r\n", max_size=2)
_PIECES = st.sampled_from(
    [
        "a",
        "model",
        "é",
        "😀",
        "\x7f",
        r"\n",
        r"\\",
        r"\"",
        r"\/",
        r"\u0041",
        r"\u00e9",
        r"\ud83d\ude00",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
    ]
)
_LONE = st.sampled_from([r"\ud800", r"\uDFFF", r"\\ud800", r"\ud800\ud800\udc00"])
_STRINGS = st.lists(_PIECES | _LONE, max_size=6).map(lambda pieces: '"' + "".join(pieces) + '"')
_NUMBERS = st.sampled_from(["0", "-1", "1e400", "-0.0", "1.5E-7", "1" * 40, "12", "1", "9" * 5000])
_SCALARS = _STRINGS | _NUMBERS | st.sampled_from(["true", "false", "null", '"model"', '{"model":"inner"}'])


@st.composite
def _objects(draw, keys, values, min_size=0, max_size=4):
    text = draw(_SPACE).join(["{", ""])
    names = draw(st.lists(keys, min_size=min_size, max_size=max_size))
    members = [f"{draw(_SPACE)}{name}{draw(_SPACE)}:{draw(_SPACE)}{draw(values)}{draw(_SPACE)}" for name in names]
    return text + ",".join(members) + "}"


def _arrays(values):
    return st.builds(
        lambda items, space: f"[{space}" + f",{space}".join(items) + "]", st.lists(values, max_size=3), _SPACE
    )


_VALUES = st.recursive(_SCALARS, lambda inner: _arrays(inner) | _objects(_STRINGS, inner), max_leaves=6)
_KEYS = st.sampled_from(
    [
        '"x"',
        r'"\u0078"',
        '"messages"',
        '"Model"',
        '"max_tokens"',
        '"stream_options"',
        '""',
        r'"\ud800"',
        '"temperature"',
        r'"a\"b"',
    ]
)
_MODELS = st.sampled_from(['"model":"gpt-5"', r'"mod\u0065l" : "gpt\u002d5"', '"model"\n:\t"gpt-5"'])


@st.composite
def _bodies(draw, extra=()):
    """An object with one model among other members, many of them odd, some of them repeated."""
    inner = draw(_objects(_KEYS, _VALUES, max_size=6))
    others = inner[inner.index("{") + 1 : inner.rindex("}")]
    before, after = draw(st.booleans()), draw(_SPACE)
    parts = [draw(_MODELS), *extra]
    if others.strip():
        parts = [others, *parts] if before else [*parts, others]
    return f"{after}{{{after}{','.join(parts)}}}{after}".encode()


def _pairs(data: bytes):
    return json.loads(data.decode(), object_pairs_hook=tuple, parse_int=str, parse_float=str)


@given(_bodies(), st.sampled_from(["gpt-5-mini", 'o"dd\n', "m", "ünï"]))
def test_only_the_value_of_the_top_level_model_is_spliced(data, model):
    body = JsonBody(data)
    (splice,) = body.replacing_model(model)
    spliced = apply(data, [splice])

    assert body.model == "gpt-5"
    assert json.loads(data[splice.start : splice.end]) == "gpt-5"
    assert spliced[: splice.start] == data[: splice.start]
    assert spliced[len(spliced) - len(data) + splice.end :] == data[splice.end :]
    assert _pairs(spliced) == tuple((key, model if key == "model" else value) for key, value in _pairs(data))


@given(_bodies())
def test_facts_are_those_of_an_exact_parser(data):
    body = JsonBody(data)

    assert body.stream is False
    assert apply(data, []) == data


@given(_bodies())
def test_usage_is_asked_for_exactly_where_nothing_is_said_of_it(data):
    body = JsonBody(data)
    before = _pairs(data)
    mentions = [value for key, value in before if key == "stream_options"]
    if len(mentions) > 1:
        with pytest.raises(GatewayError) as refusal:
            body.asking_for_usage()
        assert refusal.value.param == "stream_options"
        return
    splices = body.asking_for_usage()
    after = _pairs(apply(data, splices))

    if not mentions:
        assert after == (("stream_options", (("include_usage", True),)), *before)
    elif mentions[0] is None:
        assert after == tuple((k, (("include_usage", True),) if k == "stream_options" else v) for k, v in before)
    elif isinstance(mentions[0], tuple):  # an object; lists stay lists
        assert after == tuple((k, (("include_usage", True), *v) if k == "stream_options" else v) for k, v in before)
    else:
        assert splices == []


@pytest.mark.parametrize(
    ("options", "spliced"),
    [
        ("{}", '{"include_usage":true}'),
        ("{ }", '{"include_usage":true }'),
        ('{"include_obfuscation":false}', '{"include_usage":true,"include_obfuscation":false}'),
        ("null", '{"include_usage":true}'),
        ('{"include_usage":false}', None),
        ('{"include_usage":null}', None),
        (r'{"include_us\u0061ge":true}', None),
        ('{"include_usage":true,"include_usage":false}', None),
        ("[]", None),
        ('"x"', None),
    ],
)
def test_stream_options(options, spliced):
    data = f'{{"model":"m","stream":true, "stream_options" :{options}}}'
    body = JsonBody(data.encode())

    expected = data if spliced is None else data.replace(options, spliced)
    assert apply(body.data, body.asking_for_usage()) == expected.encode()


def test_stream_options_are_added_to_an_empty_object():
    assert apply(b" { } ", JsonBody(b" { } ").asking_for_usage()) == b' {"stream_options":{"include_usage":true} } '


@pytest.mark.parametrize("name", sorted(CHAT.declares.judged))
@pytest.mark.parametrize("second", ["{}", r"\u00{:02x}"])
@pytest.mark.parametrize(
    "values", [("1", "2"), ("1", "1"), ('"a"', '"ab"'), ("[[1],2]", "{}"), ("12", "1"), ("1", "12")]
)
def test_a_judged_key_may_not_repeat(name, second, values):
    again = name[:-1] + (second.format(ord(name[-1])) if "u00" in second else name[-1])
    data = f'{{"x":0,"{name}":{values[0]},"y":"}}","{again}" : {values[1]} }}'.encode()
    with pytest.raises(GatewayError) as refusal:
        JsonBody(data, CHAT.declares.judged)

    assert (refusal.value.type, refusal.value.param) == ("bad_request", name)
    assert "twice" in refusal.value.message


@pytest.mark.parametrize(
    ("shape", "members", "param"),
    [
        (CHAT, '"Model":"gpt-5"', "Model"),
        (CHAT, '"model":"gpt-5-mini","MODEL":"gpt-5"', "MODEL"),
        (CHAT, '"model":"m","Tools":[]', "Tools"),
        (CHAT, r'"model":"m","\u0054ools":[]', "Tools"),
        (CHAT, '"model":"m","tool\u017f":[]', "tool\u017f"),
        (CHAT, '"model":"m","\u017ftream":true', "\u017ftream"),
        (MESSAGES, '"model":"m","Messages":[]', "Messages"),
        (RESPONSES, '"model":"m","Background":true', "Background"),
        (RESPONSES, '"model":"m","Metadata":{}', "Metadata"),
    ],
)
def test_another_spelling_of_a_judged_key_is_refused_even_alone(shape, members, param):
    with pytest.raises(GatewayError) as refusal:
        JsonBody(f"{{{members}}}".encode(), shape.declares.judged)

    assert (refusal.value.type, refusal.value.param) == ("bad_request", param)


@pytest.mark.parametrize(
    "members",
    [
        '"model":"m","Temperature":1,"temperature":2,"temperature":3',
        '"model":"m","metadata":{"Model":1,"model":2,"Tools":3}',
        '"model":"m","model ":"n","modelx":1,"":2,"MODEL_":3',
        '"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":{"Type":1,"type":2}}}]',
        '"model":"m","max_tokens":1,"MAX_TOKENS":2',
    ],
)
def test_other_keys_are_free(members):
    data = f"{{{members}}}".encode()

    assert JsonBody(data, CHAT.declares.judged).data == data


def test_other_keys_may_repeat_and_a_nested_model_is_no_repeat():
    data = b'{"a":{"model":1,"model":2},"model":"m","a":[1,"]",{"b":"\\"}"}],"a":2,"metadata":{"model":"n"}}'
    body = JsonBody(data)

    assert body.model == "m"
    assert apply(data, body.replacing_model("x")) == data.replace(b'"model":"m"', b'"model":"x"')


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"nope", "(byte 4)"),
        (b'{"a":1} x', "(byte 9)"),
        (b'\xef\xbb\xbf{"a":1}', "(byte 0)"),
        (b'{"a":NaN}', "(byte 5)"),
        (b'{"a":01}', "(byte 6)"),
        (b'{"a":1,}', "(byte 7)"),
        (b'{"a":"\n"}', "(byte 6)"),
        (b'{"a":"\\q"}', "(byte 7)"),
        (b'{"a":"\\ud800","b":nope}', "(byte 19)"),
        (b'{"a":"x', "not JSON"),
        (b"[1]", "JSON object"),
        (b'"x"', "JSON object"),
        (b'{"\xff":1}', "UTF-8"),
        (b'{"a":' + b"[" * 100_000, "too deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too deep"),
        (b"{" + b",".join(b'"%d":1' % n for n in range(10_001)) + b"}", "top-level keys"),
        (b'{"\\u0062":1,"model":"m",' + b",".join([b'"a":1'] * 10_001) + b"}", "top-level keys"),
        (b'{"\\u0062":1,"model":"m","a":[' + b"[]," * 300_000 + b'1],"a":1}', "very large"),
        (b'{"a":"' + b"\\ud800" * 10_001 + b'"}', "not JSON"),
    ],
)
def test_what_is_not_one_json_object_is_refused(data, says):
    with pytest.raises(GatewayError) as refusal:
        JsonBody(data)

    assert refusal.value.type == "bad_request"
    assert says in refusal.value.message


@pytest.mark.parametrize("value", ["1", "null", '""', "[]", "true", r'"\ud800"'])
def test_a_model_is_text(value):
    with pytest.raises(GatewayError) as refusal:
        JsonBody(f'{{"model":{value}}}'.encode())

    assert refusal.value.param == "model"


def test_a_body_without_a_model_cannot_be_given_another_one():
    body = JsonBody(b"{}")

    assert body.model is None
    with pytest.raises(GatewayError, match="Name the model"):
        body.replacing_model("x")


def test_decoded_values_are_plain_and_numbers_of_any_size_are_read():
    body = JsonBody(b'{"tools":[{"n":1e400,"i":' + b"9" * 5000 + b',"s":"\\ud83d\\ude00 \\ud800","five":5}]}')
    (tool,) = body.decoded("tools")

    assert tool == {"n": float("inf"), "i": float("inf"), "s": "😀 \ufffd", "five": 5}
    assert body.decoded("absent") is None


@pytest.mark.parametrize(
    ("value", "says"),
    [(b'[{"name":"a","name":"b"}]', "twice"), (b'[{"name":"\xff"}]', "UTF-8"), (b'"\xed\xa0\x80"', "UTF-8")],
)
def test_decoded_refuses_what_could_be_read_in_two_ways(value, says):
    with pytest.raises(GatewayError, match=says) as refusal:
        JsonBody(b'{"tools":' + value + b"}").decoded("tools")

    assert refusal.value.param == "tools"


def test_bytes_that_are_not_utf8_pass_where_nothing_judges_them():
    assert JsonBody(b'{"model":"m","messages":"\xff\xfe"}').model == "m"


@given(st.binary(max_size=60) | st.text('{}[]",:\\u0d8mdelof 1-', max_size=60).map(str.encode))
def test_no_bytes_raise_anything_but_a_refusal(data):
    try:
        body = JsonBody(data)
        list(body.urls(NO_URLS))
        body.asking_for_usage()
        body.decoded("model")
    except GatewayError as refusal:
        assert refusal.type == "bad_request"  # noqa: PT017 - most inputs are refused, some are not


def test_megabytes_of_escapes_take_neither_stack_nor_memory():
    text = b"\\n" * 500_000
    body = JsonBody(b'{"a":"' + text + b'","a":["' + text + b'"],"a":1,"model":"m"}')

    assert body.model == "m"


def test_splices_are_made_whatever_their_order():
    splices = [Splice(4, 5, b"X"), Splice(0, 0, b">"), Splice(2, 3, b"")]

    assert apply(b"abcdef", splices) == b">abdXf"
