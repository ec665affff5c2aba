"""The command ``gateway``: its commands, and the one place where whatever goes wrong becomes a sentence.

Nothing heavy is imported here: `gateway --help` must answer at once. Each command imports what it needs when it runs.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from gateway.cli import admin, db, key, node, profile, webhook
from gateway.cli.backup import backup, restore
from gateway.cli.doctor import doctor
from gateway.cli.failures import Explained, explain
from gateway.cli.login import login
from gateway.cli.options import DataDir, chosen
from gateway.cli.output import emit_error
from gateway.cli.serve import serve
from gateway.cli.version import version

#: What a shell makes of Ctrl-C.
INTERRUPTED = 130

app = typer.Typer(
    name="gateway",
    help="Call your own Grok account from programs, through a real browser you signed in to.",
    epilog="First steps: gateway login NAME, gateway key create NAME, gateway serve. Trouble: gateway doctor.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(serve)
app.add_typer(profile.app, name="profile")
app.command("login")(login)
app.add_typer(key.app, name="key")
app.add_typer(node.app, name="node")
app.add_typer(admin.app, name="admin")
app.add_typer(db.app, name="db")
app.add_typer(webhook.app, name="webhook")
app.command("backup")(backup)
app.command("restore")(restore)
app.command("doctor")(doctor)
app.command("version")(version)


def _show_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def _root(
    data_dir: DataDir = None,
    _version: Annotated[  # eager: before it is missed that no command is given
        bool, typer.Option("--version", help="Show the version and stop.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    chosen.take(data_dir=data_dir)


def main(args: list[str] | None = None) -> NoReturn:
    """Run a command and end the process: 0 done, 1 failed, 2 asked for in a way we do not understand, 130 interrupted."""
    argv = sys.argv[1:] if args is None else args
    as_json = "--json" in argv
    command = typer.main.get_command(app)
    try:
        code = command.main(args=argv, prog_name="gateway", standalone_mode=False)
    except typer.Abort:
        code = INTERRUPTED
    except BrokenPipeError:  # whoever read our output (head, less) has seen enough
        code = 1
    except Exception as exc:  # the border: whatever it is, a person reads it
        if os.environ.get("GATEWAY_LOG_LEVEL", "").lower() == "debug":
            raise
        code = _say(explain(exc), as_json)
    if code == INTERRUPTED:
        _say(Explained("interrupted", "stopped", INTERRUPTED), as_json)
    _let_go_of_output()
    sys.exit(code if isinstance(code, int) else 0)


def _let_go_of_output() -> None:
    """Write what is left; into nothing where nobody reads any more. Python would complain of that at exit, and exit with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _say(what: Explained, as_json: bool) -> int:
    if what.message:
        emit_error(what.code, what.message, as_json=as_json)
    return what.exit_code
