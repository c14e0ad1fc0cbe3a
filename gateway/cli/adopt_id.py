"""`gateway adopt-id`: ids from before the gateway, or from beside it, become a key's own."""

from typing import Annotated, Final

import typer

from gateway.cli.database import database, failed
from gateway.cli.groups import Commands
from gateway.cli.options import OwnDatabase
from gateway.cli.output import say
from gateway.plan.words import count

app: Final = Commands()

EPILOG = (
    "Example: gateway adopt-id file-6F2ksmvXxt4VdoqmHRw6kL vs_abc123 --key checkout --provider openai\n\n"
    "An id belongs to each key that it was given to. Who has it can do with it what the provider lets its account do."
)

_KINDS: Final = {
    "asst_": "assistant",
    "cachedContents/": "cache",
    "chatcmpl-": "chat.completion",
    "cntr_": "container",
    "container_": "container",
    "conv_": "conversation",
    "file-": "file",
    "file_": "file",
    "files/": "file",
    "fileSearchStores/": "file_search_store",
    "pmpt_": "prompt",
    "resp_": "response",
    "skill_": "skill",
    "upload_": "upload",
    "vs_": "vector_store",
}
"""What ids of OpenAI's, Anthropic's and Google's begin with."""


@app.command("adopt-id", epilog=EPILOG)
def adopt_id(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids as the provider gave them.")],
    key: Annotated[list[str], typer.Option("--key", help="The virtual key that has them from now on; repeatable.")],
    provider: Annotated[str, typer.Option("--provider", help="The provider that holds them, by its name in the file.")],
    kind: Annotated[
        str | None,
        typer.Option(help="What they are, for lists: file, response, vector_store ... Default: what they begin with."),
    ] = None,
    url: OwnDatabase = None,
) -> None:
    """Give ids that a provider made before the gateway to virtual keys, in the ledger's database.

    Prompts of OpenAI's dashboard, files and vector stores that were uploaded elsewhere: until a key has them, they are
    unknown to it (404).
    """
    from gateway import clock  # noqa: PLC0415 - `gateway version` should not wait for what it does not need
    from gateway.ledger.names import read  # noqa: PLC0415
    from gateway.ledger.stored_entry import StoredObject  # noqa: PLC0415
    from gateway.ledger.stored_objects import keep  # noqa: PLC0415
    from gateway.storage.engine import writing  # noqa: PLC0415

    kinds = {id_: kind or next((of for begin, of in _KINDS.items() if id_.startswith(begin)), None) for id_ in ids}
    for id_, found in kinds.items():
        if found is None:
            raise failed(f"say with --kind what {id_!r} is")
    now = clock.microseconds()
    with database(url) as engine, writing(engine) as connection:
        known = read(connection)
        keep(
            connection,
            [
                StoredObject(
                    id=id_,
                    kind=found or "",
                    virtual_key=known.id_of("virtual_keys", one),
                    provider=known.id_of("providers", provider),
                    created_at=now + number,
                )
                for one in key
                for number, (id_, found) in enumerate(kinds.items())
            ],
        )
    say(f"{count(len(kinds), 'id')} of {provider} for {', '.join(key)}.")
