"""`gateway smoke`: does a gateway really serve? A real call, with a key for minutes or one that is at hand."""

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gateway import clock, ids
from gateway.cli.database import failed
from gateway.cli.groups import Commands
from gateway.cli.options import ControlPlaneUrl, Database, Token
from gateway.cli.output import say
from gateway.cli.target import RefusedError, Target, target
from gateway.keys.virtual_key import environment_of

if TYPE_CHECKING:
    import httpx

app: Final = Commands()

EPILOG = (
    "Example: gateway smoke --url https://gateway.example.com --model gpt-5-mini --control-plane https://...\n\n"
    "Example without a control plane: gateway smoke --url http://127.0.0.1:5563 --model fast --key - < secret.txt\n\n"
    "Exit codes: 0 everything was as it should be, 1 something was not. The call costs what its few tokens cost."
)

_KEY_LASTS: Final = timedelta(minutes=10)
_LOOK_EVERY_S: Final = 0.2


@app.command("smoke", epilog=EPILOG)
def smoke(
    url: Annotated[str, typer.Option(help="The gateway's URL.")],
    model: Annotated[str, typer.Option(help="The model to ask for.")],
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
    key: Annotated[
        str | None,
        typer.Option(
            help="`-` reads the secret of a virtual key from standard input, and no key is made: for a gateway that "
            "follows no control plane."
        ),
    ] = None,
    environment: Annotated[str, typer.Option(help="live or test: the environment of the key.")] = "test",
    patience: Annotated[float, typer.Option(help="Seconds within which changes have to be in force.", min=1)] = 15,
) -> None:
    """Make a short-lived key, call with it, check answer, headers and trace, and see it refused once it is revoked.

    With --key, call with that key; it is left as it is.
    """
    if key is not None:
        if control_plane is not None or database is not None:
            raise failed("a key is at hand or made in a control plane: give --key, or --control-plane or --database")
        _smoke(url, _secret(key), lambda gateway: _check_call(gateway, model, 0))
        say("The gateway serves: answer, usage and trace are as they should be.", "green")
        return
    name = f"smoke-{ids.ulid().lower()}"
    ends = clock.utc_now().replace(microsecond=0) + _KEY_LASTS
    spec = {"environment": environment, "expires_at": ends.isoformat().replace("+00:00", "Z")}
    with target(control_plane, database, token) as home:
        secret = home.mint(name, spec)["secret"]
        try:
            _smoke(url, secret, lambda gateway: _check(home, gateway, name, model, patience))
        finally:
            _clean_up(home, name)
    say("The gateway serves: answer, usage, trace and revocation are as they should be.", "green")


def _secret(key: str) -> str:
    """Never an argument, which `ps` shows to everybody on the machine."""
    if key != "-":
        raise failed("--key takes `-` only: the secret is read from standard input, where nobody sees it")
    secret = sys.stdin.readline().strip()
    if environment_of(secret) is None:
        raise failed("standard input has no virtual key: lw_vk_{live|test}_ and 26 characters")
    return secret


def _smoke(url: str, secret: str, check: Callable[["httpx.Client"], object]) -> None:
    import httpx  # noqa: PLC0415 - `gateway version` should not wait for it

    try:
        with httpx.Client(base_url=url, timeout=60, headers={"Authorization": f"Bearer {secret}"}) as gateway:
            check(gateway)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise failed(f"{url} does not answer: {type(error).__name__}") from None


def _check(home: Target, gateway: "httpx.Client", name: str, model: str, patience: float) -> None:
    ask, known_after = _check_call(gateway, model, patience)
    say(f"the new key was in force after {known_after:.1f} s")
    home.verb(name, "revoke")
    began = time.monotonic()
    refused = _until(ask, lambda one: one.status_code == 403, patience)  # noqa: PLR2004 - revoked
    _expect(refused.status_code == 403, f"the revoked key still works after {patience:g} s")  # noqa: PLR2004 - revoked
    say(f"revoked key refused after {time.monotonic() - began:.1f} s")


def _check_call(gateway: "httpx.Client", model: str, patience: float) -> tuple[Callable[[], "httpx.Response"], float]:
    """Makes the call; how to make it again, and the seconds until the key was known."""
    trace = ids.trace_id()
    headers = {"traceparent": f"00-{trace}-{ids.span_id()}-01"}
    body = {"model": model, "messages": [{"role": "user", "content": "Say: ok"}], "max_tokens": 16}

    def ask() -> "httpx.Response":
        return gateway.post("/v1/chat/completions", json=body, headers=headers)

    began = time.monotonic()
    answer = _until(ask, lambda one: one.status_code != 401, patience)  # noqa: PLR2004 - not known yet
    known_after = time.monotonic() - began
    if answer.status_code != 200:  # noqa: PLR2004 - the only good one
        raise failed(f"the call was answered {answer.status_code}: {_message(answer)}")
    _expect(bool(answer.headers.get("x-langwatch-request-id", "").startswith("grq_")), "the answer has no request id")
    _expect(answer.headers.get("x-langwatch-trace-id") == trace, "the trace id that was sent did not come back")
    _expect(bool((answer.json().get("usage") or {}).get("total_tokens")), "the answer reports no usage")
    say(f"answered by {answer.headers.get('x-langwatch-provider')}")
    return ask, known_after


def _until(ask: Any, is_good: Any, patience: float) -> Any:
    deadline = time.monotonic() + patience
    while True:
        answer = ask()
        if is_good(answer) or time.monotonic() > deadline:
            return answer
        time.sleep(_LOOK_EVERY_S)


def _expect(fact: bool, problem: str) -> None:
    if not fact:
        raise failed(problem)


def _message(answer: "httpx.Response") -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return "without saying why"


def _clean_up(home: Target, name: str) -> None:
    try:
        home.delete("virtual_keys", name)
    except RefusedError as error:
        say(f"warning: the key {name} is left behind, and ends within minutes: {error}", "yellow")
