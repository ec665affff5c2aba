"""One line of a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """FAIL: the gateway cannot work like this. WARN: it works, and something will disappoint somebody."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what mends it ('' when nothing is needed)."""

    about: str
    level: Level
    message: str
    fix: str = ""


def ok(about: str, message: str) -> Finding:
    return Finding(about, Level.OK, message)


def warn(about: str, message: str, fix: str) -> Finding:
    return Finding(about, Level.WARN, message, fix)


def fail(about: str, message: str, fix: str) -> Finding:
    return Finding(about, Level.FAIL, message, fix)
