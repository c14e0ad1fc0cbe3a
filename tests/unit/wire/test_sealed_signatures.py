"""Sealed signatures are taken out of bodies of Gemini's own API, and every other byte stays."""

import base64
import json

import pytest

from gateway.lanes.conversation import Opaque
from gateway.lanes.generate_content.opaque import signature
from gateway.lanes.sealing import Seal
from gateway.wire.json_splice import apply
from gateway.wire.sealed_signatures import without_sealed_signatures

SEALED = signature(Opaque("anthropic", {"signature": "s"}), "t", Seal((b"k" * 32,)))["thoughtSignature"]
OWN = base64.b64encode(b"lwg0.own").decode()
SKIP = "skip_thought_signature_validator"


def body(*parts):
    return json.dumps({"contents": [{"role": "model", "parts": list(parts)}], "tools": []}, indent=1).encode()


@pytest.mark.parametrize(
    ("part", "kept"),
    [
        ({"text": "t", "thought": True, "thoughtSignature": SEALED}, {"text": "t", "thought": True}),
        ({"thought_signature": SEALED, "text": "t"}, {"text": "t"}),
        ({"thought_signature": SEALED, "thoughtSignature": SEALED, "text": "t"}, {"text": "t"}),
        ({"thought_signature": SEALED, "thoughtSignature": SEALED}, {}),
        (
            {"functionCall": {"name": "f"}, "thoughtSignature": SEALED},
            {"functionCall": {"name": "f"}, "thoughtSignature": SKIP},
        ),
    ],
)
def test_what_another_model_signed_is_left_out(part, kept):
    given = body({"text": "a", "thoughtSignature": OWN}, part)
    spliced = apply(given, without_sealed_signatures(given))

    assert json.loads(spliced)["contents"][0]["parts"] == [{"text": "a", "thoughtSignature": OWN}, kept]
    assert spliced.startswith(b'{\n "contents": [')


def test_one_may_stand_in_the_place_of_a_list():
    given = b'{"contents":{"parts":{"text":"t","thoughtSignature":"%s"}}}' % SEALED.encode()

    assert apply(given, without_sealed_signatures(given)) == b'{"contents":{"parts":{"text":"t"}}}'


@pytest.mark.parametrize("end", [b".", b".\x00", b".\x7f", b".\x80", b".\xff"])
def test_an_envelope_is_known_whatever_follows(end):
    given = body({"text": "t", "thoughtSignature": base64.b64encode(b"lwg1" + end).decode()})

    assert without_sealed_signatures(given)


@pytest.mark.parametrize(
    "given", [body({"text": "a", "thoughtSignature": OWN}), body({"text": f'"thoughtSignature": "{SEALED}"'}), b"{}"]
)
def test_all_else_stays(given):
    assert without_sealed_signatures(given) == []
