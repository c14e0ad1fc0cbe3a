"""`gateway ready`: is a running gateway ready? For probes of containers and for people."""

import json
from typing import Annotated, Final

import typer

from gateway.cli.groups import Commands
from gateway.cli.output import Format, results, say

app: Final = Commands()

EPILOG = (
    "Example: gateway ready --url http://127.0.0.1:5563\n\n"
    "Exit codes: 0 ready (a refused newer configuration is told, but the old one serves), 1 not ready or not there."
)


@app.command("ready", epilog=EPILOG)
def ready(
    url: Annotated[str, typer.Option(help="Where the gateway listens.")] = "http://127.0.0.1:5563",
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the answer.")] = 5,
    output: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.TEXT,
) -> None:
    """Ask a running gateway whether it is ready, and which revision it serves."""
    import httpx  # noqa: PLC0415 - `gateway version` should not wait for what only this command needs

    try:
        answer = httpx.get(f"{url.rstrip('/')}/readyz", timeout=timeout)
        told = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, json.JSONDecodeError) as error:
        say(f"error: {url} does not answer as a gateway: {type(error).__name__}", "red")
        raise typer.Exit(1) from None
    if output is Format.JSON:
        results.out(json.dumps(told))
    else:
        results.out(f"{told.get('status')}: revision {told.get('revision')}, configuration {told.get('config')}")
        for diagnostic in told.get("diagnostics", ()):
            say(diagnostic)
    raise typer.Exit(0 if answer.is_success else 1)
