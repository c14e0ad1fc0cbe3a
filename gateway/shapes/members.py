"""The top-level members that a request has on each API, by endpoint: where a member may be added, and where it is none.

From the reference of each API (https://platform.openai.com/docs/api-reference, https://docs.anthropic.com/en/api/messages,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
https://ai.google.dev/api/generate-content); what only compatible servers take stands in no list.
"""

from collections.abc import Mapping
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COUNTED: Final = _words(
    "billing_policy cache_control compaction context_management mcp_servers messages model output_config speed system "
    "thinking tool_choice tools"
)
_CONVERSE: Final = _words(
    "additionalModelRequestFields additionalModelResponseFieldPaths guardrailConfig inferenceConfig messages modelId "
    "outputConfig performanceConfig projectIdentifier promptVariables requestMetadata serviceTier system toolConfig"
)
_GENERATE: Final = _words(
    "cachedContent contents generationConfig labels model safetySettings serviceTier store systemInstruction "
    "toolConfig tools"
)

MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    "chat_completions": _words(
        "audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens messages "
        "metadata modalities model moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key "
        "prompt_cache_options prompt_cache_retention reasoning_effort response_format safety_identifier seed "
        "service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity "
        "web_search_options"
    ),
    "completions": _words(
        "best_of echo frequency_penalty logit_bias logprobs max_tokens model n presence_penalty prompt seed stop "
        "stream stream_options suffix temperature top_p user"
    ),
    "embeddings": _words("dimensions encoding_format input model user"),
    "responses": _words(
        "access_programs background background_options context_management conversation image include input "
        "instructions max_output_tokens max_tool_calls metadata model moderation parallel_tool_calls "
        "previous_response_id prompt prompt_cache_key prompt_cache_options prompt_cache_retention reasoning "
        "safety_identifier service_tier store stream stream_options temperature text tool_choice tools top_logprobs "
        "top_p truncation user"
    ),
    "moderations": _words("input model"),
    "images_generations": _words(
        "background complexity frame_count frame_duration_ms model moderation n output_compression output_format "
        "partial_images prompt quality response_format safety_identifier size stream style svg user"
    ),
    "images_edits": _words(
        "background complexity frame_count frame_duration_ms image images input_fidelity markup mask model moderation "
        "n output_compression output_format partial_images prompt quality response_format safety_identifier size "
        "stream svg user"
    ),
    "rerank": _words(
        "documents max_chunks_per_doc max_tokens_per_doc model priority query rank_fields return_documents top_k top_n "
        "truncation"
    ),
    "audio_speech": _words("input instructions model response_format speed stream_format voice"),
    "messages": _COUNTED
    | _words(
        "container diagnostics fallback_credit_token fallbacks inference_geo max_tokens metadata service_tier "
        "stop_sequences stream temperature thread top_k top_p"
    ),
    "messages_count_tokens": _COUNTED,
    "responses_input_tokens": _words(
        "conversation input instructions model parallel_tool_calls personality previous_response_id reasoning text "
        "tool_choice tools truncation"
    ),
    "converse": _CONVERSE,
    "generate_content": _GENERATE,
}
"""By the name of the endpoint."""

_KNOWN: Final = frozenset().union(*MEMBERS.values())
_TALKS: Final = _words("chat_completions completions responses messages converse generate_content")


def may_have(endpoint: str, name: str) -> bool:
    """Whether a request to an endpoint can have a member: one of its own, or, in a conversation, one of no list."""
    return name in MEMBERS.get(endpoint, ()) if name in _KNOWN else endpoint in _TALKS
