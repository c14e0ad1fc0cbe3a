"""The environment that Alembic runs the revisions in: the caller's connection, inside the caller's transaction."""

from alembic import context

from gateway.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
