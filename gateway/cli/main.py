"""The `gateway` command.

Exit codes: 0 done; 1 any error, a wrong use of the command included (2 is kept for "there are changes").
"""

import sys
from typing import Any, Final

import typer

from gateway.cli import (
    budgets,
    check_ledger,
    control_plane,
    db,
    explain,
    export,
    import_,
    key_life,
    keys,
    plan,
    policy_tests,
    prices,
    ready,
    report,
    schema,
    serve,
    smoke,
    spend,
    status,
    tokens,
    top,
    validate,
    version,
)

app: Final = typer.Typer(
    name="gateway",
    help="A declarative LLM gateway: one gateway.yaml in git governs every model call.\n\n"
    "Try it without any account:  gateway serve --config examples/gateway.yaml",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve", epilog=serve.EPILOG)(serve.serve)
app.command("validate", epilog=validate.EPILOG)(validate.validate)
app.command("schema", epilog=schema.EPILOG)(schema.schema)
app.command("plan", epilog=plan.PLAN_EPILOG)(plan.plan)
app.command("show", epilog=plan.SHOW_EPILOG)(plan.show_plan)
app.command("apply", epilog=plan.APPLY_EPILOG)(plan.apply)
app.command("test", epilog=policy_tests.EPILOG)(policy_tests.run_tests)
app.command("explain", epilog=explain.EPILOG)(explain.explain)
app.command("ready", epilog=ready.EPILOG)(ready.ready)
app.command("export", epilog=export.EPILOG)(export.export)
app.add_typer(import_.app, name="import")
app.command("top", epilog=top.EPILOG)(top.top)
app.command("status", epilog=status.STATUS_EPILOG)(status.status)
app.command("smoke", epilog=smoke.EPILOG)(smoke.smoke)
app.command("audit", epilog=status.AUDIT_EPILOG)(status.audit)
app.add_typer(key_life.add_to(keys.app), name="keys")
app.command("spend", epilog=spend.EPILOG)(spend.spend)
app.command("budgets", epilog=budgets.EPILOG)(budgets.budgets)
app.command("check-ledger", epilog=check_ledger.EPILOG)(check_ledger.check_ledger)
app.add_typer(db.app, name="db")
app.add_typer(prices.app, name="prices")
app.add_typer(report.app, name="report")
app.add_typer(control_plane.app, name="control-plane")
app.add_typer(tokens.app, name="tokens")
app.command("version", epilog=version.EPILOG)(version.version)


# Typer carries its own copy of click; what both copies' usage errors share with `BadParameter` is their base.
_UsageError: Final[Any] = typer.BadParameter.__base__


def main() -> None:
    """Runs the command line and exits."""
    try:
        code = app(prog_name="gateway", standalone_mode=False)
    except _UsageError as error:
        error.show()
        code = 1
    except typer.Abort:
        code = 1
    sys.exit(code if isinstance(code, int) else 0)
