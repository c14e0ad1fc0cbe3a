"""Named sets of rules on tools, MCP servers, URLs and models."""

from typing import Annotated

from pydantic import Field

from gateway.config.sections.base import Section, Shareable

Pattern = Annotated[
    str, Field(min_length=1, max_length=4096, description="An RE2 regular expression, searched anywhere in the value.")
]


class Rule(Section):
    """`deny` is asked first; then, when `allow` is given, a value must match one of its patterns."""

    deny: list[Pattern] = Field([], description="A value that matches any of these RE2 patterns is refused.")
    allow: list[Pattern] | None = Field(
        None, description="When given, a value has to match one of these RE2 patterns; an empty list allows nothing."
    )


class PolicyRules(Section):
    """Rules by dimension. A dimension that is left out is not judged."""

    tools: Rule | None = Field(
        None, description="Names of the tools and functions that a request declares, and types of hosted tools."
    )
    mcp: Rule | None = Field(None, description="Names and URLs of the MCP servers that a request declares.")
    urls: Rule | None = Field(None, description="Every http(s) URL in any string of the request body.")
    models: Rule | None = Field(
        None, description="The resolved model, in both spellings: `gpt-5-mini` and `openai/gpt-5-mini`."
    )


class NamedPolicyRules(PolicyRules, Shareable):
    """A set under a name, which any number of keys refer to."""
