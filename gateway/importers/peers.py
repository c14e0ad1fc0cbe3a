"""How peers call the providers, and what they are here."""

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
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
    "mistral-ai": "https://api.mistral.ai/v1",
    "together_ai": "https://api.together.xyz/v1",
    "together-ai": "https://api.together.xyz/v1",
    "deepseek": "https://api.deepseek.com/v1",
    "fireworks_ai": "https://api.fireworks.ai/inference/v1",
    "fireworks-ai": "https://api.fireworks.ai/inference/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "xai": "https://api.x.ai/v1",
    "x-ai": "https://api.x.ai/v1",
    "perplexity": "https://api.perplexity.ai",
    "perplexity-ai": "https://api.perplexity.ai",
    "ollama": "http://localhost:11434/v1",
    "ollama_chat": "http://localhost:11434/v1",
    "hosted_vllm": None,
    "vllm": None,
    "lm_studio": "http://localhost:1234/v1",
    "openai_like": None,
    "custom_openai": None,
    "litellm_proxy": None,
}
"""Providers that speak OpenAI's API, and where; `None` where everybody has one of their own."""


def guessed(model: str) -> str:
    """The provider of a model that is named without one."""
    if model.startswith("claude-"):
        return "anthropic"
    return "gemini" if model.startswith("gemini-") else "openai"


def needs_key(members: dict[str, Any]) -> bool:
    """Whether a provider of this type cannot be declared without a key."""
    return members.get("type") in ("openai", "anthropic", "azure", "gemini")


def lists_its_prices(members: dict[str, Any], peers_name: str) -> None:
    """Says whose prices count at a provider, where its address does not: those of the seller that the peer named."""
    usual = COMPATIBLE.get(peers_name)
    seller = None if usual is None else list_at(usual)
    if members["type"] == "custom" and seller is not None and list_at(members["base_url"]) is None:
        members["prices_of"] = seller
