"""What requests in Gemini's own shape point at that Google keeps."""

import json

import pytest

from gateway.shapes.generate_content import GENERATE_CONTENT
from gateway.shapes.state import may_refer, references_in
from gateway.wire.json_body import JsonBody

FILES = "https://generativelanguage.googleapis.com/v1beta/files"


def found_in(request):
    body = JsonBody(json.dumps(request).encode())
    state = GENERATE_CONTENT.state
    return [(one.id, one.path) for one in references_in(state, body)] if may_refer(state, body) else []


def part(uri, data="fileData", name="fileUri"):
    return {"contents": [{"parts": [{data: {name: uri}}]}]}


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        ({"cachedContent": "cachedContents/a"}, [("cachedContents/a", "cachedContent")]),
        ({"cached_content": "cachedContents/a"}, [("cachedContents/a", "cached_content")]),
        (
            {"generateContentRequest": {"cachedContent": "cachedContents/a"}},
            [("cachedContents/a", "generateContentRequest.cachedContent")],
        ),
        (part(f"{FILES}/a-1"), [("files/a-1", "contents[0].parts[0].fileData.fileUri")]),
        (part(f"{FILES}/a-1", "file_data", "file_uri"), [("files/a-1", "contents[0].parts[0].file_data.file_uri")]),
        (part("files/a-1"), [("files/a-1", "contents[0].parts[0].fileData.fileUri")]),
        (part("HTTPS://GenerativeLanguage.GoogleAPIs.com/v1beta/%66iles/a-1?alt=media"), [("files/a-1", "contents[0].parts[0].fileData.fileUri")]),
        (
            {"tools": [{"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/a", "fileSearchStores/b"]}}]},
            [(f"fileSearchStores/{one}", "tools[0].fileSearch.fileSearchStoreNames") for one in "ab"],
        ),
        (
            {"tools": {"retrieval": {"vertexRagStore": {"ragResources": [{"ragCorpus": "projects/p/ragCorpora/1"}]}}}},
            [("projects/p/ragCorpora/1", "tools.retrieval.vertexRagStore.ragResources[0].ragCorpus")],
        ),
        (
            {"tools": [{"retrieval": {"vertexAiSearch": {"datastore": "projects/p/dataStores/1"}}}]},
            [("projects/p/dataStores/1", "tools[0].retrieval.vertexAiSearch.datastore")],
        ),
    ],
)  # fmt: skip
def test_an_id_is_found_wherever_the_api_has_a_place_for_it(request_, found):
    assert found_in(request_) == found


@pytest.mark.parametrize(
    "request_",
    [
        part("https://x.example/files/a"),
        part("gs://bucket/files/a"),
        part("https://www.youtube.com/watch?v=a"),
        {"contents": [{"parts": [{"functionCall": {"name": "f", "args": {"engine": "a", "fileUri": "files/a"}}}]}]},
        {"contents": [{"parts": [{"functionResponse": {"response": {"cachedContent": "a"}}}]}]},
        {"contents": [{"parts": [{"text": '"engine": "cachedContents/a"'}]}]},
        {"generationConfig": {"responseSchema": {"properties": {"engine": {"type": "string"}}}}},
        {"cachedContent": ""},
    ],
)
def test_what_is_the_callers_own_or_anybodys_is_no_id(request_):
    assert found_in(request_) == []
