"""``gateway profile …``: the signed-in browsers this gateway works with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import DataDir, Json, Name
from gateway.cli.output import emit

if TYPE_CHECKING:
    from gateway.cli.house import House
    from gateway.profiles.model import Profile

app = typer.Typer(help="Profiles: the signed-in browsers the gateway works with.", no_args_is_help=True)

Proxy = Annotated[
    str | None,
    typer.Option(
        "--proxy",
        help="The profile's own way out: http://[user:password@]host:port, https://… or socks5://….",
        show_default=False,
    ),
]


@app.command("add")
def add(name: Name, proxy: Proxy = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Add a profile, signed out as yet."""
    from gateway.cli.house import in_house  # noqa: PLC0415
    from gateway.cli.profile_view import as_dict  # noqa: PLC0415

    async def work(house: House) -> Profile:
        made = await house.profiles.add(name, proxy=proxy)
        await house.write_down("profile.added", name, sign_in="by_hand", proxy="set" if proxy else "none")
        return made

    made = in_house(work, data_dir)
    emit(
        as_dict(made),
        f"profile {name} added; sign in: gateway login {name}, or in the console at /console/live/{name}, "
        f"or bring a sign-in: gateway profile import {name} --storage-state FILE",
        as_json=as_json,
    )


Passphrase = Annotated[
    str | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="File with the bundle's passphrase; else GATEWAY_BUNDLE_PASSPHRASE, else it is asked for.",
        show_default=False,
    ),
]


@app.command("import")
def import_(  # noqa: PLR0917 (typer calls by name)
    name: Name,
    storage_state: Annotated[
        str | None,
        typer.Option(
            "--storage-state",
            metavar="FILE",
            help="Playwright storage-state JSON, a JSON list of cookies, or a Netscape cookies.txt; - reads standard input.",
            show_default=False,
        ),
    ] = None,
    bundle: Annotated[
        str | None,
        typer.Option(
            "--bundle",
            metavar="FILE",
            help="A sealed bundle made by `gateway profile export`; - reads standard input.",
            show_default=False,
        ),
    ] = None,
    proxy: Proxy = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until a running gateway has verified it.")
    ] = True,
    passphrase_file: Passphrase = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Bring a sign-in made elsewhere; adds the profile when there is none of that name."""
    from gateway.cli.house import in_house  # noqa: PLC0415
    from gateway.cli.profile_import import read_sign_in, take_sign_in  # noqa: PLC0415

    sign_in = read_sign_in(storage_state, bundle, passphrase_file=passphrase_file)

    async def work(house: House) -> bool:
        return await take_sign_in(house, name, sign_in, proxy=proxy, wait=wait, as_json=as_json)

    if not in_house(work, data_dir):
        raise typer.Exit(1)


@app.command("export")
def export(  # noqa: PLR0917 (typer calls by name)
    name: Name,
    out: Annotated[
        str,
        typer.Option("--out", metavar="FILE", help="Where the bundle goes; - is standard output.", show_default=False),
    ],
    proxy: Annotated[bool, typer.Option("--proxy/--no-proxy", help="Carry the profile's proxy along.")] = True,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    passphrase_file: Passphrase = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Seal the profile's sign-in with a passphrase, to be imported on another machine."""
    from gateway.cli.house import in_house  # noqa: PLC0415
    from gateway.cli.profile_export import send_out  # noqa: PLC0415

    async def work(house: House) -> None:
        await send_out(
            house, name, out, with_proxy=proxy, force=force, passphrase_file=passphrase_file, as_json=as_json
        )

    in_house(work, data_dir)


@app.command("checkpoints")
def checkpoints(name: Name, data_dir: DataDir = None, as_json: Json = False) -> None:
    """List the encrypted copies of the profile's sign-in, newest first."""
    from gateway.cli.house import in_house  # noqa: PLC0415
    from gateway.cli.profile_restore import kept  # noqa: PLC0415

    in_house(lambda house: kept(house, name, as_json=as_json), data_dir)


@app.command("restore")
def restore(
    name: Name,
    generation: Annotated[
        int,
        typer.Option("--generation", "-g", help="Which copy: see `gateway profile checkpoints`.", show_default=False),
    ],
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until a running gateway has verified it.")
    ] = True,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Put an earlier copy of the sign-in back, in place of the present one; the site is asked whether it still counts."""
    from gateway.cli.house import in_house  # noqa: PLC0415
    from gateway.cli.profile_restore import bring_back  # noqa: PLC0415

    async def work(house: House) -> bool:
        return await bring_back(house, name, generation, wait=wait, as_json=as_json)

    if not in_house(work, data_dir):
        raise typer.Exit(1)


@app.command("list")
def list_(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show all profiles and whether they can work."""
    from gateway.cli.house import in_house  # noqa: PLC0415
    from gateway.cli.profile_view import listing  # noqa: PLC0415

    in_house(lambda house: listing(house, as_json=as_json), data_dir)


@app.command("show")
def show(name: Name, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show one profile: state, account, sign-in copies, history."""
    from gateway.cli.house import in_house  # noqa: PLC0415
    from gateway.cli.profile_view import detail  # noqa: PLC0415

    in_house(lambda house: detail(house, name, as_json=as_json), data_dir)


@app.command("check")
def check(
    name: Name,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds to wait for the answer.", min=1)] = 90,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Ask the site whether the profile may work now; exit code 1 when it may not."""
    from gateway.cli.house import in_house  # noqa: PLC0415
    from gateway.cli.profile_check import look_at  # noqa: PLC0415

    if not in_house(lambda house: look_at(house, name, timeout_s=timeout_s, as_json=as_json), data_dir):
        raise typer.Exit(1)


@app.command("proxy")
def proxy_(
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL|none", help="The new proxy, or none.", show_default=False)],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Change the profile's proxy. The site may ask for a new sign-in: its clearance is bound to the address."""
    from gateway.cli.profile_change import change  # noqa: PLC0415

    proxy = None if url.lower() == "none" else url
    change(
        name,
        lambda house: house.profiles.set_proxy(name, proxy),
        ("profile.proxy_changed", {"proxy": "set" if proxy else "removed"}),
        f"profile {name}: proxy {'changed' if proxy else 'removed'}; it is used from the browser's next start, at once "
        "when a gateway runs",
        data_dir=data_dir,
        as_json=as_json,
    )


@app.command("accept-egress")
def accept_egress(name: Name, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Take the way the profile goes out now (proxy, address) for the right one; the warning about it ends."""
    from gateway.cli.profile_change import change  # noqa: PLC0415

    change(
        name,
        lambda house: house.profiles.accept_egress(name),
        ("profile.egress_accepted", {}),
        f"profile {name} belongs to its present way out; you are warned when that changes again",
        data_dir=data_dir,
        as_json=as_json,
    )


@app.command("disable")
def disable(name: Name, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Take the profile out of work; what it is doing is finished first."""
    from gateway.cli.profile_change import change  # noqa: PLC0415

    change(
        name,
        lambda house: house.profiles.disable(name),
        ("profile.disabled", {}),
        f"profile {name} is disabled; back to work with: gateway profile enable {name}",
        data_dir=data_dir,
        as_json=as_json,
    )


@app.command("enable")
def enable(name: Name, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Let a disabled profile work again."""
    from gateway.cli.profile_change import change  # noqa: PLC0415

    change(
        name,
        lambda house: house.profiles.enable(name),
        ("profile.enabled", {}),
        f"profile {name} is enabled; a running gateway verifies it now",
        data_dir=data_dir,
        as_json=as_json,
    )


@app.command("move")
def move(
    name: Name,
    to: Annotated[str, typer.Option("--to", metavar="NODE", help="The node that shall have it.", show_default=False)],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Let another node have the profile: its sign-in goes there sealed, and the tasks of its account go on there."""
    from gateway.cli.house import in_house  # noqa: PLC0415
    from gateway.cli.profile_move import move as carry  # noqa: PLC0415

    in_house(lambda house: carry(house, name, to, as_json=as_json), data_dir)


@app.command("adopt")
def adopt(
    name: Name,
    signed_out: Annotated[
        bool, typer.Option("--signed-out", help="Also without a copy of its sign-in: sign in again afterwards.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Take over a profile whose node is gone for good, from the copies of its sign-in in this data directory."""
    from gateway.cli.house import in_house  # noqa: PLC0415
    from gateway.cli.profile_move import adopt as take_over  # noqa: PLC0415

    in_house(lambda house: take_over(house, name, signed_out=signed_out, as_json=as_json), data_dir)


@app.command("remove")
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Delete a profile with its browser data and saved sign-ins."""
    from gateway.cli.house import in_house  # noqa: PLC0415
    from gateway.cli.profile_remove import take_away  # noqa: PLC0415

    in_house(lambda house: take_away(house, name, yes=yes, as_json=as_json), data_dir)
