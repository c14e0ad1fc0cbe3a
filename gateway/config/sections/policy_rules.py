"""Named sets of rules on tools, MCP servers, URLs and models."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Final

from pydantic import Field

from gateway.config.sections.access import ALLOWED, DENIED, RESTRICTION
from gateway.config.sections.base import Mode, Section, Shareable
from gateway.config.sections.marks import PATTERN_ITSELF, UNORDERED

Pattern = Annotated[
    str, Field(min_length=1, max_length=4096, description="An RE2 regular expression, searched anywhere in the value.")
]


class Rule(Section):
    """`deny` is asked first; then, when `allow` is given, a value must match one of its patterns."""

    example: ClassVar[str] = r"policy_rules: {docs-only: {mcp: {allow: ['^docs$', '^https://mcp\.example\.com/']}}}"

    deny: Annotated[list[Pattern], UNORDERED, DENIED, PATTERN_ITSELF] = Field(
        [], description="A value that matches any of these RE2 patterns is refused."
    )
    allow: Annotated[list[Pattern] | None, UNORDERED, ALLOWED] = Field(
        None, description="When given, a value has to match one of these RE2 patterns; an empty list allows nothing."
    )
    mode: Mode = Field(
        "enforce",
        description="`warn` refuses nothing: what this rule would have refused is counted, logged and told in "
        "`X-LangWatch-Warnings`.",
    )


DIMENSIONS: Final = ("tools", "mcp", "urls", "models")
"""What there may be rules on."""


class PolicyRules(Section):
    """Rules by dimension. A dimension that is left out is not judged."""

    example: ClassVar[str] = """
        virtual_keys:
          ci:
            policy_rules: [{models: {deny: ['-preview$']}}]
            secret_hash: hmac-sha256:0000000000000000000000000000000000000000000000000000000000000000
    """

    tools: Annotated[Rule | None, RESTRICTION] = Field(
        None, description="Names of the tools and functions that a request declares, and types of hosted tools."
    )
    mcp: Annotated[Rule | None, RESTRICTION] = Field(
        None, description="Names and URLs of the MCP servers that a request declares."
    )
    urls: Annotated[Rule | None, RESTRICTION] = Field(
        None, description="Every http(s) URL in any string of the request body."
    )
    models: Annotated[Rule | None, RESTRICTION] = Field(
        None, description="The resolved model, in both spellings: `gpt-5-mini` and `openai/gpt-5-mini`."
    )

    @property
    def enforced(self) -> "PolicyRules":
        """The rules that refuse."""
        warning = [dimension for dimension, _ in self.warning()]
        return self.model_copy(update=dict.fromkeys(warning)) if warning else self

    def warning(self) -> "Iterator[tuple[str, PolicyRules]]":
        """Each rule that only warns, by its dimension, as a set of its own that refuses."""
        for dimension in DIMENSIONS:
            rule: Rule | None = getattr(self, dimension)
            if rule is not None and rule.mode == "warn":
                yield dimension, PolicyRules().model_copy(update={dimension: rule})


class NamedPolicyRules(PolicyRules, Shareable):
    """A set under a name, which any number of keys refer to."""

    example: ClassVar[str] = r"""
        policy_rules:
          no-shell: {tools: {deny: ['^(Bash|shell|local_shell)']}}
          no-metadata: {urls: {deny: ['^https?://169\.254\.']}}
          few-servers: {mcp: {allow: ['^docs$'], mode: warn}}
    """
