import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.money import estimate as estimate_module
from gateway.money.cost import cost
from gateway.money.estimate import (
    DEFAULT_OUTPUT_TOKENS,
    TOOLS_TOKENS,
    InputBound,
    bound_input,
    estimate,
    output_bound,
)
from gateway.money.media import ANY
from gateway.money.prices import RATE_NAMES, Price, Rates, Tier
from gateway.shapes.allows import FEES
from gateway.shapes.endpoints import ENDPOINTS
from gateway.usage import Usage

RATES = st.fixed_dictionaries({name: st.none() | st.integers(0, 10**12) for name in RATE_NAMES})
PRICES = st.builds(lambda base, tier: Price(**base, tiers=(Tier(1000, Rates(**tier)),), source="x"), RATES, RATES)
COUNT = st.integers(0, 5000)
PICTURE = "iVBORw0KGgo" + "A" * 399_989


def bound(body, endpoint="chat_completions"):
    return bound_input(json.dumps(body).encode(), ENDPOINTS[endpoint].shape.media.found_in)


def chat(part):
    return {"model": "m", "messages": [{"role": "user", "content": [part]}]}


def responses(part):
    return {"model": "m", "input": [{"role": "user", "content": [part]}]}


@given(PRICES, st.tuples(COUNT, COUNT, COUNT, COUNT, COUNT, COUNT), COUNT, COUNT)
def test_no_usage_within_the_bounds_costs_more(price, counts, more_input, more_output):
    i, o, r, w, a, b = counts
    usage = Usage(
        input_tokens=i,
        output_tokens=o,
        cache_read_tokens=r,
        cache_write_tokens=w,
        input_audio_tokens=a,
        output_audio_tokens=b,
    )
    prompt = InputBound(i + more_input, has_audio=True, writes_cache=True)

    assert cost(usage, price) <= estimate(price, prompt, o + more_output)


def test_text_is_a_token_for_three_bytes():
    few, many = bound(chat({"type": "text", "text": ""})), bound(chat({"type": "text", "text": "x" * 3000}))

    assert many.tokens - few.tokens == 1000
    assert not many.has_audio
    assert not many.writes_cache


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("chat_completions", chat({"type": "image_url", "image_url": {"url": "data:image/png;base64," + PICTURE}})),
        ("responses", responses({"type": "input_image", "image_url": "data:image/png;base64," + PICTURE})),
        (
            "messages",
            chat({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}),
        ),
        ("chat_completions", chat({"type": "image_url", "image_url": {"url": "https://example.com/x.png"}})),
        ("responses", responses({"type": "input_image", "file_id": "file-1"})),
    ],
)
def test_an_image_is_held_once_however_it_is_sent(endpoint, body):
    assert ANY.image <= bound(body, endpoint).tokens < ANY.image + 150


def test_audio_is_held_by_its_length_and_at_its_own_price():
    held = bound(chat({"type": "input_audio", "input_audio": {"data": PICTURE, "format": "wav"}}))

    assert 400_000 / 24 <= held.tokens < 400_000 / 24 + 150
    assert held.has_audio


def test_a_document_beside_an_image_counts_as_text():
    image = {"type": "image", "source": {"type": "url", "url": "https://x"}}
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PICTURE}}

    assert bound({"messages": [{"role": "user", "content": [image, pdf]}]}, "messages").tokens > 400_000 / 3


def test_a_document_of_text_counts_as_its_text():
    words = "what is said in words " * 10_000
    hashes = "0123456789abcdef" * 10_000
    for text in (words, hashes):
        encoded = base64.b64encode(text.encode()).decode()
        held = bound(
            chat({"type": "file", "file": {"filename": "a.txt", "file_data": f"data:text/plain;base64,{encoded}"}})
        )

        assert 0 <= held.tokens - bound_input(text.encode()).tokens < 150


def test_tools_and_cache_marks_are_seen_and_an_escaped_name_hides_nothing():
    assert bound({"tools": []}).tokens > TOOLS_TOKENS
    assert bound({"cache_control": {}}).writes_cache
    hidden = bound_input(b'{"cache\\u005fcontrol": {}}')
    assert (hidden.writes_cache, hidden.has_audio) == (True, True)
    assert not bound_input(b'{"a": "\\u00e9\\u003c\\u0022"}').writes_cache


ESCAPED = {
    rb'"t\u0079pe":"im\u0061ge_url"': b'"type":"image_url"',
    rb'"image\u005Furl"': b'"image_url"',
    rb'"s\u0033Location"': b'"s3Location"',
    rb'"\\u0061\\\u0061\n\u0022\u00e9"': rb'"\\u0061\\a\n\u0022\u00e9"',
}


@pytest.mark.parametrize(("escaped", "plain"), ESCAPED.items())
def test_letters_of_names_are_read_through_their_escapes(escaped, plain):
    assert estimate_module.with_plain_letters(escaped) == plain


@given(st.text(st.sampled_from('aZ09_:u\\"\n/é')))
def test_json_whose_letters_are_escaped_becomes_the_plain_one(text):
    escaped = "".join(f"\\u{ord(one):04x}" if one in "aZ09_:u" else json.dumps(one)[1:-1] for one in text)

    assert estimate_module.with_plain_letters(f'"{escaped}"'.encode()) == json.dumps(text).encode()


@pytest.mark.parametrize("name", ["image_url", "im\\u0061ge_url", "image\\u005furl"])
def test_images_are_held_whose_names_are_escaped(name):
    part = b'{"type":"%s","%s":{"url":"https://x.example/1.png"}}' % (name.encode(), name.encode())
    body = b'{"messages":[{"role":"user","content":[%s]}]}' % b",".join([part] * 50)

    assert bound_input(body).tokens >= 50 * ANY.image


def test_a_name_is_seen_behind_others_and_behind_media():
    names = ["tools", "functions", "input_image", "data", "input_audio", "audio", "cachePoint"]
    document = {"first": dict.fromkeys(names, PICTURE), "then": {"cache_control": {}}}

    held = bound_input(json.dumps(document).encode())

    assert (held.has_audio, held.writes_cache) == (True, True)
    assert held.tokens > TOOLS_TOKENS + ANY.image


def test_a_value_that_is_called_like_media_is_seen_too():
    assert bound({"bytes": "audio"}).has_audio
    assert bound({"data": "audio"}).has_audio


def test_the_output_is_bounded_by_the_request_for_each_of_its_choices():
    assert output_bound(None) == DEFAULT_OUTPUT_TOKENS
    assert output_bound(None, default=9) == 9
    assert output_bound(7, 3) == 21
    assert output_bound(7, -1) == 7


def test_only_tiers_that_the_prompt_can_reach_count():
    price = Price(input=10**6, tiers=(Tier(100, Rates(input=9 * 10**6)),), source="x")

    assert estimate(price, InputBound(99, has_audio=False, writes_cache=False), 0) == 99
    assert estimate(price, InputBound(100, has_audio=False, writes_cache=False), 0) == 900


def test_many_openings_take_linear_time():
    def seconds(openings):
        body = b'{"data":"' * openings
        begin = time.process_time()
        bound_input(body)
        return time.process_time() - begin

    # Eight times as many take eight times as long; if each looked at all of them, sixty-four times.
    assert min(seconds(80_000) for _ in range(3)) < 24 * max(seconds(10_000) for _ in range(3))


@given(
    st.lists(
        st.sampled_from(
            [b'"tools"', b'"image_url"', b'{"data": "', b"a" * 2000, b'"', b"cache_control", b"audio", b"\\u00e9", b"x"]
        )
    )
)
def test_long_and_short_bodies_are_read_alike(parts):
    body = b"".join(parts)
    filler = b" " * 20_000
    short, long_ = bound_input(body[:4_000]), bound_input(body[:4_000] + filler)

    same = ("beside", "has_audio", "has_images", "keeps_cache", "may_allow_more", "writes_cache")
    assert [getattr(long_, name) for name in same] == [getattr(short, name) for name in same]
    assert long_.tokens > short.tokens


@pytest.mark.parametrize("filler", ["", " " * 20_000], ids=["short", "long"])
def test_every_word_by_which_a_request_allows_more_is_told(filler):
    types = [prefix for _, prefixes in FEES for prefix in prefixes]
    words = [f'"type": "{one}_x"' for one in (*types, "image_generation")]
    words += [f'"{name}":"a"' for name in ("file_id", "file_url", "fileUri", "file_uri", "s3Location")]
    words += ['"type":"url"', '"type":"container_upload"', '"t\\u0079pe":"x"']

    silent = [word for word in words if not bound_input(f'{{"a":{{{word}}}}}{filler}'.encode()).may_allow_more]
    assert silent == []
    assert not bound_input(f'{{"tools":[{{"type":"function"}}],"messages":[]}}{filler}'.encode()).may_allow_more


_NAMES = (
    "data",
    "bytes",
    "image",
    "image_url",
    "input_image",
    "url",
    "file_data",
    "tools",
    "ttl",
    "audio",
    "type",
    "x",
)
_VALUES = st.sampled_from(
    [
        *_NAMES,
        "A" * 1023,
        "A" * 1024,
        "B/+" * 700,
        "iVBOR" + "A" * 1024,
        "data:image/png;base64," + "A" * 1024,
        "data:audio/wav;base64," + "A" * 2000,
        "data:image/png;base64," + "A" * 1000,
        "data:image/png;base64,%" + "A" * 2000,
        "application/pdf",
        'quoted "data": "' + "A" * 1500,
    ]
)
_DOCUMENTS = st.recursive(
    _VALUES | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4),
    max_leaves=25,
)


@given(_DOCUMENTS, st.sampled_from([None, 1]))
def test_a_body_that_is_full_of_marks_is_held_for_as_much_as_by_going_from_mark_to_mark(document, indent):
    body = json.dumps({"messages": document}, indent=indent).encode()

    assert estimate_module._look_through_many(body) == estimate_module._look_through(body)


def test_a_body_may_be_full_of_marks():
    one = bound({"messages": [{"type": "image_url", "image_url": {"url": "https://x"}}] * 3, "tools": []})
    many = bound({"messages": [{"type": "image_url", "image_url": {"url": "https://x"}}] * 3_000, "tools": []})

    assert many.tokens > 3_000 * ANY.image > one.tokens > 3 * ANY.image + TOOLS_TOKENS
    assert many.has_images
    assert many.may_allow_more


def test_the_names_of_images_are_counted_wherever_steps_meet():
    name = b'"image"'
    size = estimate_module._STEP
    for before in range(size - len(name) - 1, size + 2):
        assert estimate_module._count(b" " * before + name + b" " * 9 + name, name) == 2
