"""`gateway doctor` from the console: one examination at a time, its findings shown as they come."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from gateway.db.changes import Changes
from gateway.doctor.examination import examine
from gateway.doctor.finding import Finding, Level, fail
from gateway.settings import Settings

log = structlog.get_logger(__name__)

TOPIC = "doctor"


@dataclass(slots=True)
class Report:
    """What was found. ended_at None: it still goes on."""

    began_at: datetime
    ended_at: datetime | None = None
    findings: list[Finding] = field(default_factory=list)

    def of(self, level: Level) -> list[Finding]:
        return [finding for finding in self.findings if finding.level is level]


class Doctor:
    """*settings*: of the running gateway; *changes*: told at every finding. `work` runs for as long as the gateway does."""

    def __init__(self, settings: Settings, changes: Changes) -> None:
        self._settings = settings
        self._changes = changes
        self._wanted = asyncio.Event()
        self.report: Report | None = None

    @property
    def busy(self) -> bool:
        return self._wanted.is_set() or (self.report is not None and self.report.ended_at is None)

    def ask(self) -> None:
        """Have everything examined, unless that goes on already."""
        self._wanted.set()
        self._changes.wake(TOPIC)

    async def work(self) -> None:
        """Examine when asked, until cancelled."""
        while True:
            await self._wanted.wait()
            self.report = Report(datetime.now(UTC))
            self._wanted.clear()
            try:
                async for finding in examine(self._settings):
                    self.report.findings.append(finding)
                    self._changes.wake(TOPIC)
            except Exception as exc:  # a diagnosis that breaks off is a finding, too, and must not end the gateway
                log.exception("diagnosis broke off")
                self.report.findings.append(fail("doctor", f"it broke off: {exc}", "gateway doctor"))
            self.report.ended_at = datetime.now(UTC)
            self._changes.wake(TOPIC)
