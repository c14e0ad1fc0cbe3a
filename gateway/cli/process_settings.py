"""The settings of the process, from `GATEWAY_*` variables and the flags that win over them."""

from typing import TYPE_CHECKING, Any

import typer

from gateway.cli.output import say

if TYPE_CHECKING:
    from gateway.keys.digest import Pepper
    from gateway.settings import Settings


def read_settings(**flags: Any) -> "Settings":
    """The settings, with the flags that were given; ends the command with a clear answer where one is wrong."""
    from pydantic import ValidationError  # noqa: PLC0415 - `gateway version` should not wait for what it does not need

    from gateway.settings import Settings  # noqa: PLC0415

    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            name = "_".join(str(part) for part in one["loc"])
            given = flags.get(name) is not None
            where = f"--{name.replace('_', '-')}" if given else f"GATEWAY_{name.upper()}"
            say(f"error: {where}: {one['msg'].removeprefix('Value error, ')}", "red")
        raise typer.Exit(1) from None


def read_pepper() -> "Pepper | None":
    """What secrets of keys are hashed under; `None` where the settings name nothing."""
    from gateway.keys.digest import Pepper  # noqa: PLC0415 - as above

    secret = read_settings().key_pepper
    return None if secret is None else Pepper(secret.get_secret_value().encode())
