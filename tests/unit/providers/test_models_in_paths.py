"""A model's name that stands in a URL's path leads nowhere else, whatever it says and whoever decodes it."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.sections.providers import AzureProvider, BedrockProvider, VertexProvider
from gateway.providers.registry import ProviderSet
from gateway.shapes.endpoints import CONVERSE, ENDPOINTS
from tests.support.simulator import NoTransport

SECTIONS = {
    "azure": AzureProvider(type="azure", base_url="https://a.example", api_key="k", api_version="2024-10-21"),
    "bedrock": BedrockProvider(type="bedrock", region="us-east-1", api_key="k"),
    "vertex": VertexProvider(type="vertex", project="p", location="global", credentials="{}"),
}
PATHS = {
    "azure": ("/openai/deployments/", "/chat/completions"),
    "bedrock": ("/model/", "/invoke"),
    "vertex": ("/v1/projects/p/locations/global/publishers/anthropic/models/", ":rawPredict"),
}
PROVIDERS = ProviderSet(NoTransport()).build(SECTIONS)
EVERY = (*ENDPOINTS.values(), CONVERSE)
ELSEWHERE = ["..", ".", "../x", "x/..", "a/../b", "a\\..\\b", "%2e%2e", "%252e%252e", "a%2f..%2fb", "..;x", "/x", "x/", "a//b", "\0"]  # fmt: skip


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("model", [*ELSEWHERE, *(f"claude-x/{written}" for written in ELSEWHERE if "/" in written)])
def test_a_name_that_leads_elsewhere_is_served_by_nobody(name, model):
    written = f"anthropic.{model}" if name == "bedrock" and model.startswith("claude") else model
    in_paths = [endpoint for endpoint in EVERY if name != "vertex" or endpoint.shape.vendor.value == "anthropic"]
    by_deployment = [endpoint for endpoint in in_paths if endpoint.name != "responses"]

    assert [endpoint.name for endpoint in by_deployment if PROVIDERS[name].serves(endpoint, written)] == []


@pytest.mark.parametrize(
    ("name", "model", "segment"),
    [
        ("azure", "eu west/5", "eu%20west%2F5"),
        ("bedrock", "arn:aws:bedrock:eu:1:p/eu.anthropic.claude-x-v1:0", "arn%3Aaws%3Abedrock%3Aeu%3A1%3Ap%2Feu.anthropic.claude-x-v1%3A0"),
        ("bedrock", "anthropic.claude-x?y#z", "anthropic.claude-x%3Fy%23z"),
        ("vertex", "claude-x@2025:rawPredict", "claude-x@2025%3ArawPredict"),
        ("vertex", "anthropic/claude-x...", "claude-x..."),
    ],
)  # fmt: skip
def test_other_names_are_one_encoded_segment(name, model, segment):
    before, after = PATHS[name]
    endpoint = ENDPOINTS["chat_completions" if name == "azure" else "messages"]

    assert PROVIDERS[name].serves(endpoint, model)
    assert urlsplit(PROVIDERS[name].url(endpoint, model, stream=False)).path == f"{before}{segment}{after}"


@given(
    st.lists(st.sampled_from([".", "..", "/", "\\", "%2e", "%2F", "%25", "2e", ";", "a", "claude-", ":", "@"])).map(
        "".join
    )
)
def test_whatever_is_served_stays_below_its_place_however_often_it_is_decoded(text):
    for name, model in (("azure", text), ("bedrock", f"anthropic.claude-{text}"), ("vertex", f"claude-{text}")):
        endpoint = ENDPOINTS["chat_completions" if name == "azure" else "messages"]
        if PROVIDERS[name].serves(endpoint, model):
            before, after = PATHS[name]
            path = PROVIDERS[name].url(endpoint, model, stream=False).partition("?")[0].partition("//")[2]
            path = path[path.index("/") :]
            assert path.startswith(before)
            assert path.endswith(after)
            for decoded in (path, unquote(path), unquote(unquote(path))):
                segments = [segment.partition(";")[0] for segment in decoded.replace("\\", "/").split("/")[1:]]
                assert not {"", ".", ".."} & set(segments)
