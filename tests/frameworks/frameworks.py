"""Application frameworks by name and version, each with the program that drives it and what its users set."""

from dataclasses import dataclass

from tests.agents.installed import Installation

MODELS = {"chat_completions": "gpt-5", "responses": "gpt-5", "messages": "claude-sonnet-4-6"}


@dataclass(frozen=True, kw_only=True)
class Framework:
    """One framework on one API. `packages` are pinned, in the spelling of its registry."""

    name: str
    version: str
    packages: tuple[str, ...]
    program: str
    api: str
    wants: str
    steps: frozenset[str] = frozenset(("prompt", "tools", "object", "stream"))

    kind = "framework"

    @property
    def id(self) -> str:
        return f"{self.name}-{self.api}"

    @property
    def model(self) -> str:
        return MODELS[self.api]

    @property
    def installation(self) -> Installation:
        return Installation(self.name, self.version, self.packages, self.program.endswith(".py"))


_WITH = "with `/v1`"
_WITHOUT = "without `/v1`"
_TRACING = "opentelemetry-sdk==1.45.2"
"""For docs/frameworks.md, whose programs tests/docs runs with these packages."""
_AI_SDK = ("ai@7.0.173", "@ai-sdk/openai@4.0.118", "@ai-sdk/anthropic@4.0.105", "@ai-sdk/openai-compatible@3.0.92")


def _on(apis: dict[str, str], **row: object) -> tuple[Framework, ...]:
    return tuple(Framework(api=api, wants=wants, **row) for api, wants in apis.items())  # type: ignore[arg-type]


FRAMEWORKS = (
    *_on(
        {
            "chat_completions": f"`ChatOpenAI(base_url=...)` {_WITH}",
            "responses": f"`ChatOpenAI(base_url=..., use_responses_api=True)` {_WITH}",
            "messages": f"`ChatAnthropic(base_url=...)` {_WITHOUT}",
        },
        name="langchain",
        version="1.5.2",
        packages=("langchain==1.5.2", "langchain-openai==1.7.4", "langchain-anthropic==1.7.10", _TRACING),
        program="langchain_py.py",
    ),
    *_on(
        {
            "chat_completions": f"`ChatOpenAI` with `configuration.baseURL` {_WITH}",
            "responses": f"the same and `useResponsesApi`, {_WITH}",
        },
        name="langchain-js",
        version="1.5.14",
        packages=("langchain@1.5.14", "@langchain/openai@1.6.0", "@langchain/core@1.4.0", "zod@4.6.7"),
        program="langchain_js.mjs",
    ),
    *_on(
        {"chat_completions": f"`OpenAILike(api_base=...)` {_WITH}"},
        name="llama-index",
        version="0.14.25",
        packages=("llama-index-core==0.14.25", "llama-index-llms-openai-like==0.8.1", _TRACING),
        program="llama_index_py.py",
    ),
    *_on(
        {
            "chat_completions": f"`OpenAIProvider(base_url=...)` {_WITH}",
            "responses": f"`OpenAIResponsesModel` with `OpenAIProvider(base_url=...)` {_WITH}",
            "messages": f"`AnthropicProvider(base_url=...)` {_WITHOUT}",
        },
        name="pydantic-ai",
        version="2.68.0",
        packages=("pydantic-ai-slim[openai,anthropic]==2.68.0", _TRACING),
        program="pydantic_ai_py.py",
    ),
    *_on(
        {
            "responses": f"`AsyncOpenAI(base_url=...)` {_WITH}; `set_tracing_disabled(True)`, or traces go to OpenAI",
            "chat_completions": "the same and `OpenAIChatCompletionsModel`",
        },
        name="openai-agents",
        version="0.24.0",
        packages=("openai-agents==0.24.0", _TRACING),
        program="openai_agents_py.py",
    ),
    *_on(
        {"chat_completions": f"`OpenAI(base_url=...)` {_WITH}"},
        name="instructor",
        version="1.17.0",
        packages=("instructor==1.17.0",),
        program="instructor_py.py",
        steps=frozenset(("object", "stream")),
    ),
    *_on(
        {"chat_completions": f"`LLM(model='openai/MODEL', base_url=...)` {_WITH}"},
        name="crewai",
        version="1.15.30",
        packages=("crewai==1.15.30",),
        program="crewai_py.py",
    ),
    *_on(
        {"chat_completions": f"`OpenAIServerModel(api_base=...)` {_WITH}"},
        name="smolagents",
        version="1.26.0",
        packages=("smolagents[openai]==1.26.0",),
        program="smolagents_py.py",
        steps=frozenset(("prompt", "tools", "stream")),
    ),
    *_on(
        {"chat_completions": f"`OpenAIChatGenerator(api_base_url=...)` {_WITH}"},
        name="haystack",
        version="3.4.1",
        packages=("haystack-ai==3.4.1",),
        program="haystack_py.py",
    ),
    *_on(
        {
            "chat_completions": f"`model='openai/MODEL'`, `api_base` {_WITH}",
            "messages": f"`model='anthropic/MODEL'`, `api_base` {_WITHOUT}",
        },
        name="litellm",
        version="1.110.2",
        packages=("litellm==1.110.2",),
        program="litellm_py.py",
    ),
    *_on(
        {
            "chat_completions": f"`createOpenAICompatible` with `baseURL` {_WITH}",
            "responses": f"`createOpenAI` with `baseURL` {_WITH}",
            "messages": f"`createAnthropic` with `baseURL` {_WITH}",
        },
        name="ai-sdk",
        version="7.0.173",
        packages=(*_AI_SDK, "@opentelemetry/api@1.9.0", "zod@4.6.7"),
        program="ai_sdk.mjs",
    ),
    *_on(
        {"chat_completions": f"`createOpenAICompatible` with `baseURL` {_WITH}"},
        name="mastra",
        version="1.71.0",
        packages=("@mastra/core@1.71.0", "@ai-sdk/openai-compatible@3.0.92", "zod@4.6.7"),
        program="mastra.mjs",
    ),
)
