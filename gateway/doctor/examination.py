"""The whole diagnosis, line by line, in the order in which things depend on each other."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.auth.secret import Purpose, load_secret
from gateway.db.connect import Database
from gateway.doctor import browsers, keeping, machine
from gateway.doctor.finding import Finding, Level, fail
from gateway.doctor.media import media
from gateway.doctor.nodes import nodes
from gateway.doctor.profiles import profiles
from gateway.errors import GatewayError
from gateway.nodes.registry import NodeRegistry
from gateway.profiles.node import NODE_FILE, node_id
from gateway.profiles.registry import Registry
from gateway.settings import Settings


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Yield what was found. Makes nothing that is not there yet, and changes nothing."""
    for finding in keeping.settings_used(settings):
        yield finding
    usable = True
    for finding in keeping.data_dir(settings):
        usable = usable and finding.level is not Level.FAIL
        yield finding
    yield keeping.secret(settings)
    async for finding in keeping.database(settings):
        usable = usable and finding.level is not Level.FAIL
        yield finding
    yield await media(settings)
    yield keeping.clock(settings)
    yield keeping.port(settings)
    yield machine.sandbox(settings)
    yield machine.display(settings)
    yield machine.shared_memory()
    for finding in machine.fonts():
        yield finding
    async for finding in browsers.browser(settings):
        yield finding
    if usable and (settings.data_dir / NODE_FILE).exists() and keeping.database_exists(settings):
        async for finding in _profiles(settings):
            yield finding


async def _profiles(settings: Settings) -> AsyncIterator[Finding]:
    try:
        secret = load_secret(settings)
        async with Database.open(settings.effective_database_url, bus_url=settings.bus_url) as db:
            own, known = node_id(settings.data_dir, settings.node_id), NodeRegistry(db)
            for finding in nodes(await known.everybody(), own=own, stale_s=known.stale_s, secret=secret.mark):
                yield finding
            registry = Registry(db, node=own, proxy_key=secret.key(Purpose.PROXIES))
            async for finding in profiles(settings, registry):
                yield finding
    except GatewayError as exc:
        yield fail("profiles", str(exc), "mend what is said above, then run this again")
