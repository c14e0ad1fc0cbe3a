import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shapes.url_members import NO_URLS
from gateway.turns import at_once
from gateway.wire import url_candidates, urls
from gateway.wire.json_body import JsonBody
from gateway.wire.url_reading import read


def urls_in_text(text):
    return [found for found in urls.urls_in_text(text) if found is not None]


def urls_in_json(data):
    return [found for found in urls.urls_in_json(data) if found is not None]


def spellings(found):
    """Everything that rules are asked about a URL that was found."""
    return [(spelling, certain) for url, certain in found for spelling in read(url).spellings]


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        (r"see https://a.example/x?y=1#z.", ["https://a.example/x?y=1#z"]),
        (r"HTTP://A.EXAMPLE, hTTps://b.example!", ["HTTP://A.EXAMPLE", "hTTps://b.example"]),
        (r"\u0068ttp://a.example", ["http://a.example"]),
        (r"ht\u0074p\u003A//a.example", ["http://a.example"]),
        (r"https:\/\/a.example\/x", ["https://a.example/x"]),
        (r"https\u003a\u002f\u002fa.example", ["https://a.example"]),
        (r"\u0048\u0054\u0054\u0050\u0053://a.example", ["HTTPS://a.example"]),
        (r"<a href=\"https://a.example/\">x</a>", ["https://a.example/"]),
        (r"<https://a.example/>", ["https://a.example/"]),
        (r"[x](https://a.example/b)", ["https://a.example/b"]),
        (r"'https://a.example'", ["https://a.example"]),
        (
            r"https://a.example\nhttps://b.example\thttps://c.example",
            ["https://a.example", "https://b.example", "https://c.example"],
        ),
        (
            "https://a.example\\u00a0x https://b.example\\u2003y https://c.example\\u3000z",
            ["https://a.example", "https://b.example", "https://c.example"],
        ),
        ("前往https://a.example/路径。", ["https://a.example/路径"]),
        ("“https://a.example”", ["https://a.example"]),
        (r"https://a.example\\b", ["https://a.example"]),
        (r"ftp://a.example http: //a.example https:// http:\\ http", []),
        (r"\ud800 https://a.example\ud800", ["https://a.example\ufffd"]),
    ],
)
def test_urls_of_a_string(literal, expected):
    data = f'{{"x":["{literal}"]}}'.encode()
    found = [found for found in JsonBody(data).urls(NO_URLS) if found is not None]

    assert [url for _, url, certain in found if certain] == expected
    assert all(at_once(JsonBody(data).path_at(offset)) == "x[0]" for offset, _, _ in found)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("https://good.example,https://169.254.169.254/", "https://169.254.169.254/"),
        ("https://good.example/?u=http://169.254.169.254/&v=https://x.example", "http://169.254.169.254/&v="),
        ("https://good.example@169.254.169.254/", "https://169.254.169.254/"),
        ('https://good.example"@169.254.169.254/', "https://169.254.169.254/"),
        ("https://a{@b@169.254.169.254/", "https://169.254.169.254/"),
        ("https://x.example,http://u@169.254.169.254/", "http://169.254.169.254/"),
    ],
)
def test_a_url_cannot_hide_in_another_one(text, hidden):
    assert (hidden, True) in spellings(urls_in_text(text))


@pytest.mark.parametrize(
    "written",
    [
        "http:/169.254.169.254/x",
        "http:///169.254.169.254/x",
        "http:////169.254.169.254/x",
        "http:\\\\169.254.169.254/x",
        "http:\\169.254.169.254/x",
        "http:/\\name@169.254.169.254/x",
        "http:169.254.169.254/x",
        "http:name@169.254.169.254/x",
        "http:.@169.254.169.254/x",
        'http:na"me@169.254.169.254/x',
        'http:good.example"http:na"me@169.254.169.254/x',
        "https:good.example,http:169.254.169.254/x",
        "https:good.example?u=http:na{me@169.254.169.254/x",
        "https://good.example/http:\\\\169.254.169.254/x",
        "https://good.example/?u=http:/169.254.169.254/x",
        "https://good.example/?u=http:169.254.169.254/x",
    ],
)
@pytest.mark.parametrize("slash", ["/", "\\/", "\\u002f"])
def test_what_browsers_read_as_two_slashes_is_judged_as_two_slashes(written, slash):
    data = json.dumps({"x": [written]}).replace("/", slash).encode()
    found = [found for found in JsonBody(data).urls(NO_URLS) if found is not None]

    assert "http://169.254.169.254/x" in [url for url, _ in spellings(found[1:] for found in found)]
    assert {at_once(JsonBody(data).path_at(offset)) for offset, _, _ in found} == {"x[0]"}


@pytest.mark.parametrize(
    "written", [r"http\u003a169.254.169.254", r"\u0048ttp:169.254.169.254", "HTTP:169.254.169.254"]
)
def test_a_url_without_slashes_is_found_however_it_is_escaped(written):
    found = [found[1:] for found in urls_in_json(f'{{"x":"{written}"}}'.encode())]

    assert [(url.lower(), certain) for url, certain in found] == [("http://169.254.169.254", False)]


def test_an_ipv6_host_needs_no_slashes():
    assert list(urls_in_text("http:[::]:8080/")) == [("http://[::]:8080/", False)]


@pytest.mark.parametrize("text", ["curl https:443", "{'http':'x','https:':1}", "xmlns:http:foo", "http:a@b.example"])
def test_what_has_no_slashes_is_never_certain(text):
    assert not any(certain for _, certain in urls_in_text(text))


@pytest.mark.parametrize(
    "literal",
    [
        r"http:\t//169.254.169.254/x",
        r"http:/\n/169.254.169.254/x",
        r"http://169.\n254.169.254/x",
        r"http:\n169.254.169.254/x",
        r"http:\r\n169.254.169.254/x",
        r"http://na\tme@169.254.169.254/x",
        r"http:\n//\n169\n.254.169.254/x see\nhttp://169.254.169.254/y",
        r"http:\u000a//169.254.169.254/x",
        r"h\u0009ttp://169.254.169.254/x",
        r"h\nt\r\nt\tp\n\n:\t/\n/\t169.254.169.254/x",
    ],
)
def test_tabs_and_line_ends_hide_nothing(literal):
    found = urls_in_json(f'{{"x":"{literal}"}}'.encode())

    assert ("http://169.254.169.254/x", False) in spellings(found[1:] for found in found)


@pytest.mark.parametrize("line_end", [r"\n", r"\r", r"\t", r"\r\n", r"\u000A"])
@pytest.mark.parametrize("scheme", ["http:", "HttpS:"])
@pytest.mark.parametrize("slashes", ["//", ""])
def test_a_scheme_may_be_split_anywhere(line_end, scheme, slashes):
    for at in range(1, len(scheme)):
        literal = f"x {scheme[:at]}{line_end}{scheme[at:]}{slashes}a.example/"

        assert [found[1:] for found in urls_in_json(f'{{"x":"{literal}"}}'.encode())] == [
            (f"{scheme}//a.example/", False)
        ]


def test_what_is_certain_is_not_found_again_without_line_ends():
    found = list(urls_in_text("see\nhttps://a.example, https://b.example/\nnext"))

    assert found == [("https://a.example", True), ("https://b.example/", True), ("https://b.example/next", False)]


@pytest.mark.parametrize(
    "text",
    [
        "over http: or https:, that is",
        "(http:)",
        "http:?",
        "http:#top",
        "http:\n",
        "'https:'",
        "https?:x",
        "http:<b>",
        "http:…",
        "http:%s",
        "(http:|https:)//",
        "http:-",
        "http:\n%s",
    ],
)
def test_the_name_of_the_scheme_alone_is_no_url(text):
    assert list(urls_in_text(text)) == []


def test_keys_and_repeated_keys_are_searched():
    data = b'{"https://a.example":1,"b":"https://b.example","b":"https://c.example"}'

    found = [url for _, url, _ in JsonBody(data).urls(NO_URLS)]

    assert found == ["https://a.example", "https://b.example", "https://c.example"]


def test_a_url_in_bytes_that_are_not_utf8_is_found():
    assert [url for _, url, _ in urls_in_json(b'{"a":"\xff https://a.example"}')] == ["https://a.example"]


@given(st.text(max_size=20), st.sampled_from(["http", "https", "HtTp"]), st.booleans())
def test_a_url_is_found_in_any_text_however_it_is_escaped(text, scheme, ascii_only):
    around = f"{text} {scheme}://host.example/path {text}"
    data = json.dumps({"messages": [{"content": around}]}, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    assert (f"{scheme}://host.example/path", True) in [found[1:] for found in urls_in_json(data)]


PIECES = (*'htps:/\\@.%\n\r\t"é\u017f\u00a0\x1f', "http:", "HTTPS:", "http\u017f:", "//", " a", "a.b/", "\x0b")


def each_once(found):
    """URLs, and whether each of them is certain anywhere."""
    certain = {}
    for *_, url, is_certain in found:
        certain[url] = certain.get(url, False) or is_certain
    return certain


@given(
    st.lists(st.lists(st.sampled_from(PIECES), max_size=20).map("".join), min_size=1, max_size=3),
    st.booleans(),
    st.booleans(),
)
def test_candidates_have_the_urls_of_all_strings(texts, ascii_only, slashes_escaped):
    data = json.dumps(texts, ensure_ascii=ascii_only).encode()
    if slashes_escaped:
        data = data.replace(b"/", b"\\/")

    walked = [found for found in urls.urls_in_strings(data) if found is not None]

    assert each_once(urls_in_json(data)) == each_once(walked)


@pytest.mark.looks_inside
@pytest.mark.parametrize("between", [b" ", b'","', b'\\\\","\\\\', b'\\"'])
def test_candidates_are_found_wherever_windows_meet(between, monkeypatch):
    written = between.join(b"https://a.example/%d" % number for number in range(20))
    data = b'["see %s"]' % written
    walked = [found for found in urls.urls_in_strings(data) if found is not None]

    for size in range(1, len(data)):
        monkeypatch.setattr(url_candidates, "_WINDOW", size)
        assert each_once(urls_in_json(data)) == each_once(walked)


def test_what_may_be_one_very_long_url_is_looked_through_in_steps():
    size = url_candidates._WINDOW + url_candidates._LONGEST + 1

    assert None in url_candidates.windows(b'["%s"]' % (b"http://a@" * size))
    assert None not in url_candidates.windows(b'["http://a/","%s"]' % (b"A" * size))


def test_what_is_written_the_same_is_told_once():
    data = json.dumps({"a": "https://a.example/ https://b.example/", "b": ["https://a.example/"]}).encode()

    assert [found[1] for found in urls_in_json(data)] == ["https://a.example/", "https://b.example/"]


@pytest.mark.parametrize(
    "text",
    [
        "https://" + "@" * 60_000,
        "https://" + "a@" * 30_000 + "/ x",
        "https:// " * 100_000,
        "http:" + "/" * 300_000,
        "http:." * 100_000,
        "http:" + "@" * 300_000,
        "h\n" * 300_000,
        "http\n" * 100_000 + ":",
        "http:\n@" * 100_000,
    ],
)
def test_user_information_takes_linear_time(text):
    assert len(list(urls_in_text(text))) <= 2
    assert len(list(urls_in_json(json.dumps([text]).encode()))) <= 2


def test_many_urls_without_white_space_take_linear_time():
    assert len(list(urls_in_text("http://a" * 30_000))) == 30_000
    assert len(list(urls_in_text("http://a@b" * 30_000))) == 30_000
    assert len(list(urls_in_text("http:\\a" * 30_000))) == 45_000
    assert len(list(urls_in_text("http:a" * 30_000))) == 30_000
    assert len(list(urls_in_text('http:a"' * 30_000))) == 30_000
    assert len(list(urls_in_text("http:a@b" * 30_000))) == 60_000
    assert len(list(urls_in_text('http:a"@b' * 30_000))) == 60_000
    assert len(list(urls_in_text("http://a\n" * 30_000))) == 30_004
    assert len(list(urls_in_text("http:\na" * 30_000))) == 30_000


@pytest.mark.parametrize("key", ["file_url", "FILE_url", "file\\u005furl"])
def test_a_field_that_is_a_url_is_found_wherever_steps_meet(key):
    for size in range(urls.STEP - 24, urls.STEP + 4):
        before = '{"x":"' + "a" * (size - 8) + '",'
        data = f'{before}"{key}": "ftp://a.example"}}'.encode()

        found = {field for field in urls.odd_fields(data, frozenset(("file_url",))) if field is not None}

        assert found == {(data.index(b'"ftp'), "ftp://a.example")}
