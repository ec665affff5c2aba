"""Does to the pool what a profile's row asks for. One call per profile at a time; `keeper.py` sees to that."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from browser.clearance import Clearance
from browser.errors import BrowserError, CheckpointUnreadable, ProfileUnknown
from browser.pool import Pool
from browser.profiles import ProfileSpec
from gateway.auth.secret import Secret
from gateway.profiles.carrying import put_back
from gateway.profiles.errors import NothingKept, ProxyUnreadable, UnknownProfile
from gateway.profiles.model import Profile
from gateway.profiles.places import copies_of, directory_of
from gateway.profiles.recorder import Recorder
from gateway.profiles.registry import Registry
from gateway.settings import Settings

log = structlog.get_logger(__name__)

#: What running work is given when a profile's directory is needed elsewhere.
RELEASE_S = 20.0

#: States a restart of the gateway does not change; from any other one the profile is verified anew.
LASTING = frozenset({Clearance.READY, Clearance.LOGIN_REQUIRED, Clearance.CHALLENGED, Clearance.BLOCKED})


def starting_clearance(profile: Profile) -> Clearance:
    """Return where a profile starts: READY ones without a browser until work comes, doubtful ones with a look."""
    return profile.clearance if profile.clearance in LASTING else Clearance.NEW


@dataclass(slots=True)
class Known:
    """What the pool was last told of a profile. in_pool False: it cannot be run (the row says why)."""

    revision: int
    in_pool: bool = True
    released: bool = False


class Tender:
    """Brings the pool in line with rows."""

    def __init__(
        self, pool: Pool, registry: Registry, recorder: Recorder, *, settings: Settings, secret: Secret
    ) -> None:
        self._pool = pool
        self._registry = registry
        self._recorder = recorder
        self._settings = settings
        self._secret = secret
        self._known: dict[str, Known] = {}

    def known(self) -> frozenset[str]:
        """Return the profiles the pool was told of."""
        return frozenset(self._known)

    def wants(self, row: Profile, now: datetime) -> bool:
        """Whether anything has to be done for this row."""
        known = self._known.get(row.name)
        return (
            known is None
            or row.removed_at is not None
            or row.revision != known.revision
            or row.release_wanted(now) != known.released
            or (row.released_at is not None) != known.released
            or row.check_wanted
            or row.restore_generation is not None
        )

    async def tend(self, row: Profile) -> None:
        """Do what the row asks for, and answer in it. May take as long as a launch or a drain does."""
        if row.removed_at is not None:
            await self._remove(row)
            return
        await self._release_or_resume(row)
        known = self._known.get(row.name)
        if known is not None and known.released:
            return  # whoever has the directory changes it; what else is asked for waits
        if known is None:
            await self._add(row)
        elif row.revision != known.revision:
            await self._change(row, known)
        if row.restore_generation is not None:
            await self._put_back(row, row.restore_generation)
        elif row.check_wanted:
            await self._check(row)

    async def forget(self, name: str) -> None:
        """Let go of a profile whose row is gone; its directory stays (whoever removed the row removes that). One that moved
        to another node has taken its sign-in along: what is left here must not be used again."""
        known = self._known.pop(name)
        if known.in_pool:
            await self._pool.remove(name)
        with suppress(UnknownProfile):
            moved_to = (await self._registry.get(name)).node_id
            if moved_to != self._registry.node:
                await directory_of(self._settings, name).delete()
                log.info("profile moved away", profile=name, to=moved_to)

    async def _add(self, row: Profile) -> None:
        spec = await self._spec(row)
        if spec is None:
            return
        await self._pool.add(
            spec,
            clearance=starting_clearance(row),
            reason=row.reason,
            account=row.account,
            cooldowns=row.cooldowns,
        )
        self._known[row.name] = Known(row.revision)
        log.info("profile taken up", profile=row.name, clearance=row.clearance.value)

    async def _change(self, row: Profile, known: Known) -> None:
        spec = await self._spec(row)
        if spec is None:
            if known.in_pool:
                await self._pool.remove(row.name)
            return
        if not known.in_pool:
            await self._add(row)
            return
        await self._pool.update(spec)
        known.revision = row.revision

    async def _spec(self, row: Profile) -> ProfileSpec | None:
        """Return how to run the profile, None when it must not run: without its proxy the site would see another place."""
        try:
            return ProfileSpec(name=row.name, proxy=self._registry.proxy_of(row), enabled=row.enabled)
        except (ProxyUnreadable, ValueError) as exc:
            log.warning("profile cannot be run", profile=row.name, error=str(exc))
            self._known[row.name] = Known(row.revision, in_pool=False)
            await self._registry.record_seen(
                row.name,
                clearance=Clearance.BLOCKED,
                reason=str(exc),
                since=datetime.now(UTC),
                account={},
                cooldowns=row.cooldowns,
                last_checkpoint_at=None,
            )
            return None

    async def _check(self, row: Profile) -> None:
        known = self._known[row.name]
        if known.in_pool and row.enabled:
            try:
                await self._pool.check(row.name)  # it applies a waiting import, too
            except BrowserError as exc:
                log.info("profile not checked", profile=row.name, error=str(exc))
        assert row.check_requested_at is not None
        await self._recorder.write(row.name, checked_for=row.check_requested_at)

    async def _put_back(self, row: Profile, generation: int) -> None:
        """Lay an earlier copy ready; the check that the row then asks for applies it."""
        try:
            await put_back(self._registry, copies_of(self._settings, self._secret, row.name), row.name, generation)
        except (NothingKept, CheckpointUnreadable, OSError) as exc:
            log.warning("copy not put back", profile=row.name, generation=generation, error=str(exc))
            await self._registry.restore_failed(row.name, generation=generation, reason=str(exc))

    async def _release_or_resume(self, row: Profile) -> None:
        known = self._known.get(row.name)
        if row.release_wanted(datetime.now(UTC)):
            if known is None:  # it never was in the pool: nothing to give up, only to keep off
                known = self._known[row.name] = Known(revision=-1, in_pool=False)
            if not known.released:
                if known.in_pool:
                    await self._pool.release(row.name, timeout_s=RELEASE_S)
                known.released = True
                log.info("profile released", profile=row.name, to=row.release_requested_by)
            if row.released_at is None:
                await self._registry.answer_release(row.name, datetime.now(UTC))
            return
        if known is not None and known.released:
            if known.in_pool:
                self._pool.resume(row.name)
            known.released = False
            log.info("profile taken back", profile=row.name)
        if row.released_at is not None:
            await self._registry.answer_release(row.name, None)

    async def _remove(self, row: Profile) -> None:
        known = self._known.get(row.name)
        if known is not None and known.in_pool:
            with suppress(ProfileUnknown):
                await self._pool.remove(row.name)
            known.in_pool = False
        await directory_of(self._settings, row.name).delete()
        await self._registry.remove(row.name)
        self._known.pop(row.name, None)
        log.info("profile removed", profile=row.name)
