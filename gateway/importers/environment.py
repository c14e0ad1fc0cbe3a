"""The providers that an environment has keys for, and a first `gateway.yaml` that refers to them.

The variables are those that the providers' SDKs read, and for compatible servers those that LiteLLM does.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec

from gateway.importers.draft import provider_name, variable_name
from gateway.importers.peers import COMPATIBLE, NATIVE, variable_of

_PORT: Final = 5563
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class Found(msgspec.Struct, frozen=True):
    """A provider: its name, its members as YAML has them, the variables that it was found by, and a model to try."""

    name: str
    members: Mapping[str, str]
    variables: tuple[str, ...]
    model: str = ""


class Passed(msgspec.Struct, frozen=True):
    """Variables of a provider that cannot be used as they are, and why."""

    variables: tuple[str, ...]
    why: str


SIMULATOR: Final = Found("simulator", {"type": "simulator"}, (), "gpt-5-mini")
"""What answers where there is no key."""

Environment = Mapping[str, str]


def _set(environ: Environment, *names: str) -> str:
    """The first of some variables that is set to something."""
    return next((name for name in names if environ.get(name, "").strip()), "")


def _reference(variable: str) -> str:
    return f"${{env:{variable}}}"


def _with_key(
    name: str, model: str, keys: Sequence[str], bases: Sequence[str], more: Mapping[str, Sequence[str]]
) -> Callable[[Environment], Found | Passed | None]:
    """Finds a provider that has a key, perhaps an address, and members that have a variable each."""

    def find(environ: Environment) -> Found | Passed | None:
        key, base = _set(environ, *keys), _set(environ, *bases)
        if not key:
            return None
        members = {"type": name, "api_key": _reference(key)}
        if base and _is_gateway(environ[base]):
            return Passed((key, base), f"{base} leads to this gateway: unset it, so that {name} is asked itself")
        if base:
            members["base_url"] = _reference(base)
        used = [key, *([base] if base else [])]
        for member, variables in more.items():
            if variable := _set(environ, *variables):
                members[member] = _reference(variable)
                used.append(variable)
        return Found(name, members, tuple(used), model)

    return find


def _is_gateway(address: str) -> bool:
    """Whether an address is that of a gateway here: what leads to itself answers nothing."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    return parts.hostname in _LOOPBACK and port == _PORT


def _azure(environ: Environment) -> Found | Passed | None:
    endpoint, key = _set(environ, "AZURE_OPENAI_ENDPOINT"), _set(environ, "AZURE_OPENAI_API_KEY")
    if not endpoint:
        return Passed((key,), "set AZURE_OPENAI_ENDPOINT to the resource's address") if key else None
    members = {"type": "azure", "base_url": _reference(endpoint)}
    # Without a key Azure's default chain finds who calls.
    members["api_key" if key else "entra"] = _reference(key) if key else "{}"
    version = _set(environ, "AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION")
    if version:
        members["api_version"] = _reference(version)
    return Found("azure", members, tuple(filter(None, (endpoint, key, version))))


def _bedrock(environ: Environment) -> Found | Passed | None:
    bearer = _set(environ, "AWS_BEARER_TOKEN_BEDROCK")
    who = bearer or _set(environ, "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE")
    region = _set(environ, "AWS_REGION", "AWS_DEFAULT_REGION")
    if not who:
        return None
    if not region:
        return Passed((who,), "set AWS_REGION to the region of Bedrock")
    members = {"type": "bedrock", "region": _reference(region)}
    if bearer:
        members["api_key"] = _reference(bearer)
    return Found("bedrock", members, (who, region))


def _vertex(environ: Environment) -> Found | Passed | None:
    account = _set(environ, "GOOGLE_APPLICATION_CREDENTIALS")
    project = _set(environ, "VERTEXAI_PROJECT", "GOOGLE_CLOUD_PROJECT", "ANTHROPIC_VERTEX_PROJECT_ID")
    location = _set(environ, "VERTEXAI_LOCATION", "GOOGLE_CLOUD_LOCATION", "CLOUD_ML_REGION")
    if not project:
        return Passed((account,), "set GOOGLE_CLOUD_PROJECT to the project of Vertex AI") if account else None
    if not account and not location:
        return None
    members = {"type": "vertex", "project": _reference(project)}
    members["location"] = _reference(location) if location else "global"
    return Found("vertex", members, tuple(filter(None, (account, project, location))), "gemini-2.5-flash")


_FINDERS: Final = (
    _with_key(
        "openai",
        "gpt-5-mini",
        ("OPENAI_API_KEY",),
        ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
        {"organization": ("OPENAI_ORG_ID", "OPENAI_ORGANIZATION"), "project": ("OPENAI_PROJECT_ID",)},
    ),
    _with_key("anthropic", "claude-haiku-4-5", ("ANTHROPIC_API_KEY",), ("ANTHROPIC_BASE_URL",), {}),
    # Google's SDK takes GOOGLE_API_KEY where both are set.
    _with_key("gemini", "gemini-2.5-flash", ("GOOGLE_API_KEY", "GEMINI_API_KEY"), ("GOOGLE_GEMINI_BASE_URL",), {}),
    _azure,
    _bedrock,
    _vertex,
)


def _compatible(environ: Environment) -> list[Found | Passed]:
    """Servers that speak OpenAI's API, each variable once."""
    found: list[Found | Passed] = []
    seen: set[str] = set()
    for name, address in COMPATIBLE.items():
        key = variable_name(variable_of(name))
        if name in NATIVE or key in seen or not _set(environ, key):
            continue
        seen.add(key)
        stem = variable_name(name)
        base = _set(environ, f"{stem}_BASE_URL", f"{stem}_API_BASE")
        if not base and address is None:
            found.append(Passed((key,), f"set {stem}_BASE_URL to the server's address"))
            continue
        members = {"type": "custom", "base_url": _reference(base) if base else str(address), "api_key": _reference(key)}
        found.append(Found(provider_name(name.replace("_", "-")), members, (key, *([base] if base else []))))
    return found


def find_providers(environ: Environment) -> tuple[list[Found], list[Passed]]:
    """What the environment has keys for, and what it nearly has."""
    every = [*(one(environ) for one in _FINDERS), *_compatible(environ)]
    return [one for one in every if isinstance(one, Found)], [one for one in every if isinstance(one, Passed)]


def first_file(
    providers: Sequence[Found], key: str, secret_hash: str, environment: str, organization: str | None
) -> str:
    """A `gateway.yaml` with these providers and one key; what else there could be stands in comments."""
    first = providers[0]
    whose = json.dumps(organization or "my-organization")
    lines = [
        "# Which providers there are, and who may use them. A saved change is in force within a second.",
        "# `gateway validate` checks this file; docs/configuration.md has every field.",
        "version: 1",
        f"organization: {whose}" if organization else f"# organization: {whose}",
        "",
        "# Keys of providers stay in the environment of the gateway; this file can go to git.",
        "providers:",
    ]
    for one in providers:
        lines.append(f"  {one.name}:")
        lines += [f"    {member}: {_scalar(value)}" for member, value in one.members.items()]
    target = f"{first.name}/{first.model or 'MODEL'}"
    lines += [
        "",
        "# Names that clients may send in place of a model's own:",
        "# model_aliases:",
        f"#   fast: {json.dumps(target)}",
        "",
        "# Each application or person gets a key; `gateway keys mint NAME --write FILE` makes another.",
        "virtual_keys:",
        f"  {json.dumps(key)}:",
        f"    environment: {environment}",
        f"    secret_hash: {secret_hash}",
        '    # models_allowed: ["gpt-5*", "claude-*", "gemini-*"]',
        "    # rate_limits: {rpm: 60, concurrency: 8}",
        "",
        "# What may be spent; beyond it requests are refused:",
        "# budgets:",
        "#   everybody-monthly:",
        f"#     scope: {{organization: {whose}}}",
        "#     window: month",
        "#     limit_usd: 100",
        "",
    ]
    return "\n".join(lines)


def _scalar(value: str) -> str:
    return json.dumps(value) if value.startswith("$") else value
