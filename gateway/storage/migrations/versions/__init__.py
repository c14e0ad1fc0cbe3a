"""The revisions of the database, one module each; a released one never changes."""
