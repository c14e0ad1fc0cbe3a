"""`gateway smoke`: does a gateway that follows a control plane really serve? A real call with a key for minutes."""

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gateway import clock, ids
from gateway.cli.database import failed
from gateway.cli.output import say
from gateway.cli.target import ControlPlaneUrl, Database, RefusedError, Target, Token, target

if TYPE_CHECKING:
    import httpx

EPILOG = (
    "Example: gateway smoke --url https://gateway.example.com --model gpt-5-mini --control-plane https://...\n\n"
    "Exit codes: 0 everything was as it should be, 1 something was not. The call costs what its few tokens cost."
)

_KEY_LASTS: Final = timedelta(minutes=10)
_LOOK_EVERY_S: Final = 0.2


def smoke(
    url: Annotated[str, typer.Option(help="The gateway's URL.")],
    model: Annotated[str, typer.Option(help="The model to ask for.")],
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
    environment: Annotated[str, typer.Option(help="live or test: the environment of the key.")] = "test",
    patience: Annotated[float, typer.Option(help="Seconds within which changes have to be in force.", min=1)] = 15,
) -> None:
    """Make a short-lived key, call with it, check answer, headers and trace, and see it refused once it is revoked."""
    import httpx  # noqa: PLC0415 - `gateway version` should not wait for it

    name = f"smoke-{ids.ulid().lower()}"
    ends = clock.utc_now().replace(microsecond=0) + _KEY_LASTS
    spec = {"environment": environment, "expires_at": ends.isoformat().replace("+00:00", "Z")}
    with target(control_plane, database, token) as home:
        secret = home.mint(name, spec, "smoke")["secret"]
        try:
            with httpx.Client(base_url=url, timeout=60, headers={"Authorization": f"Bearer {secret}"}) as gateway:
                _check(home, gateway, name, model, patience)
        except httpx.HTTPError as error:
            raise failed(f"{url} does not answer: {type(error).__name__}") from None
        finally:
            _clean_up(home, name)
    say("The gateway serves: answer, usage, trace and revocation are as they should be.", "green")


def _check(home: Target, gateway: "httpx.Client", name: str, model: str, patience: float) -> None:
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
    say(f"new key in force after {known_after:.1f} s; answered by {answer.headers.get('x-langwatch-provider')}")
    home.verb(name, "revoke")
    began = time.monotonic()
    refused = _until(ask, lambda one: one.status_code == 403, patience)  # noqa: PLR2004 - revoked
    _expect(refused.status_code == 403, f"the revoked key still works after {patience:g} s")  # noqa: PLR2004 - revoked
    say(f"revoked key refused after {time.monotonic() - began:.1f} s")


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
