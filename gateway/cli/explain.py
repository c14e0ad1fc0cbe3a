"""`gateway explain`: which way would a request go?"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from gateway.cli.groups import Commands
from gateway.cli.options import ConfigPaths, FileRoots, PatchPaths, paths_of
from gateway.cli.output import Format, print_json, results, say
from gateway.cli.snapshot import offline_snapshot
from gateway.visible import visible_data

if TYPE_CHECKING:
    from gateway.pipeline.explain import Explanation
    from gateway.shapes.endpoints import Endpoint

_MESSAGES: Final = [{"role": "user", "content": "Say: ok"}]
_CONTENT: Final = {"parts": [{"text": "Say: ok"}]}
SHORT_REQUESTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "chat_completions": {"messages": _MESSAGES},
    "completions": {"prompt": "Say: ok"},
    "embeddings": {"input": "ok"},
    "responses": {"input": "Say: ok"},
    "responses_compact": {"input": "Say: ok"},
    "responses_input_tokens": {"input": "Say: ok"},
    "moderations": {"input": "ok"},
    "images_generations": {"prompt": "A dot"},
    "audio_speech": {"input": "ok", "voice": "alloy"},
    "images_edits": {"prompt": "A dot", "images": [{"image_url": "data:image/png;base64,iVBORw0KGgo="}]},
    "images_variations": {},
    "audio_transcriptions": {},
    "audio_translations": {},
    "rerank": {"query": "ok", "documents": ["ok"]},
    "messages": {"max_tokens": 16, "messages": _MESSAGES},
    "messages_count_tokens": {"messages": _MESSAGES},
    "generate_content": {"contents": [_CONTENT]},
    "google_count_tokens": {"contents": [_CONTENT]},
    "embed_content": {"content": _CONTENT},
    "batch_embed_contents": {"requests": [{"content": _CONTENT}]},
}
"""By the name of an endpoint, the least that a request has beside its model."""

app: Final = Commands()

EPILOG = (
    "Example: gateway explain -c gateway.yaml --key dev-migration --model gpt-5-mini --body request.json\n\n"
    "Exit codes: 0 the request would reach a provider, 1 it would be refused, or the question cannot be answered."
)


@app.command("explain", epilog=EPILOG)
def explain(
    key: Annotated[str, typer.Option(help="The name of the virtual key.")],
    config: ConfigPaths = None,
    patch: PatchPaths = None,
    model: Annotated[str | None, typer.Option(help="The model that the request names; else the body's.")] = None,
    body: Annotated[Path | None, typer.Option(help="A file with the request's JSON body.")] = None,
    path: Annotated[str, typer.Option(help="The endpoint that is called.")] = "/v1/chat/completions",
    file_root: FileRoots = None,
    output: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.TEXT,
) -> None:
    """Print, offline, the way a request would go: resolution, candidates, translations, verdicts, limits, budgets.

    Nothing is sent and nothing is counted.
    """
    import msgspec  # noqa: PLC0415 - `gateway version` should not wait for what only this command needs

    from gateway.pipeline.explain import explain as explained  # noqa: PLC0415
    from gateway.shapes.endpoints import ENDPOINTS  # noqa: PLC0415

    endpoint = next((one for one in ENDPOINTS.values() if one.path == path), None)
    if endpoint is None:
        raise _refused(f"{path} is no endpoint; there are {', '.join(one.path for one in ENDPOINTS.values())}")
    snapshot, origins = offline_snapshot(paths_of(config, patch), file_root)
    try:
        found = explained(snapshot, key, endpoint, _body(endpoint, body, model))
    except KeyError:
        raise _refused(f"there is no virtual key named {key!r}") from None
    plain = origins.told(msgspec.to_builtins(found))
    told = msgspec.convert(plain, type(found))
    if output is Format.JSON:
        print_json(told)
    else:
        _print(msgspec.convert(visible_data(plain), type(found)))
    raise typer.Exit(0 if told.is_served else 1)


def _body(endpoint: "Endpoint", file: Path | None, model: str | None) -> bytes:
    if file is None:
        say("No --body: a short text is asked about, without tools or parameters.")
        named = {} if model is None else {"model": model}
        return json.dumps({**named, **SHORT_REQUESTS[endpoint.name]}).encode()
    try:
        written = file.read_bytes()
    except OSError as error:
        raise _refused(f"{file} cannot be read: {error.strerror}") from None
    if model is None:
        return written
    try:
        document = json.loads(written)
    except (ValueError, RecursionError):
        return written
    return json.dumps({**document, "model": model}).encode() if isinstance(document, dict) else written


def _print(told: "Explanation") -> None:
    results.print(Text(f"{told.endpoint} with the key {told.virtual_key} ({told.state})", style="bold"))
    _print_verdicts(told)
    if told.model_asked is not None and told.candidates:
        results.print(Text(f"\n{told.model_asked} is found by: {told.model_source}", style="bold"))
        for share in told.shares:
            results.print(Text(f"  {share}"))
    _print_candidates(told)
    for skipped in told.skipped:
        results.print(Text(f"  -  {skipped.target}: never asked. {skipped.reason}", style="yellow"))
    if len(told.candidates) > 1:
        fallback = told.fallback
        results.print(Text(f"     falls back on {', '.join(fallback.on)}; at most {fallback.max_attempts} attempts"))
    results.print(Text(f"\ncache mode {told.cache_mode}"))
    for limit in told.limits:
        results.print(Text(f"limit {limit}"))
    for budget in told.budgets:
        results.print(Text(f"budget {budget}"))


def _print_verdicts(told: "Explanation") -> None:
    for one in told.verdicts:
        results.print(Text(f"  {one.stage:<12}{one.verdict}", style="" if one.verdict == "passes" else "red"))
    for rule in told.warnings:
        results.print(Text(f"  {'warning':<12}{rule} only warns, and would refuse it", style="yellow"))


def _refused(problem: str) -> typer.Exit:
    say(f"error: {problem}", "red")
    return typer.Exit(1)


def _print_candidates(told: "Explanation") -> None:
    for number, candidate in enumerate(told.candidates, 1):
        line = f"  {number}. {candidate.provider}/{candidate.model} ({candidate.type}), {candidate.endpoint}"
        price = (
            f"price from {candidate.price}" if candidate.price is not None else "no price known, it counts as nothing"
        )
        results.print(Text(f"{line}, body {candidate.body or 'refused'}; {price}"))
        if len(candidate.route) > 1:
            results.print(Text(f"     by {' > '.join(candidate.route)}"))
        if candidate.params_dropped:
            results.print(Text(f"     dropped: {', '.join(candidate.params_dropped)}"))
        if candidate.refused is not None:
            results.print(Text(f"     {candidate.refused}", style="red"))
