"""What the console keeps, beside the tables of `tables`."""

from sqlalchemy import BigInteger, Column, Table

from gateway.storage.tables import Name, metadata

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("digest", Name, primary_key=True),
    Column("token_id", Name, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Who is signed in to the console. `digest` is the SHA-256 of the cookie in hex; the cookie itself is nowhere."""
