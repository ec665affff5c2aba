"""``gateway key …``: what clients authenticate with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.failures import CommandError
from gateway.cli.options import DataDir, Json
from gateway.cli.output import ago, did_you_mean, duration, emit, note, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.auth.keys import ApiKey, ApiKeys
    from gateway.cli.house import House
    from gateway.webhooks.signing import SigningSecret

app = typer.Typer(help="API keys: what programs that use the gateway send.", no_args_is_help=True)


@app.command("create")
def create(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Whose key it is, for your own lists.", show_default=False)
    ],
    *,
    days: Annotated[float | None, typer.Option("--days", help="Days it is valid; default: for good.", min=0.01)] = None,
    dialect: Annotated[
        str | None,
        typer.Option("--dialect", help="The API its creates speak on shared paths: openai, xai, dubrify, newapi, …"),
    ] = None,
    priority: Annotated[
        str,
        typer.Option(
            "--priority",
            help="Its tasks' class: low, normal, high; higher ones go first, and a waiting one gets a place of ten.",
        ),
    ] = "normal",
    weight: Annotated[
        int, typer.Option("--weight", help="Its share of the queue beside other keys' of its class.", min=1)
    ] = 1,
    max_running: Annotated[int | None, typer.Option("--max-running", help="Videos made at once.", min=1)] = None,
    max_queued: Annotated[int | None, typer.Option("--max-queued", help="Videos waiting.", min=1)] = None,
    per_minute: Annotated[int | None, typer.Option("--per-minute", help="New requests a minute.", min=1)] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make an API key. It is shown this once."""
    from gateway.auth.callers import Priority  # noqa: PLC0415
    from gateway.cli.house import in_house  # noqa: PLC0415
    from gateway.dialects.shared_paths import pin_of  # noqa: PLC0415

    pin = pin_of(dialect)
    level = Priority.of(priority)
    if level is None:
        words = ", ".join(one.word for one in Priority)
        raise CommandError("unknown_priority", f"there is no priority {priority!r}; choose one of: {words}")

    async def work(house: House) -> tuple[ApiKey, str]:
        made = await _keys(house).create(
            name,
            valid_for_s=None if days is None else days * 86400,
            default_dialect=pin,
            priority=level,
            weight=weight,
            max_running=max_running,
            max_queued=max_queued,
            requests_per_minute=per_minute,
        )
        await _note(house, "key.created", made[0])
        return made

    key, secret = in_house(work, data_dir)
    emit({**_as_dict(key), "key": secret}, secret, as_json=as_json)
    note("keep it: it is not shown again. Programs send it as: Authorization: Bearer KEY", as_json=as_json)


@app.command("list")
def list_(
    revoked: Annotated[bool, typer.Option("--all", help="Also those revoked.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show the API keys, without their secrets."""
    from gateway.cli.house import in_house  # noqa: PLC0415

    async def work(house: House) -> Sequence[ApiKey]:
        return await _keys(house).list(revoked=revoked)

    found = in_house(work, data_dir)
    now = datetime.now(UTC)
    rows = [
        [key.name, f"{key.prefix}…", ago(key.created_at, now), ago(key.last_used_at, now), _state(key, now)]
        for key in found
    ]
    text = table(["NAME", "KEY", "MADE", "LAST USED", "STATE"], rows)
    emit(
        [_as_dict(key) for key in found],
        text if rows else "no API keys yet; make one: gateway key create NAME",
        as_json=as_json,
    )


@app.command("revoke")
def revoke(
    which: Annotated[
        str, typer.Argument(metavar="NAME", help="The key's name, its id, or how it begins.", show_default=False)
    ],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """End an API key; it stops working within two seconds."""
    from gateway.cli.house import in_house  # noqa: PLC0415

    async def work(house: House) -> ApiKey:
        from gateway.errors import NotFound  # noqa: PLC0415

        keys = _keys(house)
        try:
            key = await keys.revoke(which.rstrip("…"))
        except NotFound:
            usable = [key.name for key in await keys.list(revoked=False)]
            hint = did_you_mean(which, usable) or "make one: gateway key create NAME"
            raise CommandError("unknown_key", f"there is no usable API key {which!r}; {hint}") from None
        await _note(house, "key.revoked", key)
        return key

    key = in_house(work, data_dir)
    emit(_as_dict(key), f"key {key.name} ({key.prefix}…) is revoked", as_json=as_json)


@app.command("webhook-secret")
def webhook_secret(
    which: Annotated[
        str, typer.Argument(metavar="NAME", help="The key's name, its id, or how it begins.", show_default=False)
    ],
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new one; for a day messages are signed with both.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show what webhooks of this key's tasks are signed with (Standard Webhooks)."""
    from gateway.cli.house import in_house  # noqa: PLC0415

    async def work(house: House) -> SigningSecret:
        from gateway.errors import NotFound  # noqa: PLC0415
        from gateway.post_office import signing_of  # noqa: PLC0415

        signing = signing_of(house.settings, house.secret, house.db)
        try:
            return await (signing.replace if rotate else signing.show)(which.rstrip("…"))
        except NotFound:
            usable = [key.name for key in await _keys(house).list(revoked=False)]
            hint = did_you_mean(which, usable) or "make one: gateway key create NAME"
            raise CommandError("unknown_key", f"there is no usable API key {which!r}; {hint}") from None

    found = in_house(work, data_dir)
    told = {"id": found.key_id, "name": found.name, "webhook_secret": found.secret, "rotated_at": found.replaced_at}
    emit(told, found.secret, as_json=as_json)
    if rotate:
        note("messages are signed with both secrets for a day: change your receiver in that time", as_json=as_json)


def _keys(house: House) -> ApiKeys:
    from gateway.auth.keys import ApiKeys  # noqa: PLC0415
    from gateway.auth.secret import Purpose  # noqa: PLC0415

    return ApiKeys(house.db, house.secret.key(Purpose.API_KEYS))


async def _note(house: House, action: str, key: ApiKey) -> None:
    await house.write_down(action, key.name, id=key.id)


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {ago(key.revoked_at, now)}"
    if key.expires_at is None:
        return "valid"
    left = (key.expires_at - now).total_seconds()
    return f"valid for {duration(left)}" if left > 0 else f"expired {ago(key.expires_at, now)}"


def _as_dict(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": sorted(key.scopes),
        "priority": key.priority.word,
        "weight": key.weight,
        "max_running": key.max_running,
        "max_queued": key.max_queued,
        "requests_per_minute": key.requests_per_minute,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }
