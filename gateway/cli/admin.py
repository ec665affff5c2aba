"""``gateway admin …``: who may use the console."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from gateway.cli.failures import CommandError
from gateway.cli.options import DataDir, Json, chosen
from gateway.cli.output import emit, note

if TYPE_CHECKING:
    from gateway.cli.house import House

app = typer.Typer(help="The console's admin: its password, and the first way in.", no_args_is_help=True)

ACTOR = "command line"


@app.command("password")
def password(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Set or reset the password; every session of the console ends. It is asked for, or read from standard input."""
    from gateway.auth.passwords import check_password  # noqa: PLC0415
    from gateway.cli.house import in_house  # noqa: PLC0415

    said = _asked() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    check_password(said)

    async def work(house: House) -> bool:
        from gateway.auth.passwords import AdminPassword  # noqa: PLC0415

        admin = AdminPassword(house.db)
        existed = await admin.exists()
        await admin.set(said)
        await house.write_down("password.changed" if existed else "admin.created")
        return existed

    existed = in_house(work, data_dir)
    text = "the password is changed; every session has ended" if existed else "the console has its password"
    emit({"admin": "changed" if existed else "created"}, text, as_json=as_json)


@app.command("link")
def link(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Print a setup link, with which a browser sets the first password; good once, and for a day."""
    from gateway.cli.house import in_house  # noqa: PLC0415

    async def work(house: House) -> str:
        from gateway.auth.passwords import AdminPassword  # noqa: PLC0415
        from gateway.auth.secret import Purpose  # noqa: PLC0415
        from gateway.auth.setup_links import SetupLinks  # noqa: PLC0415

        if await AdminPassword(house.db).exists():
            raise CommandError(
                "admin_exists", "the console has its password already; to set another one: gateway admin password"
            )
        return await SetupLinks(house.db, house.secret.key(Purpose.SESSIONS)).make()

    from gateway.auth.setup_links import setup_url  # noqa: PLC0415

    secret = in_house(work, data_dir)
    settings = chosen.settings(data_dir)
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104 - compared, not listened on
    base = settings.public_url or f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
    url = setup_url(base, secret)
    emit({"setup_url": url}, url, as_json=as_json)
    note("open it in a browser while the gateway runs; it is good once, and for a day", as_json=as_json)


def _asked() -> str:
    found: str = typer.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True)
    return found
