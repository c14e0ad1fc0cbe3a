"""The databases that these tests run against."""

from tests.unit.storage.databases import empty_database_url, engine, module_database_url, module_engine

__all__ = ["empty_database_url", "engine", "module_database_url", "module_engine"]
