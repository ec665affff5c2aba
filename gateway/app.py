"""Builds the service: settings in, ASGI application out. Everything it holds lives in its lifespan, one exit stack.

Start: secret → database → media → the site's profiles → engine → serving; stop is the reverse. Browsers start in the
background: the front takes tasks and answers polls while they do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import fields, replace
from functools import partial
from importlib.metadata import version
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI
from fastapi.responses import RedirectResponse, Response
from starlette.middleware import Middleware

from gateway.auth.audit import Audit
from gateway.auth.callers import local_caller
from gateway.auth.keys import ApiKeys
from gateway.auth.live_grants import LiveGrants
from gateway.auth.passwords import AdminPassword
from gateway.auth.secret import Purpose, Secret, load_secret
from gateway.auth.sessions import Sessions
from gateway.auth.setup_links import SetupLinks
from gateway.calls.counting import CallMetrics, CountedCalls
from gateway.calls.repeats import RepeatableImages
from gateway.console.doctoring import Doctor
from gateway.console.door import FOLDER, ConsoleDoor
from gateway.console.house import House
from gateway.console.live.room import LiveRoom, write_control_down
from gateway.console.live.visitors import visitor_at
from gateway.console.routes import console_router
from gateway.console.view import error_page
from gateway.db.beside import beside
from gateway.db.connect import Database
from gateway.dialects.chat.routes import router as chat
from gateway.dialects.grok2api.routes import router as grok2api
from gateway.dialects.images.routes import router as images
from gateway.dialects.models.routes import router as models
from gateway.dialects.newapi.routes import router as newapi
from gateway.dialects.responses.routes import router as responses
from gateway.dialects.shared_paths import Dialect, split_pin
from gateway.dialects.video_routes import router as videos
from gateway.dialects.video_routes import saying_at
from gateway.errors import StartRefused, UnsupportedParameter
from gateway.fleet import Fleet
from gateway.grok.calls import rests_as
from gateway.grok.capabilities import EXTRA_SECONDS, check_video
from gateway.grok.capabilities import VideoRequest as SiteRequest
from gateway.grok.site import grok_site
from gateway.housekeeping import housekeeping
from gateway.media.fetch import Fetcher
from gateway.media.inputs import Inputs
from gateway.media.links import Links
from gateway.media.opening import open_media, store_of
from gateway.models import MODELS
from gateway.nodes.addresses import own_address
from gateway.nodes.client import NodeClient
from gateway.nodes.membership import Identity, Membership, home_of
from gateway.nodes.moving import Moves
from gateway.nodes.neighbours import Neighbours
from gateway.nodes.passing import CallsAnywhere
from gateway.nodes.remote import RemoteCalls
from gateway.nodes.signing import Signer
from gateway.post_office import open_post_office
from gateway.profiles.node import node_of, take_name
from gateway.profiles.places import copies_of
from gateway.profiles.registry import Registry
from gateway.settings import OnAmbiguous, Protocol, Role, Settings
from gateway.site import Opening, OpenSite, SiteParts, offers_of, open_no_site, open_site
from gateway.tasks.engine import Engine
from gateway.tasks.feed import Feed
from gateway.tasks.metrics import EngineMetrics
from gateway.tasks.model import VideoMode, VideoSpec
from gateway.tasks.sql_store import SqlTaskStore
from gateway.telemetry import Metrics
from gateway.usage.book import UsageBook
from gateway.vitals import Vitals
from gateway.web import error_responses
from gateway.web.content import router as files
from gateway.web.deliveries import router as deliveries
from gateway.web.docs import router as docs
from gateway.web.doorway import AnyOrigin, LocalOnly, OnePath, Pins, is_loopback
from gateway.web.forwarding import Forwarder
from gateway.web.health import Health
from gateway.web.health import router as health
from gateway.web.node_calls import NodeDesk
from gateway.web.node_calls import router as node_calls
from gateway.web.node_door import FromNodes, ProfilePlaces, ToProfiles
from gateway.web.node_profiles import router as node_profiles
from gateway.web.openapi import DESCRIPTION, TAGS, Documented
from gateway.web.requests import Requests
from gateway.web.services import Services
from gateway.web.sse import HEARTBEAT_S
from gateway.web.video_requests import CheckVideo, VideoRequest
from gateway.webhooks.watching import Watch

log = structlog.get_logger(__name__)

#: Every API there is. A new dialect is one more router here.
DIALECTS = (videos, newapi, grok2api, chat, images, responses, models)


def create_app(settings: Settings, *, site: OpenSite = open_site, heartbeat_s: float = HEARTBEAT_S) -> FastAPI:
    """Return the service for *settings*. Nothing is opened before its lifespan begins.

    site: what makes videos; heartbeat_s: the longest silence on an event stream. Raises StartRefused.
    """
    if settings.no_auth and not is_loopback(settings.host):
        raise StartRefused(
            f"--no-auth is for loopback addresses only, and {settings.host} can be reached by others; "
            "leave it away and make a key: gateway key create NAME"
        )
    for name, target in settings.model_aliases.items():
        if target not in MODELS:
            raise StartRefused(
                f"GATEWAY_MODEL_ALIASES: {name!r} stands for {target!r}, which is not one of: {', '.join(MODELS)}"
            )
    if settings.role is Role.API and site is open_site:
        site = open_no_site
    metrics = Metrics()
    stopping, leaving = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _opened(app, settings, site=site, metrics=metrics, stopping=stopping, heartbeat_s=heartbeat_s):
            try:
                yield
            finally:
                begin_stop(app)

    app = Documented(
        title="Grok Gateway",
        version=version("grok-gateway"),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        middleware=[
            Middleware(Requests, metrics=metrics, leaving=leaving),
            Middleware(FromNodes, closed=settings.role is Role.WORKER),
            Middleware(OnePath),
            Middleware(Pins, split=split_pin),
            *([Middleware(LocalOnly)] if settings.no_auth else []),
            Middleware(ConsoleDoor, settings=settings, error_page=error_page),
            Middleware(AnyOrigin, but=FOLDER),
            Middleware(ToProfiles, admit=visitor_at),
        ],
    )
    app.state.stopping, app.state.leaving = stopping, leaving
    error_responses.install(app, saying_at)
    for router in (*DIALECTS, files, deliveries, health, docs, console_router(), node_calls, node_profiles):
        app.include_router(router)

    @app.get("/", include_in_schema=False)
    async def root() -> Response:
        return RedirectResponse(FOLDER, status_code=302)

    return app


def begin_leave(app: FastAPI) -> bool:
    """Where other nodes serve clients, too: have balancers turn to those, and serve whoever still comes as ever.

    ``/readyz`` says no, answers end their connections, nothing is claimed or passed on to here any more. Returns whether that
    is worth some seconds before `begin_stop`.
    """
    others: Neighbours | None = getattr(app.state, "others", None)
    if others is None or all(node.role == Role.WORKER for node in others.live):
        return False
    app.state.leaving.set()
    app.state.engine.stop_claiming()
    return True


def begin_stop(app: FastAPI) -> None:
    """Take nothing new from now on: ``/readyz`` says so, creates are refused, event streams end. What runs goes on.

    To be called as soon as the process is told to stop; the server then finds no stream that keeps it from ending.
    """
    app.state.leaving.set()
    app.state.stopping.set()
    engine: Engine | None = getattr(app.state, "engine", None)
    if engine is not None:
        engine.stop_claiming()
        app.state.db.hurry()


@asynccontextmanager
async def _opened(
    app: FastAPI, settings: Settings, *, site: OpenSite, metrics: Metrics, stopping: asyncio.Event, heartbeat_s: float
) -> AsyncIterator[None]:
    """Everything open, and found on ``app.state``: services, health, engine, db."""
    async with AsyncExitStack() as stack:
        secret = load_secret(settings)
        db = await stack.enter_async_context(Database.open(settings.effective_database_url, bus_url=settings.bus_url))
        media = open_media(settings, db)
        node = await take_name(db, settings.data_dir, settings.node_id)
        identity = Identity(
            node, settings.role, own_address(settings), store_of(settings), secret.mark, home_of(settings.data_dir)
        )
        member = await stack.enter_async_context(Membership.join(db, identity))
        store = SqlTaskStore(db, affinity_s=settings.affinity_s)
        parts = await stack.enter_async_context(site(Opening(settings, secret, db, media, store)))
        links = Links(secret.key(Purpose.LINKS), ttl_s=settings.link_ttl_s)
        # Before the engine, so that it still tells of what ends while that drains.
        post = await stack.enter_async_context(
            open_post_office(settings, secret, db, store, links, node=node, registry=metrics.registry)
        )
        counted = EngineMetrics(metrics.registry)
        engine = await stack.enter_async_context(
            Engine(
                store,
                parts.maker,
                parts.capacity,
                settings,
                media,
                node,
                metrics=counted,
                on_suspect=parts.suspect,
            )
        )
        await stack.enter_async_context(
            beside(member.watch(parts.capacity.wait_changed), member.leave_on(app.state.leaving))
        )
        signer = Signer(secret.key(Purpose.NODES), node, clock=member.registry.now)
        client = await stack.enter_async_context(NodeClient.open())
        others = Neighbours(db, member.registry, node)
        await stack.enter_async_context(beside(others.keep()))
        keys = ApiKeys(db, secret.key(Purpose.API_KEYS))
        await stack.enter_async_context(housekeeping(keys, media, Audit(db)))
        book = UsageBook(db)
        await stack.enter_async_context(book.kept())
        fetcher = Fetcher(
            limit_bytes=settings.max_image_bytes,
            timeout_s=settings.fetch_timeout_s,
            allow_private=settings.fetch_allow_private,
        )
        vitals = Vitals(db, store, parts, engine, metrics, app.state.leaving, lease_s=settings.lease_s, others=others)
        fleet = Fleet(parts, others)
        member.begin_telling(partial(offers_of, parts), lambda: {"running": len(engine.running), **fleet.facts()})
        calls = CallsAnywhere(
            parts.calls,
            others,
            RemoteCalls(client, signer),
            free_here=fleet.free_here,
            is_able=fleet.is_able_here,
            detail_of=rests_as,
            passed_on=metrics.passed_on,
        )
        forwarder = Forwarder(client, signer, others)
        app.state.moves = Moves(settings, secret, db, node, others=others, client=client, signer=signer)
        app.state.profile_places = ProfilePlaces(forwarder, partial(node_of, db))
        app.state.node_desk = NodeDesk(signer, parts.calls, fleet.free_here, stopping, settings.drain_s)
        app.state.member, app.state.others = member, others
        app.state.db, app.state.engine, app.state.site = db, engine, parts
        app.state.health = Health(checks=vitals.checks, metrics=vitals.text)
        counted_calls = CountedCalls(calls, CallMetrics(metrics.registry), note=book.note)
        repeats = RepeatableImages(counted_calls, db, rerun=settings.on_ambiguous is OnAmbiguous.RERUN)
        await stack.enter_async_context(repeats.kept())
        services = app.state.services = Services(
            settings=settings,
            store=store,
            feed=Feed(store, db.changes, metrics=counted),
            media=media,
            links=links,
            inputs=Inputs(media, links, fetcher, limit_bytes=settings.max_image_bytes),
            keys=keys,
            check_video=_check(settings, fleet.allows),
            requires=_requires,
            metrics=metrics,
            calls=counted_calls,
            repeats=repeats,
            callbacks=post.callbacks,
            deliveries=post.deliveries,
            signing=post.signing,
            local_caller=local_caller() if settings.no_auth else None,
            stopping=stopping,
            heartbeat_s=heartbeat_s,
            why_waiting=fleet.why_waiting,
            allows=fleet.allows,
            modes=fleet.modes,
            forwarder=forwarder,
            places=fleet.video_places,
        )
        app.state.console = _console(secret, node, db=db, services=services, keys=keys, parts=parts, watch=post.watch)
        if parts.live is not None:
            await stack.enter_async_context(beside(write_control_down(parts.live, app.state.console.audit)))
        await stack.enter_async_context(beside(app.state.console.doctor.work()))
        log.info("gateway started", version=version("grok-gateway"), worker=engine.worker)
        yield
    log.info("gateway stopped")


def _console(
    secret: Secret, node: str, *, db: Database, services: Services, keys: ApiKeys, parts: SiteParts, watch: Watch
) -> House:
    settings = services.settings
    pepper = secret.key(Purpose.SESSIONS)
    return House(
        settings=settings,
        db=db,
        services=services,
        keys=keys,
        password=AdminPassword(db),
        sessions=Sessions(db, pepper, idle_s=settings.console_idle_s, whole_s=settings.console_session_s),
        setup_links=SetupLinks(db, pepper),
        audit=Audit(db),
        doctor=Doctor(settings, db.changes),
        registry=Registry(db, node=node, proxy_key=secret.key(Purpose.PROXIES)),
        statuses=parts.profiles,
        watch=watch,
        copies=partial(copies_of, settings, secret),
        site_host=urlsplit(grok_site().home_url).hostname or "",
        dialects=tuple(word.value for word in Dialect),
        live=LiveRoom(parts.live, LiveGrants(db, pepper, cookie_s=settings.live_control_max_s)),
    )


def _check(settings: Settings, allows: Callable[[], frozenset[str]]) -> CheckVideo:
    """What the site makes, asked in the dialects' terms: they know nothing of the site."""

    def check(request: VideoRequest) -> VideoSpec:
        if request.mode is VideoMode.EXTEND and settings.protocol is Protocol.G2:
            raise UnsupportedParameter("This gateway is set to a protocol that cannot extend videos.", param="video")
        said = {one.name: getattr(request, one.name) for one in fields(request) if one.name != "pictures"}
        spec = check_video(
            SiteRequest(**said, image_assets=tuple("" for _ in request.pictures)),
            allow_spicy=settings.allow_spicy,
            allows=allows(),
        )
        # References stand in for the pictures until these are in the store.
        return replace(spec, image_assets=())

    return check


def _requires(spec: VideoSpec) -> frozenset[str]:
    return frozenset(word for word, seconds in EXTRA_SECONDS.items() if spec.seconds == seconds)
