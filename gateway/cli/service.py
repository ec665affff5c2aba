"""Runs the service in this process: what is checked before, what is said at the start, how it stops."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

import uvicorn
import uvloop

from gateway.auth.audit import Audit
from gateway.auth.keys import ApiKeys
from gateway.auth.passwords import AdminPassword
from gateway.auth.secret import Purpose
from gateway.auth.setup_links import SetupLinks, setup_url
from gateway.cli.failures import CommandError
from gateway.cli.house import House, make_data_dir, open_house
from gateway.cli.output import emit, note
from gateway.cli.profile_view import state_of, without_row
from gateway.instance import only_instance
from gateway.settings import Role, Settings
from gateway.telemetry import configure_logging
from gateway.web.doorway import is_loopback

if TYPE_CHECKING:
    from gateway.profiles.model import Profile

#: How long answers under way may go on after a stop was asked for; streams are ended by the application itself.
ANSWERS_S = 5
#: How long a node that others stand beside goes on serving after a stop was asked for, so that balancers can turn away first.
LINGER_S = 3.0


@dataclass(frozen=True, slots=True)
class Found:
    """What the data directory holds at the start. setup: the secret of a setup link, '' when there is an admin."""

    profiles: Sequence[Profile]
    strays: Sequence[str]
    has_key: bool
    setup: str


def run_service(settings: Settings, *, as_json: bool) -> None:
    """Serve until told to stop. Raises CommandError and StartRefused before anything was started."""
    if settings.no_auth and not is_loopback(settings.host):
        raise CommandError(
            "no_auth_refused",
            f"--no-auth is for loopback addresses only, and {settings.host} can be reached by others; "
            "leave it away and make a key: gateway key create NAME",
        )
    make_data_dir(settings.data_dir)
    configure_logging(settings)
    with only_instance(settings.data_dir), _listening(settings.host, settings.port) as listener:
        found = asyncio.run(_look_around(settings))
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        service = _Service(settings, found, as_json=as_json)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(service.run(listener))


async def _look_around(settings: Settings) -> Found:
    async with open_house(settings) as house:
        keys = await ApiKeys(house.db, house.secret.key(Purpose.API_KEYS)).list(revoked=False)
        profiles = await house.profiles.list()
        return Found(
            profiles=profiles, strays=without_row(house, profiles), has_key=bool(keys), setup=await _admin(house)
        )


async def _admin(house: House) -> str:
    """See to it that the console has an admin, or can get one; returns the secret of a setup link, '' when it has.

    Raises CommandError where others could be quicker than the operator.
    """
    settings, password = house.settings, AdminPassword(house.db)
    if await password.exists():
        return ""
    if settings.admin_password is not None:
        await password.create(settings.admin_password.get_secret_value().strip())
        await Audit(house.db).write("settings", "admin.created")
        return ""
    if not is_loopback(settings.host):
        raise CommandError(
            "no_admin",
            f"{settings.host} can be reached by others and the console has no password yet; set one with "
            "gateway admin password, or give GATEWAY_ADMIN_PASSWORD_FILE",
        )
    return await SetupLinks(house.db, house.secret.key(Purpose.SESSIONS)).make()


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Take the address before anything is started, so that a taken one costs nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            raise CommandError(
                "port_in_use",
                f"port {port} is taken; stop what listens there, or choose another: gateway serve --port N",
            ) from None
        if exc.errno == errno.EACCES:
            raise CommandError(
                "port_refused", f"port {port} needs root; choose one above 1023: gateway serve --port N"
            ) from None
        reason = (exc.strerror or str(exc)).lower()
        raise CommandError(
            "bad_address", f"{host} cannot be listened on ({reason}); see: gateway serve --host"
        ) from None
    with listener:
        yield listener


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handling, and saying when it listens."""

    def __init__(self, config: uvicorn.Config, service: _Service) -> None:
        super().__init__(config)
        self._service = service

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._service.announce()


class _Service:
    """One run. First signal: finish what runs, within GATEWAY_DRAIN_S; second: at once; third: now."""

    def __init__(self, settings: Settings, found: Found, *, as_json: bool) -> None:
        self._settings = settings
        self._found = found
        self._as_json = as_json
        self._signals = 0
        self._begin_leave: Callable[[], bool] | None = None
        self._begin_stop: Callable[[], None] | None = None
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def run(self, listener: socket.socket) -> None:
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sign, self._stop)
        try:
            await self._serve(listener)
        except asyncio.CancelledError:
            if not self._signals:
                raise
        finally:
            for sign in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(sign)

    async def _serve(self, listener: socket.socket) -> None:
        from gateway.app import begin_leave, begin_stop, create_app  # noqa: PLC0415 (heavy; only once it is clear that we may serve)

        app = create_app(self._settings)
        self._begin_leave, self._begin_stop = partial(begin_leave, app), partial(begin_stop, app)
        config = uvicorn.Config(
            app,
            lifespan="off",  # entered below, so that what fails in it is told in a sentence
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=ANSWERS_S,
            timeout_keep_alive=65,
            ws_max_size=1024 * 1024,
            ws_per_message_deflate=False,  # the live view sends pictures: nothing to be won, much time to be lost
        )
        async with app.router.lifespan_context(app):
            if self._signals:
                return
            self._server = _Server(config, self)
            await self._server.serve(sockets=[listener])

    def _stop(self) -> None:
        self._signals += 1
        if self._signals == 1:
            note("stopping: running work is finished or kept; once more to hurry", as_json=self._as_json)
            if self._server is not None and self._begin_leave is not None and self._begin_leave():
                asyncio.get_running_loop().call_later(LINGER_S, self._end_serving)
            else:
                self._end_serving()
        elif self._signals == 2:
            if self._server is not None:
                self._server.force_exit = True
            if self._task is not None:
                self._task.cancel()
        else:
            os._exit(130)

    def _end_serving(self) -> None:
        if self._begin_stop is not None:
            self._begin_stop()
        if self._server is not None:
            self._server.should_exit = True
        elif self._task is not None:
            self._task.cancel()

    def announce(self) -> None:
        """Say where the gateway is and what to do next: for people on standard error, for programs as one JSON object."""
        host, port = self._settings.host, self._settings.port
        url = self._settings.public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}"
        states = {profile.name: state_of(profile) for profile in self._found.profiles}
        if self._as_json:
            said = {
                "url": url,
                "port": port,
                "pid": os.getpid(),
                "data_dir": self._settings.data_dir,
                "profiles": states,
            }
            emit(said | ({"setup_url": setup_url(url, self._found.setup)} if self._found.setup else {}), as_json=True)
            return
        shown = ", ".join(f"{name} ({state})" for name, state in states.items()) or "none yet"
        note(f"Grok Gateway {version('grok-gateway')} at {url}")
        note(f"  data      {self._settings.data_dir}")
        note(f"  profiles  {shown}")
        if self._found.strays:
            note(f"  on disk without an entry: {', '.join(self._found.strays)}; take up: gateway profile add NAME")
        note(f"  next      {self._next(url)}")
        if self._settings.role is not Role.WORKER:
            note(f"  console   {url}/console")
        if self._found.setup and self._settings.role is not Role.WORKER:
            note("")
            note("  Open this once, in a browser, to set the console's password (good for a day):")
            note(f"  {setup_url(url, self._found.setup)}")
            note("")
        note("Ctrl-C stops it.")
        sys.stderr.flush()

    def _next(self, url: str) -> str:
        if self._settings.role is Role.WORKER:
            return "nothing here: a worker serves the other nodes, and clients ask those"
        waiting = [profile for profile in self._found.profiles if profile.next_action]
        if not self._found.profiles:
            return "sign in, in the console, or in another terminal: gateway login NAME"
        if len(waiting) == len(self._found.profiles):
            return waiting[0].next_action
        if not self._found.has_key and not self._settings.no_auth:
            return "make a key for your programs: gateway key create NAME"
        return f"point your programs at {url}/v1"
