"""The table of codes says of each the type that the source raises it with: metrics and docs are made from it."""

import ast
from pathlib import Path

import gateway
from gateway.errors import CODES

RAISED = {
    (call.args[0].value, keyword.value.value)
    for file in Path(gateway.__path__[0]).rglob("*.py")
    for call in ast.walk(ast.parse(file.read_text()))
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "GatewayError" and call.args
    for keyword in call.keywords
    if keyword.arg == "code" and isinstance(keyword.value, ast.Constant) and isinstance(call.args[0], ast.Constant)
}


def test_every_code_has_the_type_that_it_is_raised_with():
    assert len(RAISED) > 10
    assert {(CODES.get(code), code) for _, code in RAISED} == RAISED
