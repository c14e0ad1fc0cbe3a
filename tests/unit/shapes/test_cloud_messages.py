"""Claude on other companies' clouds gets the betas and members that they have, and every other byte."""

import json

import pytest

from gateway.errors import GatewayError
from gateway.shapes.cloud_messages import BEDROCK, VERTEX

SONNET, OPUS_4_7 = "eu.anthropic.claude-sonnet-4-6-v1:0", "global.anthropic.claude-opus-4-7"
CLAUDE_CODE = (
    "claude-code-20250219,interleaved-thinking-2025-05-14,thinking-token-count-2026-05-13,context-management-2025-06-27,"
    "prompt-caching-scope-2026-01-05,effort-2025-11-24,advanced-tool-use-2025-11-20"
)


@pytest.mark.parametrize(
    ("form", "model", "kept"),
    [
        (
            BEDROCK,
            SONNET,
            "interleaved-thinking-2025-05-14,context-management-2025-06-27,effort-2025-11-24,tool-search-tool-2025-10-19",
        ),
        (BEDROCK, OPUS_4_7, "interleaved-thinking-2025-05-14"),
        (
            VERTEX,
            "claude-sonnet-4-6",
            "interleaved-thinking-2025-05-14,context-management-2025-06-27,tool-search-tool-2025-10-19",
        ),
    ],
)
def test_a_cloud_gets_the_betas_that_it_knows(form, model, kept):
    headers = form.headers(model, [("a", "1"), ("anthropic-beta", CLAUDE_CODE), ("anthropic-beta", "x-2030-01-01")])

    assert headers == [("a", "1"), ("anthropic-beta", kept)]
    told = form.edited(model, b"{}", CLAUDE_CODE)[1]
    assert len(told) == len(CLAUDE_CODE.split(",")) - len(kept.split(","))
    assert "anthropic-beta[prompt-caching-scope-2026-01-05]" in told


EDITING = "context-management-2025-06-27"
STATED = f'"anthropic_beta":["{EDITING}"'
SCOPED = """{"system":[{"text":"x","cache_control":{"type":"ephemeral"%s}}],\
"messages":[{"content":[{"type":"tool_use","input":{"cache_control":{"scope":1}}}]}]}"""
CASES = [
    ('{"model":"m", "speed":"fast" ,"max_tokens":9}', "", '{"model":"m" ,"max_tokens":9}', ["speed"]),
    ('{"speed":"fast","mcp_servers":[],"max_tokens":9}', "", '{"max_tokens":9}', ["mcp_servers", "speed"]),
    ('{"context_management":{"edits":[]},"x":1}', "", '{"x":1}', ["context_management"]),
    ('{"context_management":{"edits":[]},"x":1}', EDITING, None, []),
    (f'{{"context_management":{{}},{STATED}]}}', "", None, []),
    (f'{{{STATED},"a"]}}', "", f"{{{STATED}]}}", ["anthropic-beta[a]"]),
    (
        '{"anthropic_beta":["advanced-tool-use-2025-11-20"]}',
        "",
        '{"anthropic_beta":["tool-search-tool-2025-10-19"]}',
        [],
    ),
    (
        '{"tools":[{"name":"a", "eager_input_streaming":true},{"defer_loading":true,"name":"b"}]}',
        "",
        '{"tools":[{"name":"a"},{"name":"b"}]}',
        ["tools[].eager_input_streaming", "tools[].defer_loading"],
    ),
    ('{"tools":[{"defer_loading":true,"name":"b"}]}', "advanced-tool-use-2025-11-20", None, []),
    (
        SCOPED.replace("%s", ',"scope":"global"'),
        "",
        SCOPED.replace("%s", ""),
        ["cache_control.scope"],
    ),
    (
        '{"system":[{"type":"text","text":"x-anthropic-billing-header: cch=1;"}, {"type":"text","text":"You"}]}',
        "",
        '{"system":[{"type":"text","text":"You"}]}',
        ["system[0]"],
    ),
    ('{"system":"x-anthropic-billing-header: said by a person","output_config":{"effort":"low"}}', "", None, []),
    ('{"inference_geo":null,"metadata":{"user_id":"u"},"new_member":1}', "", None, []),
]


@pytest.mark.parametrize(("body", "betas", "after", "told"), CASES)
def test_members_that_the_cloud_has_not_are_left_out(body, betas, after, told):
    for form in (BEDROCK, VERTEX):
        data, lost = form.edited("claude-sonnet-4-6", body.encode(), betas)

        assert data.decode() == (after or body)
        assert list(lost) == told
        json.loads(data)


def test_where_a_request_is_processed_cannot_be_left_out():
    with pytest.raises(GatewayError) as refusal:
        BEDROCK.edited(SONNET, b'{"inference_geo":"us"}', "")
    assert (refusal.value.type, refusal.value.param) == ("unsupported_parameter", "inference_geo")
