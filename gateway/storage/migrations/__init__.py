"""What Alembic runs: the environment and one module per revision. `gateway.storage.migrate` is the way in."""
