"""Printing the diagnosis as it goes on."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict
from typing import Any

from browser.clearance import Clearance
from gateway.cli.failures import explain
from gateway.cli.house import open_house
from gateway.cli.logs import quiet
from gateway.cli.output import emit
from gateway.cli.profile_check import checked
from gateway.cli.profile_view import in_words
from gateway.doctor.examination import examine
from gateway.doctor.finding import Finding, Level, fail, ok
from gateway.settings import Settings

SITE_S = 90.0
COLOURS = {Level.OK: "\x1b[32m", Level.WARN: "\x1b[33m", Level.FAIL: "\x1b[31m"}


def diagnose(settings: Settings, *, site: bool, as_json: bool) -> bool:
    """Print every finding; True when nothing failed."""
    quiet(settings)
    found = asyncio.run(_diagnose(settings, site=site, as_json=as_json))
    failed = sum(finding.level is Level.FAIL for finding in found)
    warned = sum(finding.level is Level.WARN for finding in found)
    value: dict[str, Any] = {"ok": not failed, "findings": [asdict(finding) for finding in found]}
    if failed:
        text = f"\n{failed} to mend" + (f", {warned} to know of" if warned else "")
    else:
        text = f"\nnothing to mend, {warned} to know of" if warned else "\nall is well"
    emit(value, text, as_json=as_json)
    return not failed


async def _diagnose(settings: Settings, *, site: bool, as_json: bool) -> list[Finding]:
    found = []
    async for finding in examine(settings):
        found.append(finding)
        _show(finding, as_json=as_json)
    if site:
        for finding in await _ask_site(settings):
            found.append(finding)
            _show(finding, as_json=as_json)
    return found


async def _ask_site(settings: Settings) -> list[Finding]:
    found = []
    async with open_house(settings) as house:
        for profile in await house.profiles.list(node=house.profiles.node):
            if not profile.enabled:
                continue
            about = f"site, {profile.name}"
            try:
                seen = await checked(house, profile, timeout_s=SITE_S, as_json=True)
            except Exception as exc:  # one profile's trouble must not end the diagnosis
                found.append(fail(about, explain(exc).message, f"gateway profile show {profile.name}"))
                continue
            fine = seen.clearance is Clearance.READY
            found.append(ok(about, in_words(seen)) if fine else fail(about, in_words(seen), seen.next_action))
    return found


def _show(finding: Finding, *, as_json: bool) -> None:
    if as_json:
        return
    level = f"{finding.level:<4}"
    if sys.stdout.isatty():
        level = f"{COLOURS[finding.level]}{level}\x1b[0m"
    print(f"{level}  {finding.about:<15} {finding.message}")
    if finding.fix and finding.level is not Level.OK:
        print(f"{'':<22}→ {finding.fix}")
    sys.stdout.flush()
