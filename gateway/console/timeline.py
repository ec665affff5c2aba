"""A task's history as a person reads it: which stretch of time went where. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.tasks.model import TaskEvent
from gateway.tasks.states import FINAL

#: Stretches that are no stage of the maker: before a profile took it, between tries, and until its first stage.
QUEUED, BETWEEN, STARTING = "queued", "between", "starting"
ENDS = frozenset(state.value for state in FINAL)
#: Shorter ones are drawn this wide all the same, as a share of the whole.
NARROWEST = 0.006


@dataclass(frozen=True, slots=True)
class Stretch:
    """Time spent in one way. left, width: its place in a bar of 1000; seconds: so far, where it goes on."""

    name: str
    began_at: datetime
    seconds: float
    left: float = 0.0
    width: float = 0.0
    profile: str = ""
    reason: str = ""
    goes_on: bool = False


def stretches(events: Iterable[TaskEvent], now: datetime) -> Sequence[Stretch]:
    """Return what *events* tell, in order. A task that is not over goes on until *now*."""
    found: list[Stretch] = []
    name, began, profile, reason = "", now, "", ""

    def close(at: datetime, *, goes_on: bool = False) -> None:
        if name:
            seconds = max(0.0, (at - began).total_seconds())
            found.append(Stretch(name, began, seconds, profile=profile, reason=reason, goes_on=goes_on))

    over = False
    for event in events:
        match event.type:
            case "accepted":
                follows = (QUEUED, "", "")
            case "claimed":
                follows = (STARTING, str(event.data.get("profile") or ""), "")
            case "stage":
                follows = (str(event.data.get("stage") or ""), profile, "")
            case "waiting" | "retrying" | "rescued":
                why = event.data.get("message") or event.data.get("reason") or ""
                follows = (BETWEEN, "", str(why))
            case _ if event.type in ENDS:
                follows = ("", "", "")
                over = True
            case _:
                continue
        if follows[0] == name and follows[1] == profile and follows[0] not in (BETWEEN,):
            continue  # the same stage, told again
        close(event.at)
        (name, profile, reason), began = follows, event.at
    if not over:
        close(now, goes_on=True)
    return _placed(found)


def _placed(found: Sequence[Stretch]) -> Sequence[Stretch]:
    """With their places in the bar."""
    whole = sum(one.seconds for one in found) or 1.0
    widths = [max(NARROWEST, one.seconds / whole) for one in found]
    scale = 1000 / (sum(widths) or 1.0)
    placed, left = [], 0.0
    for one, width in zip(found, widths, strict=True):
        placed.append(
            Stretch(
                one.name, one.began_at, one.seconds, round(left, 2), round(width * scale, 2), one.profile, one.reason,
                one.goes_on,
            )
        )  # fmt: skip
        left += width * scale
    return placed
