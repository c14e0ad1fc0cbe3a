"""The database: connections, tables and their migrations, for SQLite and PostgreSQL alike."""
