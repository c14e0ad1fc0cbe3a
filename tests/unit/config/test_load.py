import gc
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.judge import Serving
from gateway.config.load import load

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FULL = (Path(__file__).parents[2] / "config" / "full.yaml").read_bytes()
ENVIRON = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("load") / "gateway.yaml"


def written(file: Path, content: bytes, environ=None, **options):
    file.write_bytes(content)
    return load([file], environ=environ or {}, now=NOW, **options)


def judged(file: Path, content: bytes):
    loaded = written(file, content, ENVIRON, serving=Serving(separate_counters=2, development_pepper=True))
    assert (loaded.config is None) == any(one.is_error for one in loaded.diagnostics)
    json.loads(msgspec.json.encode(loaded.diagnostics))


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_no_bytes_make_loading_raise(file, content):
    judged(file, content)


@given(st.text(alphabet="[]{}:,-&*!|>'\"%@`#? \n\tab1~<${}", max_size=60))
def test_no_yaml_makes_loading_raise(file, text):
    judged(file, b"version: 1\nteams: " + text.encode())


@given(st.integers(0, len(FULL)), st.integers(0, 30), st.binary(max_size=8))
def test_no_damage_makes_loading_raise(file, at, length, patch):
    judged(file, FULL[:at] + patch + FULL[at + length :])


def test_the_digest_covers_files_references_and_environment(file):
    text = b'version: 1\nteams: {a: {description: "${env:A:-d} ${file:text.txt}"}}\n'
    (file.parent / "text.txt").write_text("one")
    digests = [written(file, text).digest, written(file, text, {"A": "x"}).digest]
    (file.parent / "text.txt").write_text("two")
    digests += [written(file, text).digest, written(file, text + b"# comment\n").digest]

    assert len(set(digests)) == 4
    assert written(file, text).digest == digests[2]


def test_runtime_references_wait_for_the_node_that_serves(file):
    text = b"""version: 1
providers: {a: {type: openai, api_key: "${runtime-env:KEY}", base_url: "${runtime-env:URL}"}}
"""

    validated = written(file, text)
    served = written(
        file, text, {"KEY": "secret", "URL": "https://a.example"}, serving=Serving(runtime_env=("KEY", "URL"))
    )
    misplaced = written(
        file, text, {"KEY": "secret", "URL": "https://user:x@a.example"}, serving=Serving(runtime_env=("KEY", "URL"))
    )

    assert validated.config.providers["a"].api_key.reveal() == "${runtime-env:KEY}"
    assert served.config.providers["a"].api_key.reveal() == "secret"
    assert [one.code for one in misplaced.diagnostics] == ["invalid-url"]
    assert written(file, text, serving=Serving(runtime_env=("KEY", "URL"))).config is None
    unlisted = written(file, text, {"KEY": "secret", "URL": "https://a.example"}, serving=Serving(runtime_env=("URL",)))
    assert [one.message for one in unlisted.diagnostics] == [
        "the environment variable KEY is not in this node's GATEWAY_RUNTIME_ENV"
    ]


def test_referenced_files_are_watched(file):
    loaded = written(file, b'version: 1\nteams: {a: {description: "${file:absent.txt}"}}\n')

    assert loaded.files == (file, file.parent / "absent.txt", file.parent / "prices.lock.yaml")


def test_a_byte_order_mark_is_no_content(file):
    assert written(file, b"\xef\xbb\xbfversion: 1\n").config is not None


WORDS_OF_FAULTS = ("unknown-field", "invalid-value", "unknown-reference")


def test_many_faults_are_found_in_one_reading(file):
    """Each fault needs a place, and each place must not need another reading of the file."""
    keys = "".join(f"  k{i}: {{secret_hash: 'hmac-sha256:{i:064x}', team: nobody, colour: red}}\n" for i in range(1500))
    loaded = written(file, f"version: 1\nproviders: {{sim: {{type: simulator}}}}\nvirtual_keys:\n{keys}".encode())

    by_code = {code: [one.line for one in loaded.diagnostics if one.code == code] for code in WORDS_OF_FAULTS}
    assert by_code == {
        "unknown-field": list(range(4, 1004)),
        "invalid-value": list(range(1004, 1504)),
        "unknown-reference": list(range(4, 1004)),
    }


def test_garbage_collection_is_as_it_was(file):
    written(file, b"version: 1\n")
    assert gc.isenabled()

    gc.disable()
    try:
        written(file, b"version: 1\n")
        assert not gc.isenabled()
    finally:
        gc.enable()


ALIASES = b"""version: 1
providers:
  a: {type: openai, api_key: &key "%s"}
  b: {type: openai, api_key: *key, base_url: https://b.example.com/v1}
  c: &c {type: openai, api_key: *key, base_url: https://c.example.com/v1}
  d: *c
"""


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"${env:OPENAI_API_KEY}", []),
        (b"sk-in-clear", ["secret-in-clear"] * 4),
        (b"${env:NO}", ["reference-missing"]),
    ],
)
def test_an_alias_hides_what_its_anchor_hides(file, written, said):
    file.write_bytes(ALIASES % written)
    loaded = load([file], environ=ENVIRON, now=NOW)

    assert [one.code for one in loaded.diagnostics if one.code != "no-prices"] == said


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "gateway.yaml").write_bytes(ALIASES % b"${file:pipe}")
    loaded = load([tmp_path / "gateway.yaml", tmp_path / "pipe"], environ={}, now=NOW)

    assert [(one.code, one.message) for one in loaded.diagnostics if one.is_error] == [
        ("reference-missing", "the file pipe cannot be read: it is not a regular file"),
        ("file-unreadable", "the file cannot be read: it is not a regular file"),
    ]
