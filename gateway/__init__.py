"""A declarative LLM gateway: a file becomes a snapshot, a request walks through it, its cost becomes a ledger row."""
