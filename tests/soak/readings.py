"""What a gateway takes of its machine, read every few seconds, and whether it grows without bound."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.e2e.gateway_process import Gateway

MB = 1024 * 1024


@dataclass(frozen=True)
class Bound:
    """How much more a quantity may be at the end than after warm-up: a share of it, or so many units, whichever is more.

    PSS breathes: a renderer collects its garbage when it likes. What counts things must come back to where it was.
    """

    unit: str
    share: float
    least: float


BOUNDS = {
    "gateway PSS": Bound("MB", 0.15, 25),
    "driver PSS": Bound("MB", 0.20, 30),
    "browser PSS": Bound("MB", 0.25, 120),
    "gateway file descriptors": Bound("", 0.10, 12),
    "driver file descriptors": Bound("", 0.10, 12),
    "gateway threads": Bound("", 0.0, 8),
    "processes": Bound("", 0.0, 4),
    "files of the profiles": Bound("", 0.25, 150),
    "media, spool and drafts": Bound("", 0.25, 30),
    "temporary files": Bound("", 0.0, 12),
    "database": Bound("MB", 0.25, 3),
}
#: These grow until the first of what they hold has had its time.
KEPT_FOR_A_WHILE = frozenset({"media, spool and drafts", "database"})


@dataclass(frozen=True)
class Trend:
    """One quantity: at the start, after warm-up, at the end."""

    name: str
    first: float
    warm: float
    last: float

    @property
    def allowed(self) -> float:
        bound = BOUNDS[self.name]
        return max(self.warm * bound.share, bound.least)

    @property
    def bounded(self) -> bool:
        return self.last - self.warm <= self.allowed

    def __str__(self) -> str:
        unit = BOUNDS[self.name].unit
        said = "" if self.bounded else f"   GROWS, at most +{self.allowed:.0f} was allowed"
        return f"{self.name:<28}{self.first:>10.1f}{self.warm:>10.1f}{self.last:>10.1f}  {unit:<4}{said}"


def read(gateway: Gateway, database: Path | None, database_bytes: float) -> dict[str, float]:
    """One reading. *database*: the SQLite file, or None when *database_bytes* says what the server's takes."""
    assert gateway.process is not None
    own = psutil.Process(gateway.process.pid)
    children = own.children(recursive=True)
    drivers = [child for child in children if _says(child, "run-driver")]
    browsers = [child for child in children if _says(child, "--type=") or _says(child, "--user-data-dir")]
    size = (
        database_bytes if database is None else sum(file.stat().st_size for file in database.parent.glob("gateway.db*"))
    )
    return {
        "gateway PSS": _pss(own),
        "driver PSS": sum(map(_pss, drivers)),
        "browser PSS": sum(map(_pss, browsers)),
        "gateway file descriptors": own.num_fds(),
        "driver file descriptors": sum(_count(driver.num_fds) for driver in drivers),
        "gateway threads": own.num_threads(),
        "processes": 1 + len(children),
        "files of the profiles": _files(gateway.data_dir / "profiles"),
        "media, spool and drafts": _files(gateway.data_dir / "media") + _files(gateway.data_dir / "spool"),
        "temporary files": sum(1 for _ in os.scandir(gateway.env["TMPDIR"])),
        "database": size / MB,
    }


def trends(readings: Sequence[dict[str, float]], *, warm_up: float = 0.34) -> list[Trend]:
    """*warm_up*: the part of the readings after which things should have found their size. Each end is a median."""
    warm_from = int(len(readings) * warm_up)
    width = max(1, len(readings) // 8)
    found = []
    for name in BOUNDS:
        values = [reading[name] for reading in readings]
        warm, last = values[warm_from : warm_from + width], values[-width:]
        found.append(Trend(name, values[0], statistics.median(warm), statistics.median(last)))
    return found


def _says(process: psutil.Process, word: str) -> bool:
    with suppress(psutil.Error):
        return any(word in part for part in process.cmdline())
    return False


def _pss(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        return float(process.memory_full_info().pss) / MB
    return 0.0


def _count(ask: object) -> float:
    with suppress(psutil.Error):
        return float(ask())  # type: ignore[operator]
    return 0.0


def _files(directory: Path) -> int:
    found = 0
    for _, _, files in os.walk(directory):
        found += len(files)
    return found
