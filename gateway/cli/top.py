"""`gateway top`: what a running gateway does now, live in the terminal."""

import time
from typing import Annotated, Final

import typer

from gateway.cli.groups import Commands
from gateway.cli.output import results, say

app: Final = Commands()

EPILOG = (
    "Example: gateway top --url http://127.0.0.1:5563\n\n"
    "It reads /metrics, so it shows all workers of one gateway. Ctrl-C ends it. Into a file or a pipe it prints one "
    "screen, as with --once.\n\n"
    "Exit codes: 0 done, 1 the gateway does not answer."
)


@app.command("top", epilog=EPILOG)
def top(
    url: Annotated[str, typer.Option(help="Where the gateway listens.")] = "http://127.0.0.1:5563",
    metrics_token: Annotated[
        str,
        typer.Option(
            envvar="GATEWAY_METRICS_TOKEN", help="Shows budgets and money too. Better: GATEWAY_METRICS_TOKEN."
        ),
    ] = "",
    interval: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.2, max=60)] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Print one screen, of one interval, and end.")] = False,
) -> None:
    """Show traffic, latencies, spend, providers and budgets of a running gateway, live."""
    import httpx  # noqa: PLC0415 - `gateway version` should not wait for what only this command needs
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from gateway.cli.tables import print_table  # noqa: PLC0415
    from gateway.cli.top_figures import Samples, figures, read_samples  # noqa: PLC0415
    from gateway.cli.top_view import view  # noqa: PLC0415

    headers = {"authorization": f"Bearer {metrics_token}"} if metrics_token else {}
    with httpx.Client(timeout=5, headers=headers) as client:

        def look() -> tuple[float, Samples]:
            answer = client.get(f"{url.rstrip('/')}/metrics")
            answer.raise_for_status()
            return time.monotonic(), read_samples(answer.text)

        try:
            began, before = look()
            if once or not results.is_terminal:
                time.sleep(interval)
                ended, now = look()
                print_table(view(figures(before, now, ended - began), url))
                return
            with Live(console=results, auto_refresh=False, screen=True) as live:
                while True:
                    time.sleep(interval)
                    try:
                        ended, now = look()
                    except httpx.TransportError as error:
                        # A gateway that restarts comes back; who looks on should not have to start again.
                        live.update(Text(f"{url} does not answer: {type(error).__name__}", "bold red"), refresh=True)
                        continue
                    live.update(view(figures(before, now, ended - began), url), refresh=True)
                    began, before = ended, now
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            say(f"error: {url} does not answer as a gateway: {type(error).__name__}", "red")
            raise typer.Exit(1) from None
