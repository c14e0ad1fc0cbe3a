"""`gateway init`: a first gateway.yaml from the provider keys in the environment, with a key to use it."""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway import clock, private_files
from gateway.cli.database import failed
from gateway.cli.groups import Commands
from gateway.cli.output import results, say
from gateway.cli.process_settings import read_pepper
from gateway.keys.digest import DEVELOPMENT_PEPPER, Pepper, format_hash
from gateway.keys.mint import mint as mint_secret

if TYPE_CHECKING:
    from gateway.importers.environment import Found

app: Final = Commands()

_CALL: Final = """curl -s http://127.0.0.1:5563/v1/chat/completions -H "Authorization: Bearer $VK" \\
    -H "Content-Type: application/json" -d '{{"model":"{model}","messages":[{{"role":"user","content":"hello"}}]}}'"""


@app.command("init", epilog="Example: VK=$(gateway init --yes)")
def init(
    file: Annotated[Path, typer.Argument(help="The file to write.")] = Path("gateway.yaml"),
    provider: Annotated[
        list[str] | None,
        typer.Option("--provider", help="Only this provider of those that are found, or `simulator`; again for more."),
    ] = None,
    key: Annotated[str, typer.Option("--key", help="The name of the virtual key.")] = "first",
    organization: Annotated[str | None, typer.Option(help="The organization that requests are attributed to.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take all that is found, and ask nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a first gateway.yaml for the provider keys that the environment has, and make a virtual key.

    The file refers to the variables and holds no secret. Without any key it has the simulator, which needs none. The
    virtual key goes to standard output, once; all else is said on standard error.
    """
    from gateway.importers.environment import (  # noqa: PLC0415 - `gateway version` should not wait for it
        SIMULATOR,
        find_providers,
        first_file,
    )

    if file.exists() and not force:
        raise failed(f"{file} is there already; --force replaces it")
    found, passed = find_providers(os.environ)
    for one in passed:
        say(f"note: {', '.join(one.variables)} is not used: {one.why}", "yellow")
    chosen = _chosen([*found, SIMULATOR], provider) if provider else _asked(found, ask=not yes and sys.stdin.isatty())
    if not chosen:
        say("No provider's key is used, so the simulator answers.")
    chosen = chosen or [SIMULATOR]
    pepper = read_pepper()
    environment = "test" if pepper is None else "live"
    secret = mint_secret(environment).reveal()
    hashed = (pepper or Pepper(DEVELOPMENT_PEPPER)).digest(secret)
    text = first_file(chosen, key, format_hash(hashed), environment, organization)
    _check(text)
    _write(file, text, force=force)
    say(f"{file} is written, with {', '.join(one.name for one in chosen)}.", "green")
    if pepper is None:
        say(
            "The key is for this machine: GATEWAY_KEY_PEPPER is not set, so it is hashed under the public one.",
            "yellow",
        )
    say("This is the only time that the key is shown. Put it into VK, then:")
    results.out(secret)
    model = next((one.model for one in chosen if one.model), f"{chosen[0].name}/MODEL")
    say(f"\n  gateway serve --config {file}\n  {_CALL.format(model=model)}")


def _chosen(found: "list[Found]", names: list[str]) -> "list[Found]":
    by_name = {one.name: one for one in found}
    missing = [name for name in names if name not in by_name]
    if missing:
        raise failed(f"there is no key for {missing[0]} in the environment; there is one for: {', '.join(by_name)}")
    return [by_name[name] for name in dict.fromkeys(names)]


def _asked(found: "list[Found]", *, ask: bool) -> "list[Found]":
    """Those that somebody wants of what was found; all, where nobody is to be asked."""
    for one in found:
        say(f"Found {one.name}: {', '.join(one.variables)}")
    if not ask:
        return found
    return [one for one in found if typer.confirm(f"Use {one.name}?", default=True, err=True)]


def _check(text: str) -> None:
    """Says what would be wrong with the file, before anything is written."""
    from gateway.config.load import load  # noqa: PLC0415 - see above

    with TemporaryDirectory() as folder:
        written = Path(folder) / "gateway.yaml"
        written.write_text(text, encoding="utf-8")
        problems = [one for one in load([written], environ=os.environ, now=clock.utc_now()).diagnostics if one.is_error]
    if problems:
        raise failed(f"the file would not be valid: {problems[0].message}")


def _write(file: Path, text: str, *, force: bool) -> None:
    try:
        if force:
            private_files.replace(file, text.encode())
        else:
            private_files.write_new(file, text.encode())
    except OSError as error:
        raise failed(f"{file} cannot be written: {error.strerror}") from None
