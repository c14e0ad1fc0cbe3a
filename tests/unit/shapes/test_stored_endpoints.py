"""The table of what providers keep beside what the vendors' SDKs call."""

import re
from pathlib import Path

import anthropic
import openai
import pytest

from gateway.shapes.endpoints import ENDPOINTS
from gateway.shapes.stored_endpoints import NOT_SERVED, STORED
from gateway.shapes.vendor import Vendor

_CALL = re.compile(
    r"self\._(get|post|put|patch|delete|get_api_list)\(\s*(?:path_template\(\s*)?f?\"(/[^\"?]*)(.*?)\n        \)",
    re.DOTALL,
)
_STATED = "/v1/messages/batches/{}/results"
"""What an SDK calls by the address that a batch states."""
_MODELS = ("/v1/models", "/v1/models/{}")
"""Answered by the gateway itself, of its own names."""

_OF_OTHERS = {("POST", "/v1/rerank")}
"""Of servers that are made after OpenAI's."""


def calls(package, vendor):
    """Every method and path that an SDK calls, ids left out."""
    found = set()
    for module in (Path(package.__file__).parent / "resources").rglob("*.py"):
        for verb, path, more in _CALL.findall(module.read_text()):
            posts = verb == "get_api_list" and 'method="post"' in more
            method = "POST" if posts else {"get_api_list": "GET"}.get(verb, verb.upper())
            below = path if vendor is Vendor.ANTHROPIC else f"/v1{path}"
            found.add((method, re.sub(r"\{[^}]*\}", "{}", below)))
    assert len(found) > 50
    return found


def served(vendor):
    rows = [*ENDPOINTS.values(), *STORED]
    return {(one.method, re.sub(r"\{[^}]*\}", "{}", one.path)) for one in rows if one.shape.vendor is vendor} | {
        ("GET", path) for path in _MODELS
    }


@pytest.mark.parametrize(("package", "vendor"), [(openai, Vendor.OPENAI), (anthropic, Vendor.ANTHROPIC)])
def test_each_path_of_an_sdk_is_served_or_named_with_a_reason(package, vendor):
    called = calls(package, vendor)
    left = called - served(vendor)

    def reason(path):
        return next((why for begin, why in NOT_SERVED.items() if path == begin or path.startswith(f"{begin}/")), None)

    assert sorted(one for one in left if reason(one[1]) is None) == []
    # What an SDK does not call, the API may not have.
    assert sorted(served(vendor) - called - {("GET", path) for path in (*_MODELS, _STATED)} - _OF_OTHERS) == []


def test_no_path_is_served_and_named_as_not_served():
    for row in (*ENDPOINTS.values(), *STORED):
        assert not any(row.path == begin or row.path.startswith(f"{begin}/") for begin in NOT_SERVED), row.path


def test_a_row_of_each_vendor_is_called_by_its_own_path():
    rows = {(one.method, one.path, one.shape.vendor) for one in STORED}
    assert len(rows) == len(STORED)
    assert all(row.lists is None or (row.method, row.named) == ("GET", ()) for row in STORED)
    assert all(row.removes is (row.method == "DELETE" and row.path.endswith("/{id}")) for row in STORED)


def test_each_row_has_a_name_of_its_own():
    names = [row.name for row in (*ENDPOINTS.values(), *STORED)]
    assert len(set(names)) == len(names)
