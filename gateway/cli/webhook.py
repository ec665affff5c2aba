"""``gateway webhook …``: what callers and the operator are told, and whether it arrived."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.failures import CommandError
from gateway.cli.options import DataDir, Json
from gateway.cli.output import ago, emit, note, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.cli.house import House
    from gateway.webhooks.model import Delivery

app = typer.Typer(
    help="Webhooks and notifications: what was told to whom, and whether it arrived.", no_args_is_help=True
)

Id = Annotated[str, typer.Argument(metavar="ID", help="Of the delivery; see: gateway webhook list", show_default=False)]
WAIT_S = 25.0
LOOK_EVERY_S = 0.2


@app.command("list")
def list_(
    task: Annotated[str | None, typer.Option("--task", help="Only of this task.", show_default=False)] = None,
    operator: Annotated[bool, typer.Option("--operator", help="Only what the operator was told.")] = False,
    limit: Annotated[int, typer.Option("--limit", help="How many, newest first.", min=1, max=1000)] = 20,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show recent deliveries."""
    from gateway.cli.house import in_house  # noqa: PLC0415

    async def work(house: House) -> Sequence[Delivery]:
        from gateway.webhooks.store import Deliveries  # noqa: PLC0415

        deliveries = Deliveries(house.db)
        if task is not None:
            return await deliveries.of_task(task)
        return await deliveries.recent(limit=limit, operator=True if operator else None)

    found = in_house(work, data_dir)
    now = datetime.now(UTC)
    rows = [
        [one.id, one.event or "-", ago(one.occurred_at, now), one.state.value, _how(one, now), one.url] for one in found
    ]
    text = table(["ID", "WHAT", "WHEN", "STATE", "HOW", "WHERE"], rows)
    emit([_as_dict(one) for one in found], text if rows else "nothing was delivered yet", as_json=as_json)


@app.command("redeliver")
def redeliver(which: Id, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Send a message again, now and for another day; the running gateway does it."""
    from gateway.cli.house import in_house  # noqa: PLC0415

    async def work(house: House) -> Delivery:
        from gateway.errors import NotFound, VideoNotReady  # noqa: PLC0415
        from gateway.webhooks.store import Deliveries  # noqa: PLC0415

        try:
            return await Deliveries(house.db).redeliver(which)
        except NotFound:
            raise CommandError(
                "unknown_delivery", f"there is no delivery {which!r}; see: gateway webhook list"
            ) from None
        except VideoNotReady as exc:
            raise CommandError("not_ready", exc.message) from None

    found = in_house(work, data_dir)
    emit(_as_dict(found), f"{found.id} is sent again to {found.url}; see: gateway webhook list", as_json=as_json)


@app.command("test")
def test(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Send a test notification to the operator's addresses, and say whether it arrived."""
    from gateway.cli.house import in_house  # noqa: PLC0415

    async def work(house: House) -> Sequence[Delivery]:
        from gateway.post_office import make_courier, signing_of, watch_of  # noqa: PLC0415
        from gateway.webhooks.store import Deliveries  # noqa: PLC0415

        watch = watch_of(house.settings, house.db, node=house.profiles.node)
        if not watch.targets:
            raise CommandError(
                "no_target",
                "there is nobody to tell: set GATEWAY_NOTIFY_NTFY_URL or GATEWAY_NOTIFY_WEBHOOK_URL, see the README",
            )
        deliveries = Deliveries(house.db)
        courier = make_courier(
            house.settings, house.db, deliveries, signing_of(house.settings, house.secret, house.db), tell=_no_task
        )
        ids = await watch.test()
        await asyncio.gather(*(courier.send_now(one) for one in ids))  # also where no gateway runs
        return [await _tried(deliveries, one) for one in ids]

    found = in_house(work, data_dir)
    text = "\n".join(
        f"{one.channel.value} {one.url}: "
        + ("delivered" if one.state == "delivered" else f"not delivered, {one.history[-1].error or 'no answer yet'}")
        for one in found
    )
    emit([_as_dict(one) for one in found], text, as_json=as_json)
    if any(one.state != "delivered" for one in found):
        note("what was not delivered is tried again by the running gateway, for a day", as_json=as_json)
        raise typer.Exit(1)


@app.command("secret")
def secret(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show what the operator's webhook is signed with. Keys have their own: gateway key webhook-secret NAME."""
    from gateway.cli.house import in_house  # noqa: PLC0415

    async def work(house: House) -> str:
        from gateway.post_office import signing_of  # noqa: PLC0415

        return signing_of(house.settings, house.secret, house.db).operator

    found = in_house(work, data_dir)
    emit({"secret": found}, found, as_json=as_json)


async def _tried(deliveries: Any, delivery_id: str) -> Delivery:
    """The delivery once its first try is over, whoever made it."""
    try:
        async with asyncio.timeout(WAIT_S):
            while True:
                found: Delivery = await deliveries.get(delivery_id)
                if any(one.duration_s is not None for one in found.history):
                    return found
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError:
        raise CommandError("no_answer", f"nobody sent {delivery_id} within {WAIT_S:g} s") from None


async def _no_task(delivery: Delivery) -> Any:
    raise AssertionError(f"{delivery.id} is a task's; the running gateway tells of those")


def _how(one: Delivery, now: datetime) -> str:
    """Tries, what the last one came to, and when the next one is."""
    if not one.history:
        return "not tried"
    last = one.history[-1]
    said = str(last.status) if last.status is not None else (last.error or "being sent")
    again = f", again {ago(one.due_at, now)}" if one.state == "pending" and one.due_at and last.error else ""
    return f"{len(one.history)}: {said}{again}"


def _as_dict(one: Delivery) -> dict[str, Any]:
    from gateway.web.deliveries import to_delivery  # noqa: PLC0415

    return {**to_delivery(one), "channel": one.channel.value}
