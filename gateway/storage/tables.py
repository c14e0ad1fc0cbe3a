"""The tables as the newest revision of the database has them; `migrations/` makes them so.

Money is nano-USD, moments are microseconds since the Unix epoch, hours and days of sums count
from it, all in UTC. Text that
is unknown is empty, never NULL, so that every report groups it alike. No text is longer than 255 bytes
(`gateway.ledger.rows`): PostgreSQL refuses index entries over 2,704.
"""

from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnClause,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB

from gateway.usage import TOKENS

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

Name: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Text compared byte by byte, so that both databases sort alike and PostgreSQL's indices are cheap."""
Json: Final = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

DIMENSIONS: Final = ("virtual_key", "principal", "project", "team", "organization", "provider", "model")
"""What the sums of spend keep apart, besides the time."""
SERVED: Final = ("served_model", "service_tier", "speed", "region")
"""What an answer says of who gave it, each as a text."""

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("request_id", Name, primary_key=True),
    Column("occurred_at", BigInteger, nullable=False),
    Column("day", Name, nullable=False),
    Column("virtual_key", Name, nullable=False),
    Column("principal", Name, nullable=False),
    Column("project", Name, nullable=False),
    Column("team", Name, nullable=False),
    Column("organization", Name, nullable=False),
    Column("tags", Json, nullable=False),
    Column("end_user", Name, nullable=False),
    Column("provider", Name, nullable=False),
    Column("provider_type", Name, nullable=False),
    Column("model", Name, nullable=False),
    Column("model_asked", Name, nullable=False),
    Column("endpoint", Name, nullable=False),
    Column("status", Integer, nullable=False),
    Column("outcome", Name, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in TOKENS),
    Column("cost_nano_usd", BigInteger, nullable=False),
    Column("price", Json),
    Column("price_source", Name, nullable=False),
    Column("revision", Name, nullable=False),
    Column("budgets", Json, nullable=False),
    *(Column(name, Name, nullable=False, server_default="") for name in ("trace_id", "span_id")),
    Column("streaming", Boolean),
    *(Column(name, Name, nullable=False, server_default="") for name in ("model_source", "body")),
    *(Column(name, BigInteger) for name in ("duration_ms", "first_byte_ms", "first_token_ms")),
    *(
        Column(name, Name, nullable=False, server_default="")
        for name in ("error_type", "error_code", "denied_by", "usage_warning")
    ),
    Column("attempts", Json, nullable=False, server_default="[]"),
    Column("further", Json),
    *(Column(name, Name, nullable=False, server_default="") for name in SERVED),
    *(Column(name, Json) for name in ("iterations", "unreadable")),
    Column("longest_prompt", BigInteger),
    Column("prompt_per_mille", BigInteger),
    Column("route", Name, nullable=False, server_default=""),
    Column("warnings", Json),
)
"""One row per request, never changed. `day` is `occurred_at` as `YYYY-MM-DD` in UTC, for people who ask by hand.
`further` has the kinds that are not in `TOKENS`, `iterations` what steps of the provider's own consumed besides,
`unreadable` which figures of the answer could not be read, `longest_prompt` how long the longest of several prompts
was, `prompt_per_mille` what the prompt cost of the most that it could, `warnings` the rules that only warn and would
have refused it. What stands behind `budgets` is unknown of
requests that older versions kept; what stands behind `attempts` also of those that they keep beside this one."""

HOUR_OF_ENTRY: Final = literal_column("(occurred_at / 3600000000)", BigInteger)
"""The hour of an entry as its indices spell it. They begin with it so that what is inserted together lies together, and
a rare value is found by a look into each hour."""
IS_TROUBLE: Final[ColumnClause[Any]] = literal_column("(status >= 400 OR outcome <> 'ok')")
"""What on-call looks for."""
IS_UNPRICED: Final = ledger_entries.c.usage_warning.contains("unpriced: ")
"""Requests of which something has no price; see `gateway.telemetry.decision_record.UNPRICED`."""

Index(None, ledger_entries.c.occurred_at, ledger_entries.c.request_id)
Index(
    None,
    ledger_entries.c.end_user,
    ledger_entries.c.occurred_at,
    postgresql_where=ledger_entries.c.end_user != "",
    sqlite_where=ledger_entries.c.end_user != "",
)

Index("ix_ledger_entries_hour_virtual_key", HOUR_OF_ENTRY, ledger_entries.c.virtual_key, ledger_entries.c.occurred_at)
Index(
    "ix_ledger_entries_hour_trace_id",
    HOUR_OF_ENTRY,
    ledger_entries.c.trace_id,
    postgresql_where=ledger_entries.c.trace_id != "",
    sqlite_where=ledger_entries.c.trace_id != "",
)
Index(
    "ix_ledger_entries_hour_trouble",
    HOUR_OF_ENTRY,
    ledger_entries.c.error_code,
    ledger_entries.c.occurred_at,
    postgresql_where=IS_TROUBLE,
    sqlite_where=IS_TROUBLE,
)


def _spend_table(name: str, period: str) -> Table:
    return Table(
        name,
        metadata,
        Column(period, BigInteger, primary_key=True, autoincrement=False),
        *(Column(dimension, Name, primary_key=True) for dimension in DIMENSIONS),
        Column("requests", BigInteger, nullable=False),
        *(Column(kind, BigInteger, nullable=False) for kind in TOKENS),
        Column("cost_nano_usd", BigInteger, nullable=False),
        Column("unpriced_requests", BigInteger, nullable=False, server_default="0"),
        sqlite_with_rowid=False,
    )


spend_by_hour = _spend_table("spend_by_hour", "hour")
"""The sums of `ledger_entries` per hour and who and what; written in the transaction that inserts the rows."""
spend_by_day = _spend_table("spend_by_day", "day")
"""The same per day, for reports over months; `day` counts days since the epoch."""


def _further_table(name: str, period: str) -> Table:
    return Table(
        name,
        metadata,
        Column(period, BigInteger, primary_key=True, autoincrement=False),
        *(Column(dimension, Name, primary_key=True) for dimension in DIMENSIONS),
        Column("kind", Name, primary_key=True),
        Column("amount", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


further_by_hour = _further_table("further_by_hour", "hour")
"""The sums of `ledger_entries.further`, beside `spend_by_hour`: a row for each kind that is not zero, so that requests
which have none of them cost nothing here."""
further_by_day = _further_table("further_by_day", "day")
"""The same beside `spend_by_day`."""

charged_by_hour = Table(
    "charged_by_hour",
    metadata,
    Column("counter", Name, primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("amount", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The sums of `ledger_entries.budgets` per counter and hour: what counters are compared with and rebuilt from."""

settled_until = Table(
    "settled_until",
    metadata,
    Column("process", Name, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("told_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Up to which of its settlements each process that shares counters is in `charged_by_hour`; written in the transaction
that inserts the entries."""

ledger_retention = Table(
    "ledger_retention",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("pruned_before", BigInteger, nullable=False),
    Column("holder", Name, nullable=False),
    Column("held_until", BigInteger, nullable=False),
)
"""One row. Requests before `pruned_before` have no rows any more, or lose them at present: what they spent stands in
the sums alone. Zero: nothing was pruned. `holder` is the process that prunes, until `held_until` at the latest."""

stored_objects = Table(
    "stored_objects",
    metadata,
    Column("virtual_key", Name, primary_key=True),
    Column("id", Name, primary_key=True),
    Column("kind", Name, nullable=False),
    Column("provider", Name, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("digest", Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)
"""What providers keep (responses, files, conversations ...): which key made it, and who holds it.

`digest` is what a file was when it went up: length and SHA-256 of each of its parts.
"""

Index(None, stored_objects.c.virtual_key, stored_objects.c.kind, stored_objects.c.created_at, stored_objects.c.id)

open_jobs = Table(
    "open_jobs",
    metadata,
    Column("id", Name, primary_key=True),
    Column("job", Text, nullable=False),
    Column("held_by", Name, nullable=False),
    Column("held_until", BigInteger, nullable=False),
)
"""Work that goes on at providers after its request was answered: what it holds of budgets, and who looks after it."""

counter_nodes = Table(
    "counter_nodes",
    metadata,
    Column("node", Name, primary_key=True),
    Column("reported_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row per serving process: when it last reported its counters, changed or not."""

counter_states = Table(
    "counter_states",
    metadata,
    Column("node", Name, primary_key=True),
    Column("counter", Name, primary_key=True),
    Column("spent", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("resets_at", BigInteger),
    Column("reported_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What each serving process holds of each counter; `reported_at` is when the row last changed."""

Index(None, counter_states.c.counter)

admin_tokens = Table(
    "admin_tokens",
    metadata,
    Column("id", Name, primary_key=True),
    Column("name", Name, nullable=False),
    Column("scope", Name, nullable=False),
    Column("digest", Name, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("owners", Json),
)
"""Tokens of the control plane's API. `digest` is the SHA-256 of the token in hex, behind `owners:` where it is bound to
some; the token itself is nowhere."""

control_plane_state = Table(
    "control_plane_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("lineage", Name, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("oldest_change", BigInteger, nullable=False),
    Column("identity", Name, nullable=False, server_default=""),
)
"""One row. `lineage` is made with the database; whoever writes resources locks the row first. `oldest_change` is the
revision from which on `changes` is complete. `identity` is the present revision's, see `revisions`."""

revisions = Table(
    "revisions",
    metadata,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("identity", Name, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("actor", Name, nullable=False),
    sqlite_with_rowid=False,
)
"""When each revision was made and by whom. Its random identity tells it from one of the same number that was made after
an older database had been restored."""

resources = Table(
    "resources",
    metadata,
    Column("kind", Name, primary_key=True),
    Column("name", Name, primary_key=True),
    Column("spec", Json, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("written_references", Json, nullable=False),
    Column("owner", Name, nullable=False),
    Column("protected", Integer, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("changed_by", Name, nullable=False),
    Column("applied_spec", Json),
    Column("applied_sealed", Text),
    Column("id", Name, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)
"""What plans and gateways see. `id` stays whatever the name becomes (`identities`). A spec has `null` in place of each
secret; `sealed` holds those, encrypted. The applied pair is the spec as a file last had it, so that what was changed
behind the file's back can be told."""

Index(None, resources.c.owner)

identities = Table(
    "identities",
    metadata,
    Column("kind", Name, primary_key=True),
    Column("name", Name, primary_key=True),
    Column("id", Name, nullable=False),
    Column("revision", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What a name stood for last, and since which revision; a name without a row is its own id. The id is what counters and
the ledger have: the first name, or `NAME#2` where another resource was the first to have that name. Never deleted."""

removed_keys = Table(
    "removed_keys",
    metadata,
    Column("id", Name, primary_key=True),
    Column("name", Name, nullable=False),
    Column("owner", Name, nullable=False),
    Column("secret_hash", Name, nullable=False),
    Column("state", Name, nullable=False),
    Column("removed_by", Name, nullable=False),
    Column("removed_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The secrets of keys that were minted and are gone, for thirty days, so that whoever takes a removal back has them."""

replaced_secrets = Table(
    "replaced_secrets",
    metadata,
    Column("secret_hash", Name, primary_key=True),
    Column("address", Text, nullable=False),
    Column("replaced_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The hashes of secrets that a key had and that another took the place of, by rotation or otherwise: a file that still
has one would bring it back. Never deleted."""

minted_secrets = Table(
    "minted_secrets",
    metadata,
    Column("plan_id", Name, primary_key=True),
    Column("token_id", Name, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("sealed", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""The secrets that an apply made, sealed, until whoever applied has asked for them again, for an hour at most."""

confined_owners = Table(
    "confined_owners",
    metadata,
    Column("owner", Name, primary_key=True),
    Column("since", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The owners for whom a bound token has written: what is theirs acts on their own keys alone, from that revision on."""

revoked_secrets = Table(
    "revoked_secrets",
    metadata,
    Column("secret_hash", Name, primary_key=True),
    Column("address", Text, nullable=False),
    Column("revoked_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The hashes that no key may answer to any more. Never deleted: what is gone does not come back by another way."""

changes = Table(
    "changes",
    metadata,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Name, primary_key=True),
    Column("name", Name, primary_key=True),
    Column("action", Name, nullable=False, server_default=""),
    Column("id", Name),
    Column("owner", Name),
    Column("spec", Json),
    Column("sealed", Text),
    Column("written_references", Json),
    sqlite_with_rowid=False,
)
"""Which resources each revision touched, for gateways that ask what is new; and what each was before, for plans that
lead back. Where `id` is NULL there was none of that name."""

applies = Table(
    "applies",
    metadata,
    Column("plan_id", Name, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("owner", Name, nullable=False),
    Column("digest", Name, nullable=False),
    Column("actor", Name, nullable=False),
    Column("applied_at", BigInteger, nullable=False),
    Column("plan", Json, nullable=False),
    sqlite_with_rowid=False,
)
"""Every plan that was applied, without secrets."""

Index(None, applies.c.revision)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Name, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", Name, nullable=False),
    Column("request_id", Name, nullable=False),
    Column("action", Name, nullable=False),
    Column("address", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("before", Json),
    Column("after", Json),
    Column("owner", Name),
    sqlite_with_rowid=False,
)
"""Who changed what, with secrets replaced before the row is made. Never changed, never deleted."""

Index(None, audit_log.c.at, audit_log.c.id)
Index(None, audit_log.c.address, audit_log.c.at)

kept_answers = Table(
    "kept_answers",
    metadata,
    Column("token_id", Name, primary_key=True),
    Column("idempotency_key", Name, primary_key=True),
    Column("digest", Name, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("sealed", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Answers to changes that were asked for under an `Idempotency-Key`, for a day; they may have secrets in them."""

Index(None, kept_answers.c.at)

gateway_nodes = Table(
    "gateway_nodes",
    metadata,
    Column("node", Name, primary_key=True),
    Column("version", Name, nullable=False),
    Column("serving_revision", BigInteger, nullable=False),
    Column("serving_since", BigInteger, nullable=False),
    Column("lag_ms", BigInteger),
    Column("rejected_revision", BigInteger),
    Column("keys_revision", BigInteger),
    Column("rejected_because", Text),
    Column("open_circuits", Json, nullable=False, server_default="[]"),
    Column("first_seen", BigInteger, nullable=False),
    Column("reported_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What each gateway process that follows the control plane last said of itself."""

key_peppers = Table(
    "key_peppers",
    metadata,
    Column("fingerprint", Name, primary_key=True),
    Column("first_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The peppers that keys were hashed under, by their fingerprints."""
