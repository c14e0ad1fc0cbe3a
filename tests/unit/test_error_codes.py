"""The table of codes says of each the type that the source raises it with: metrics and docs are made from it."""

import ast
from pathlib import Path

import gateway
from gateway.errors import CODES


def raised():
    """The pairs of type and code that the source raises."""
    texts = (file.read_text() for file in Path(gateway.__path__[0]).rglob("*.py"))
    return {
        (call.args[0].value, keyword.value.value)
        for text in texts
        if "GatewayError(" in text
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "GatewayError"
        if call.args and isinstance(call.args[0], ast.Constant)
        for keyword in call.keywords
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant)
    }


def test_every_code_has_the_type_that_it_is_raised_with():
    found = raised()

    assert len(found) > 10
    assert {(CODES.get(code), code) for _, code in found} == found
