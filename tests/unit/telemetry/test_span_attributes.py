"""The names on spans are those of OpenTelemetry's conventions."""

import importlib
import pkgutil
import warnings
from enum import Enum

from gateway.content.outline import OUTLINED
from gateway.content.parameters import PARAMETERS
from gateway.shapes.endpoints import ENDPOINTS
from gateway.telemetry.span_attributes import (
    AHEAD_OF_PACKAGE,
    OF_CALL,
    OF_EVENT,
    OF_REQUEST,
    OPERATIONS,
    PROVIDERS,
)


def modules():
    for room in ("attributes", "_incubating.attributes"):
        package = importlib.import_module(f"opentelemetry.semconv.{room}")
        for one in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(one.name)


def names_of_the_package():
    return {value for module in modules() for value in vars(module).values() if isinstance(value, str)}


def values_of(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # they moved to a repository of their own
        gen_ai = importlib.import_module("opentelemetry.semconv._incubating.attributes.gen_ai_attributes")
        kind = getattr(gen_ai, name)
    assert issubclass(kind, Enum)
    return {one.value for one in kind}


def test_every_name_is_one_of_the_conventions():
    stated = {name for name in (*OF_REQUEST, *OF_CALL, *OF_EVENT) if not name.startswith("langwatch.")}

    assert stated - names_of_the_package() <= AHEAD_OF_PACKAGE


def test_operations_and_providers_are_called_as_the_conventions_call_them():
    assert set(OPERATIONS.values()) <= values_of("GenAiOperationNameValues")
    assert set(PROVIDERS.values()) <= values_of("GenAiProviderNameValues")
    assert OPERATIONS.keys() <= ENDPOINTS.keys()
    assert ENDPOINTS.keys() >= OUTLINED


def test_what_a_request_asks_of_the_model_stands_in_the_table():
    assert {attribute for attribute, _ in PARAMETERS.values()} <= OF_CALL.keys()


def test_genai_is_told_of_calls_alone_so_that_nothing_is_counted_twice():
    assert not any(name.startswith("gen_ai.") for name in OF_REQUEST)
    assert not any("cost" in name for name in OF_CALL)
