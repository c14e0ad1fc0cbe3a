"""Sentences about values that came from references."""

import pytest

from gateway.config.findings import Finding
from gateway.config.origins import Origins

SECRET = "sk-0123456789abcdef"
TREE = {"model_aliases": {"fast": f"openai/{SECRET}"}, "teams": {"a": {"description": "short"}}}
WRITTEN = {
    ("model_aliases", "fast"): "openai/${env:KEY}",
    ("teams", "a", "description"): "${env:WORD:-short}",
}


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        (f"nobody prices openai/{SECRET}.", "nobody prices openai/${env:KEY}."),
        (f"the model {SECRET} of openai", "the model ${env:KEY} of openai"),
        (f"of x{SECRET}y", "of x${env:KEY}y"),
        ("a short word, not a shorter one", "a ${env:WORD:-short} word, not a shorter one"),
        ("nothing of it", "nothing of it"),
    ],
)
def test_what_was_read_gives_way_to_what_was_written(sentence, told):
    assert Origins.within(TREE, WRITTEN).sentence(sentence) == told


def test_numbers_in_sentences_stay():
    origins = Origins.within({"limit": "5000"}, {("limit",): "${env:LIMIT}"})

    assert origins.sentence("$5000 of it") == "$5000 of it"


def test_a_finding_about_a_value_says_nothing_that_could_be_a_part_of_it():
    found = Finding("bad-glob", "at '89abc' a glob ends", ("model_aliases", "fast"), "Did you mean 'sk-0'?")

    told = Origins.within(TREE, WRITTEN).finding(found)

    assert told.message == "a glob is malformed; the value comes from ${env:KEY}"
    assert told.hint is None


def test_a_finding_tells_no_default():
    found = Finding("bad-glob", "x", ("teams", "a"))

    assert Origins.within(TREE, WRITTEN).finding(found).message.endswith("comes from ${env:WORD}")


def test_plain_data_is_told_with_all_that_is_in_it():
    told = Origins.within(TREE, WRITTEN).told({"a": [f"openai/{SECRET}", 1, None], "b": {"c": SECRET}})

    assert told == {"a": ["openai/${env:KEY}", 1, None], "b": {"c": "${env:KEY}"}}
