"""Where the gateway keeps its things: directory, secret, database, port, settings."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import time
import tomllib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

from gateway.auth.secret import place_of
from gateway.doctor.finding import Finding, fail, ok, warn
from gateway.instance import running
from gateway.settings import Settings

GB = 1024**3
LITTLE_BYTES = 2 * GB
NOTHING_BYTES = 200 * 1024 * 1024
SKEW_S = 5.0


def settings_used(settings: Settings) -> Iterator[Finding]:
    """Names nobody reads: a misspelt setting is silently without effect."""
    known = {f"GATEWAY_{name.upper()}" for name in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known}
    strange = [name for name in os.environ if name.startswith("GATEWAY_") and name not in known]
    toml = settings.data_dir / "gateway.toml"
    if toml.is_file():
        written = tomllib.loads(toml.read_text("utf-8"))
        strange += [f"GATEWAY_{key.upper()}" for key in written if key.lower() not in Settings.model_fields]
    for name in strange:
        near = get_close_matches(name, known, n=1)
        yield warn("settings", f"{name} is no setting", f"did you mean {near[0]}?" if near else "remove it")
    if not strange:
        yield ok("settings", "all known")


def data_dir(settings: Settings) -> Iterator[Finding]:
    """Whether the data directory can be written, by us alone, and has room."""
    about, place = "data directory", settings.data_dir
    if not place.exists():
        parent = next(folder for folder in place.parents if folder.exists())
        if not os.access(parent, os.W_OK | os.X_OK):
            yield fail(about, f"{place} cannot be made", "mkdir it for this user, or choose another GATEWAY_DATA_DIR")
            return
        yield ok(about, f"{place} is made on first use")
        place = parent
    elif not os.access(place, os.W_OK | os.X_OK):
        yield fail(about, f"{place} cannot be written", f"chown {os.getuid()} {place}")
        return
    elif stat.S_IMODE(place.stat().st_mode) & 0o077:
        yield warn(about, f"{place} can be looked into by others; it holds sign-ins", f"chmod 700 {place}")
    else:
        yield ok(about, str(place))
    free = shutil.disk_usage(place).free
    said = f"{free / GB:.1f} GB free"
    if free < NOTHING_BYTES:
        yield fail("disk", said, "free some room, or move GATEWAY_DATA_DIR")
    elif free < LITTLE_BYTES:
        yield warn("disk", said, "free some room: videos and browser profiles need it")
    else:
        yield ok("disk", said)


def secret(settings: Settings) -> Finding:
    """Whether the master secret is there and private."""
    about = "secret key"
    if settings.secret_key is not None:
        return ok(about, "given by GATEWAY_SECRET_KEY")
    place = place_of(settings)
    if not place.exists():
        return ok(about, "is made on first use")
    if mode := stat.S_IMODE(place.stat().st_mode) & 0o077:
        return fail(about, f"{place} can be read by others (mode …{mode:02o})", f"chmod 600 {place}")
    return ok(about, f"{place}; keep a copy: without it every profile must sign in again")


def clock(settings: Settings) -> Finding:
    """Whether this machine's time can be right: sign-ins and links have an end."""
    newest = Path(__file__).stat().st_mtime
    now = time.time()
    if now < newest - 86400:
        return fail("clock", f"the clock says {time.strftime('%Y-%m-%d', time.gmtime(now))}", "set the time (NTP)")
    if settings.data_dir.is_dir() and os.access(settings.data_dir, os.W_OK):
        probe = settings.data_dir / f".clock.{os.getpid()}"
        probe.touch()
        skew = abs(probe.stat().st_mtime - time.time())
        probe.unlink()
        if skew > SKEW_S:
            return warn("clock", f"the data directory's file server is {skew:.0f} s off", "set its time (NTP)")
    return ok("clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))


def port(settings: Settings) -> Finding:
    """Whether `gateway serve` can listen."""
    about, address = "port", f"{settings.host}:{settings.port}"
    pid = running(settings.data_dir)
    if pid is not None:
        return ok(about, f"a gateway runs on this data directory (pid {pid})")
    if settings.port == 0:
        return ok(about, "any free one")
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.create_server((settings.host, settings.port), family=family):
            pass
    except OSError as exc:
        reason = (exc.strerror or str(exc)).lower()
        return fail(about, f"{address} cannot be used ({reason})", "stop what listens there, or set GATEWAY_PORT")
    return ok(about, f"{address} is free")


async def database(settings: Settings) -> AsyncIterator[Finding]:
    """Whether the database answers and its tables are of this version."""
    from gateway.db.connect import Database  # noqa: PLC0415

    about = "database"
    url = settings.effective_database_url
    if not database_exists(settings):
        yield ok(about, "is made on first use")
        return
    try:
        async with Database.open(url, bus_url=settings.bus_url) as db, db.read() as connection:
            ahead_s = (await db.now(connection) - datetime.now(UTC)).total_seconds()
    except Exception as exc:  # a driver's error may be anything; a diagnosis must not end here
        cause: BaseException = exc
        while (inner := getattr(cause, "orig", None) or cause.__cause__) is not None:
            cause = inner
        yield fail(
            about, str(cause).splitlines()[0] if str(cause) else type(cause).__name__, "check GATEWAY_DATABASE_URL"
        )
        return
    if abs(ahead_s) > SKEW_S:
        yield warn("clock", f"this machine and the database are {abs(ahead_s):.0f} s apart", "set their times (NTP)")
    yield ok(about, f"{url.split(':', 1)[0].split('+')[0]}, tables up to date")


def database_exists(settings: Settings) -> bool:
    """Whether there is something to open; a server is always there, or said not to be by trying."""
    scheme, _, place = settings.effective_database_url.partition(":///")
    return not scheme.startswith("sqlite") or Path(place).exists()
