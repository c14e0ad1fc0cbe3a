"""Sealed reasoning is taken out of bodies of Responses, and every other byte stays."""

import json

import pytest

from gateway.wire.json_splice import apply
from gateway.wire.sealed_reasoning import without_sealed_reasoning

SEALED = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "lwg1.a.b"}
OWN = {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gAAAA"}
USER = {"role": "user", "content": 'says "encrypted_content": "lwg1.a"'}


def body(*items):
    return json.dumps({"model": "m", "input": list(items), "tools": []}, indent=1).encode()


@pytest.mark.parametrize(
    ("items", "kept"),
    [
        ([USER, SEALED, OWN], [USER, OWN]),
        ([SEALED, SEALED, USER], [USER]),
        ([USER, SEALED], [USER]),
    ],
)
def test_sealed_items_are_left_out(items, kept):
    given = body(*items)
    spliced = apply(given, without_sealed_reasoning(given))

    assert json.loads(spliced)["input"] == kept
    assert spliced.startswith(b'{\n "model": "m",\n "input": [')


@pytest.mark.parametrize("given", [body(USER, OWN), body(SEALED), b'{"input": "\\"lwg1.a\\""}', b'{"input": "lwg1.a"}'])
def test_all_else_stays(given):
    assert without_sealed_reasoning(given) == []
