"""All rules of one key, compiled: asked by the pipeline, silent or raising."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from gateway.errors import GatewayError
from gateway.policy import mcp, tools
from gateway.policy.rule_set import CompiledRule, Verdict

_SHOWN = 64


class Rule(Protocol):
    """One dimension of a set as the file has it."""

    @property
    def deny(self) -> Sequence[str]:
        """Patterns that refuse."""

    @property
    def allow(self) -> Sequence[str] | None:
        """Patterns of which one has to match, where there are any."""


class RuleSet(Protocol):
    """A set as the file has it."""

    @property
    def tools(self) -> Rule | None:
        """On tools."""

    @property
    def mcp(self) -> Rule | None:
        """On MCP servers."""

    @property
    def urls(self) -> Rule | None:
        """On URLs."""

    @property
    def models(self) -> Rule | None:
        """On models."""


class Judge:
    """The rules of a key by dimension; `has_...` says whether there is anything to look for. Immutable."""

    __slots__ = ("_mcp", "_models", "_tools", "_urls", "has_mcp", "has_models", "has_tools", "has_urls")

    def __init__(self, rule_sets: Sequence[tuple[str, RuleSet]]) -> None:
        self._tools = _compile((name, rules.tools) for name, rules in rule_sets)
        self._mcp = _compile((name, rules.mcp) for name, rules in rule_sets)
        self._urls = _compile((name, rules.urls) for name, rules in rule_sets)
        self._models = _compile((name, rules.models) for name, rules in rule_sets)
        self.has_tools = bool(self._tools)
        self.has_mcp = bool(self._mcp)
        self.has_urls = bool(self._urls)
        self.has_models = bool(self._models)

    def check_tools(self, declared: Any, functions: Any) -> None:
        """Judges what the body has under `tools` and `functions`; raises `tool_not_allowed`."""
        for path, value in tools.values(declared, functions):
            _judge(self._tools, "tools", "tool_not_allowed", "The tool", path, value)

    def check_mcp(self, mcp_servers: Any, declared: Any) -> None:
        """Judges what the body has under `mcp_servers` and `tools`; raises `tool_not_allowed`."""
        for path, value in mcp.values(mcp_servers, declared):
            _judge(self._mcp, "mcp", "tool_not_allowed", "The MCP server", path, value)

    def check_urls(self, urls: Iterable[tuple[int, str]], path_at: Callable[[int], str]) -> None:
        """Judges (offset, URL) pairs; raises `url_not_allowed`, with the JSON path that `path_at` finds."""
        for offset, value in urls:
            for rule in self._urls:
                verdict = rule.refuses(value)
                if verdict is not None:
                    raise _refusal(verdict, "urls", "url_not_allowed", "The URL", value, path_at(offset))

    def check_models(self, provider: str, model: str) -> None:
        """Judges a resolved model in both its spellings; raises `model_not_allowed`."""
        _judge(self._models, "models", "model_not_allowed", "The model", "model", model, f"{provider}/{model}")


def _compile(rules: Iterable[tuple[str, Rule | None]]) -> tuple[CompiledRule, ...]:
    return tuple(CompiledRule(name, rule.deny, rule.allow) for name, rule in rules if rule is not None)


def _judge(rules: Sequence[CompiledRule], dimension: str, type_: str, noun: str, path: str, *spellings: str) -> None:
    for rule in rules:
        verdict = rule.refuses(*spellings)
        if verdict is not None:
            raise _refusal(verdict, dimension, type_, noun, spellings[0], path)


def _refusal(verdict: Verdict, dimension: str, type_: str, noun: str, value: str, path: str) -> GatewayError:
    shown = value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"
    why = f"denies it by {verdict.pattern}" if verdict.pattern is not None else "has no match for it in its allow list"
    message = f"{noun} {shown!r} is not allowed: policy rule {verdict.rule_set}.{dimension} {why}."
    return GatewayError(type_, message, param=path)
