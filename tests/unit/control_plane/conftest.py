"""The databases that these tests run against."""

from tests.unit.storage.databases import engine, module_database_url, module_engine

__all__ = ["engine", "module_database_url", "module_engine"]
