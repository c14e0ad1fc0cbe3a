"""All rules of one key, compiled: asked by the pipeline, silent or raising."""

from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from typing import Protocol

from gateway.errors import Denial, GatewayError
from gateway.policy.rule_set import CompiledRule, Verdict
from gateway.shapes.declares import OF_MCP, OF_TOOLS, Body, Declared, Says, declared
from gateway.shapes.shape import Shape
from gateway.turns import paced
from gateway.wire.request_body import Glance
from gateway.wire.url_reading import read
from gateway.wire.url_sieve import UrlSieve, sieve_for

_SHOWN = 64
_REMEMBERED = 1024
_DIMENSIONS = ("tools", "mcp", "urls", "models")


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
    """The rules of a key by dimension; `has_...` says whether there is anything to look for, `names` what they are."""

    __slots__ = (
        "_mcp",
        "_models",
        "_passed",
        "_passed_plain",
        "_tools",
        "_urls",
        "_wanted",
        "has_declarations",
        "has_models",
        "has_urls",
        "names",
        "passed_urls",
        "url_sieve",
    )

    def __init__(self, rule_sets: Sequence[tuple[str, RuleSet]]) -> None:
        self._tools = _compile((name, rules.tools) for name, rules in rule_sets)
        self._mcp = _compile((name, rules.mcp) for name, rules in rule_sets)
        self._urls = _compile((name, rules.urls) for name, rules in rule_sets)
        self._models = _compile((name, rules.models) for name, rules in rule_sets)
        self._wanted = (OF_TOOLS if self._tools else frozenset()) | (OF_MCP if self._mcp else frozenset())
        self._passed: set[Hashable] = set()
        self._passed_plain: set[Glance] = set()
        self.url_sieve = _sieve([rules.urls for _, rules in rule_sets if rules.urls is not None])
        # PERF: conversations are sent again and again, with one turn more.
        self.passed_urls: set[bytes] = set()
        self.names = frozenset(
            f"{name}.{dimension}"
            for name, rules in rule_sets
            for dimension in _DIMENSIONS
            if getattr(rules, dimension) is not None
        )
        self.has_declarations = bool(self._tools or self._mcp)
        self.has_urls = bool(self._urls)
        self.has_models = bool(self._models)

    def check_what_was_seen(self, shape: Shape, body: Body, seen: Glance) -> None:
        """The same as `check_declarations` of a body that was looked at.

        PERF: a plain body declares nothing but what lasts, of which there is one glance.
        """
        if seen in self._passed_plain:
            return
        self.check_declarations(shape, body)
        if seen.is_plain:
            if len(self._passed_plain) >= _REMEMBERED:
                self._passed_plain.clear()
            self._passed_plain.add(seen)

    def check_declarations(self, shape: Shape, body: Body) -> None:
        """Judges the tools and MCP servers that a body of an API declares, wherever the API lets it.

        Raises `tool_not_allowed`; `bad_request` and `unsupported_parameter` for what cannot be judged.

        PERF: applications declare the same tools in every request, so what passed once is known by its fingerprint.
        """
        table = shape.declares
        fingerprint = body.fingerprint(table.lasting)
        if fingerprint is None or (shape.name, fingerprint) not in self._passed:
            for one in paced(declared(table, body, self._wanted, bulk=False)):
                self._check(one)
            if len(self._passed) >= _REMEMBERED:
                self._passed.clear()
            if fingerprint is not None:
                self._passed.add((shape.name, fingerprint))
        if table.conversation_tells(body):
            for one in paced(declared(table, body, self._wanted, bulk=True)):
                self._check(one)

    def _check(self, one: Declared) -> None:
        if one.says is Says.TOOL:
            _judge(self._tools, "tools", "tool_not_allowed", "The tool", one.path, one.value)
        elif one.says is Says.LISTED_TOOL:
            _deny(self._tools, "tools", "tool_not_allowed", "The tool", one.path, one.value)
        else:
            spellings = read(one.value).spellings if "://" in one.value else (one.value,)
            _judge(self._mcp, "mcp", "tool_not_allowed", "The MCP server", one.path, *spellings)

    def check_urls(
        self, urls: Iterable[tuple[int, str, bool] | None], path_at: Callable[[int], Generator[None, None, str]]
    ) -> Generator[None, None, None]:
        """Judges (offset, URL, whether it is certain); raises `url_not_allowed`, with the path that `path_at` finds.

        Allow lists are asked only about what is certain to be a URL: they would refuse all that looks like one, too.
        The work is done in short steps, with a `yield` between them.
        """
        passed: set[tuple[str, bool]] = set()
        for found in urls:
            yield
            if found is None or found[1:] in passed:
                continue
            offset, url, certain = found
            if len(passed) >= _REMEMBERED:
                passed.clear()
            passed.add((url, certain))
            reading = read(url)
            if certain and reading.is_data:
                continue
            for rule in self._urls:
                verdict = rule.denies(*reading.spellings)
                if verdict is None and certain:
                    verdict = rule.refuses(*reading.leads)
                if verdict is not None:
                    path = yield from path_at(offset)
                    raise _refusal(verdict, "urls", "url_not_allowed", "The URL", url, path)

    def check_models(self, provider: str, model: str, path: str = "model") -> None:
        """Judges a model in both its spellings, named at a path of the body; raises `model_not_allowed`."""
        _judge(self._models, "models", "model_not_allowed", "The model", path, model, f"{provider}/{model}")


def _sieve(rules: Sequence[Rule]) -> UrlSieve | None:
    """What tells at one go that no URL is denied; an allow list has to be asked about each of them."""
    if not rules or any(rule.allow is not None for rule in rules):
        return None
    return sieve_for(pattern for rule in rules for pattern in rule.deny)


def _compile(rules: Iterable[tuple[str, Rule | None]]) -> tuple[CompiledRule, ...]:
    return tuple(CompiledRule(name, rule.deny, rule.allow) for name, rule in rules if rule is not None)


def _judge(rules: Sequence[CompiledRule], dimension: str, type_: str, noun: str, path: str, *spellings: str) -> None:
    for rule in rules:
        verdict = rule.refuses(*spellings)
        if verdict is not None:
            raise _refusal(verdict, dimension, type_, noun, spellings[0], path)


def _deny(rules: Sequence[CompiledRule], dimension: str, type_: str, noun: str, path: str, value: str) -> None:
    for rule in rules:
        verdict = rule.denies(value)
        if verdict is not None:
            raise _refusal(verdict, dimension, type_, noun, value, path)


def _refusal(verdict: Verdict, dimension: str, type_: str, noun: str, value: str, path: str) -> GatewayError:
    shown = value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"
    why = f"denies it by {verdict.pattern}" if verdict.pattern is not None else "has no match for it in its allow list"
    message = f"{noun} {shown!r} is not allowed: policy rule {verdict.rule_set}.{dimension} {why}."
    return GatewayError(type_, message, param=path, denial=Denial("policy", dimension, verdict.rule_set))
