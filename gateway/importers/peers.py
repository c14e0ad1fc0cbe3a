"""How peers call the providers, and what they are here.

Addresses as LiteLLM has them (https://github.com/BerriAI/litellm, `get_llm_provider_logic.py` and `providers.json` of
1.110) and Portkey (https://portkey.ai/docs/integrations/llms); a test compares them with a list read off the former.
"""

import re
from typing import Any, Final

from gateway.money.price_lists import list_at

NATIVE: Final = {
    "openai": "openai",
    "text-completion-openai": "openai",
    "azure": "azure",
    "azure-openai": "azure",
    "azure_text": "azure",
    "anthropic": "anthropic",
    "bedrock": "bedrock",
    "vertex_ai": "vertex",
    "vertex-ai": "vertex",
    "vertex_ai_beta": "vertex",
    "gemini": "gemini",
    "google": "gemini",
}
"""Providers with a type of their own."""

COMPATIBLE: Final[dict[str, str | None]] = {
    "custom_openai": None,
    "hosted_vllm": None,
    "litellm_proxy": None,
    "openai_like": None,
    "vllm": None,
    "xinference": None,
    "fireworks-ai": "https://api.fireworks.ai/inference/v1",
    "mistral-ai": "https://api.mistral.ai/v1",
    "perplexity-ai": "https://api.perplexity.ai",
    "together-ai": "https://api.together.xyz/v1",
    "x-ai": "https://api.x.ai/v1",
    "abliteration": "https://api.abliteration.ai/v1",
    "ai21_chat": "https://api.ai21.com/studio/v1",
    "aiand": "https://api.aiand.com/v1",
    "aihubmix": "https://aihubmix.com/v1",
    "aiml": "https://api.aimlapi.com/v1",
    "apertis": "https://api.stima.tech/v1",
    "assemblyai": "https://llm-gateway.assemblyai.com/v1",
    "baseten": "https://inference.baseten.co/v1",
    "bigmodel": "https://open.bigmodel.cn/api/paas/v4",
    "cerebras": "https://api.cerebras.ai/v1",
    "chutes": "https://llm.chutes.ai/v1",
    "clarifai": "https://api.clarifai.com/v2/ext/openai/v1",
    "clf_ai_gateway": "https://api.clfaigateway.dev/v1",
    "codestral": "https://codestral.mistral.ai/v1",
    "cognition": "https://api.cognition.ai/v1",
    "cohere": "https://api.cohere.ai/compatibility/v1",
    "cohere_chat": "https://api.cohere.ai/compatibility/v1",
    "cometapi": "https://api.cometapi.com/v1",
    "coralbricks": "https://inference.coralbricks.ai/v1",
    "cortecs": "https://api.cortecs.ai/v1",
    "crusoe": "https://api.inference.crusoecloud.com/v1",
    "darkbloom": "https://api.darkbloom.dev/v1",
    "dashscope": "https://dashscope.aliyuncs.com/compatible-mode/v1",
    "deepinfra": "https://api.deepinfra.com/v1/openai",
    "deepseek": "https://api.deepseek.com/v1",
    "docker_model_runner": "http://localhost:22088/engines/llama.cpp/v1",
    "edenai": "https://api.edenai.run/v3",
    "empiriolabs": "https://api.empiriolabs.ai/v1",
    "empower": "https://app.empower.dev/api/v1",
    "featherless_ai": "https://api.featherless.ai/v1",
    "fireworks_ai": "https://api.fireworks.ai/inference/v1",
    "friendliai": "https://api.friendli.ai/serverless/v1",
    "galadriel": "https://api.galadriel.com/v1",
    "github": "https://models.inference.ai.azure.com",
    "gmi": "https://api.gmi-serving.com/v1",
    "gradient_ai": "https://inference.do-ai.run/v1",
    "groq": "https://api.groq.com/openai/v1",
    "helicone": "https://ai-gateway.helicone.ai",
    "hostinger_router": "https://router.hostinger.com/v1",
    "huggingface": "https://router.huggingface.co/v1",
    "hyperbolic": "https://api.hyperbolic.xyz/v1",
    "inception": "https://api.inceptionlabs.ai/v1",
    "inferenceapis": "https://api.inferenceapis.com/v1",
    "kyma": "https://kymaapi.com/v1",
    "lambda_ai": "https://api.lambda.ai/v1",
    "lemonade": "http://localhost:8000/api/v1",
    "libertai": "https://api.libertai.io/v1",
    "llamafile": "http://127.0.0.1:8080/v1",
    "llamagate": "https://api.llamagate.dev/v1",
    "lm_studio": "http://localhost:1234/v1",
    "meta": "https://api.meta.ai/v1",
    "meta_llama": "https://api.llama.com/compat/v1",
    "minimax": "https://api.minimax.io/v1",
    "mistral": "https://api.mistral.ai/v1",
    "modelscope": "https://api-inference.modelscope.cn/v1",
    "moonshot": "https://api.moonshot.ai/v1",
    "morph": "https://api.morphllm.com/v1",
    "nadir": "https://api.getnadir.com/v1",
    "nano-gpt": "https://nano-gpt.com/api/v1",
    "nebius": "https://api.studio.nebius.ai/v1",
    "neosantara": "https://api.neosantara.xyz/v1",
    "novita": "https://api.novita.ai/v3/openai",
    "nscale": "https://inference.api.nscale.com/v1",
    "nvidia_nim": "https://integrate.api.nvidia.com/v1",
    "ollama": "http://localhost:11434/v1",
    "ollama_chat": "http://localhost:11434/v1",
    "opencode_go": "https://opencode.ai/inference/go/openai/v1",
    "openinfer": "https://api.openinfer.ai/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "ovhcloud": "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1",
    "parasail": "https://api.parasail.io/v1",
    "perplexity": "https://api.perplexity.ai",
    "pinstripes": "https://pinstripes.io/v1",
    "poe": "https://api.poe.com/v1",
    "prism": "https://api.prisminference.com/v1",
    "publicai": "https://api.publicai.co/v1",
    "qwen_ai_platform": "https://dashscope.aliyuncs.com/compatible-mode/v1",
    "qwencloud": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    "refuseless": "https://api.refuseless.com/v1",
    "reka": "https://api.reka.ai/v1",
    "sail": "https://api.sailresearch.com/v1",
    "sambanova": "https://api.sambanova.ai/v1",
    "sarvam": "https://api.sarvam.ai/v1",
    "scaleway": "https://api.scaleway.ai/v1",
    "scx-ai": "https://api.scx.ai/v1",
    "streamlake": "https://vanchin.streamlake.ai/api/gateway/v1/endpoints",
    "synthetic": "https://api.synthetic.new/openai/v1",
    "tencent": "https://tokenhub-intl.tencentcloudmaas.com/v1",
    "tensormesh": "https://serverless.tensormesh.ai/v1",
    "together_ai": "https://api.together.xyz/v1",
    "v0": "https://api.v0.dev/v1",
    "veniceai": "https://api.venice.ai/api/v1",
    "vercel_ai_gateway": "https://ai-gateway.vercel.sh/v1",
    "volcengine": "https://ark.cn-beijing.volces.com/api/v3",
    "wally": "https://inference.runanywhere.ai/v1",
    "wandb": "https://api.inference.wandb.ai/v1",
    "xai": "https://api.x.ai/v1",
    "xiaomi_mimo": "https://api.xiaomimimo.com/v1",
    "zai": "https://api.z.ai/api/paas/v4",
    "zerogpu": "https://api.zerogpu.ai/v1",
}
"""Providers that speak OpenAI's API, and where; `None` where everybody has one of their own."""

VARIABLES: Final = {
    "aiml": "AIML_API_KEY",
    "apertis": "STIMA_API_KEY",
    "cohere_chat": "COHERE_API_KEY",
    "fireworks_ai": "FIREWORKS_API_KEY",
    "lambda_ai": "LAMBDA_API_KEY",
    "meta_llama": "LLAMA_API_KEY",
    "nano-gpt": "NANOGPT_API_KEY",
    "ollama_chat": "OLLAMA_API_KEY",
    "perplexity": "PERPLEXITYAI_API_KEY",
    "scaleway": "SCW_SECRET_KEY",
    "scx-ai": "SCX_API_KEY",
    "tensormesh": "TENSORMESH_INFERENCE_API_KEY",
    "together_ai": "TOGETHER_API_KEY",
    "veniceai": "VENICE_AI_API_KEY",
}
"""The variables that LiteLLM reads a provider's key from, where they are not `NAME_API_KEY`."""

_WITHOUT_V1: Final = ("ollama", "ollama_chat")
_OPENAIS: Final = re.compile(
    r"(ft:)?(gpt-|chatgpt-|o[1-9](-|$)|text-embedding-|dall-e-|whisper-|tts-|omni-moderation-|codex-|computer-use-)"
)
_BEDROCKS: Final = re.compile(
    r"((us|eu|apac|jp|au|global|us-gov)\.)?(ai21|amazon|anthropic|cohere|deepseek|meta|mistral|openai|qwen)\."
)

_SECRET: Final = re.compile(
    r"auth|key|token|secret|cookie|pass|pwd|cred|session|jwt|sign?(?![a-z])|signature", re.IGNORECASE
)
_SCHEME: Final = re.compile(r"(?:basic|bearer|digest|token|apikey)\s", re.IGNORECASE)
_MOST_SHOWN: Final = 64
"""A header's value that is longer may be a credential, whatever the header is called."""


def guessed(model: str) -> str:
    """What LiteLLM calls the provider of a model that is named without one; empty where it would not know."""
    if _OPENAIS.match(model):
        return "openai"
    if model.startswith("claude-"):
        return "anthropic"
    if model.startswith("gemini-"):
        return "vertex_ai"
    return "bedrock" if _BEDROCKS.match(model) else ""


def is_plain(address: str) -> bool:
    """Whether it is an http(s) address with no credential, query or fragment, and so can stand in the file."""
    return address.startswith(("http://", "https://")) and not set(address) & set("@?# ")


def address_at(peers_name: str, base: str) -> str:
    """The address that `/chat/completions` is appended to, of one that a peer appends more to."""
    base = base.rstrip("/")
    return f"{base}/v1" if peers_name in _WITHOUT_V1 and not base.endswith("/v1") else base


def variable_of(peers_name: str) -> str:
    """The variable that holds a provider's key by custom."""
    return VARIABLES.get(peers_name, f"{peers_name}_api_key")


def needs_key(members: dict[str, Any]) -> bool:
    """Whether a provider of this type cannot be declared without a key."""
    return members.get("type") in ("openai", "anthropic", "azure", "gemini")


def may_be_secret(name: str, value: object) -> bool:
    """Whether the value of a header may be a credential."""
    text = str(value)
    return bool(_SECRET.search(name) or _SCHEME.match(text) or text.startswith("sk-")) or len(text) > _MOST_SHOWN


def lists_its_prices(members: dict[str, Any], peers_name: str) -> None:
    """Says whose prices count at a provider, where its address does not: those of the seller that the peer named."""
    usual = COMPATIBLE.get(peers_name)
    seller = None if usual is None else list_at(usual)
    if members["type"] == "custom" and seller is not None and list_at(members["base_url"]) is None:
        members["prices_of"] = seller
