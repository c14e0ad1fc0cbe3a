"""The table of codes says of each under which type it is raised, since metrics and docs/errors.md are made from it."""

import ast
from pathlib import Path

import gateway
from gateway.errors import CODES


def raised():
    """(code, type) wherever the data plane makes an error whose code stands there."""
    root = Path(gateway.__file__).parent
    for path in root.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "GatewayError":
                codes = [one.value for one in call.keywords if one.arg == "code"]
                if codes and isinstance(codes[0], ast.Constant) and isinstance(call.args[0], ast.Constant):
                    yield codes[0].value, call.args[0].value


def test_each_code_is_raised_under_the_type_that_the_table_says():
    found = dict(raised())

    assert "model_unpriced" in found
    assert found.items() <= CODES.items()
