"""Why Chromium did not start, in a sentence that says what to do, out of the pages of text that Playwright gives."""

from __future__ import annotations

import re

NO_SANDBOX = (
    "this system gives {program} no sandbox: allow unprivileged user namespaces (on Ubuntu 23.10 and newer AppArmor "
    "forbids them; in a container use the seccomp profile that comes with it), or switch the sandbox off explicitly"
)
#: Parts of the text, and what they mean; the first that is found is told.
KNOWN = (
    (
        "Running as root without --no-sandbox",
        "{program} does not start as root with its sandbox on: run as another user, or leave the sandbox setting alone",
    ),
    ("No usable sandbox", NO_SANDBOX),
    ("sandboxing failed", NO_SANDBOX),
    ("Failed to move to new namespace", NO_SANDBOX),
    ("ProcessSingleton", "another browser works in its directory: end it first"),
    ("Opening in existing browser session", "another browser works in its directory: end it first"),
    ("Missing X server", "{program} cannot open its display: unset DISPLAY, or start that X server"),
    ("Authorization required", "{program} may not use the display: set XAUTHORITY, or unset DISPLAY"),
    ("No space left on device", "{program} did not start: the disk is full"),
)
MISSING_LIBRARY = re.compile(r"error while loading shared libraries: ([^:\s]+)")
#: Chromium's own complaint, without process ids, times and source lines.
COMPLAINT = re.compile(r"\[err\] \[[^\]]*:(FATAL|ERROR):[^\]]*\] (.+)")

#: What Chromium complains of on every machine without a desktop; it starts all the same.
NOISE = re.compile(r"\bd-?bus\b|connect to the bus", re.IGNORECASE)


def explained(exc: BaseException, *, profile: str, program: str) -> str:
    """Return one sentence about a failed start of *program* on *profile*."""
    if isinstance(exc, TimeoutError):
        return f"profile {profile}: {program} did not start in time: look for other load on this machine"
    text = str(exc)
    if library := MISSING_LIBRARY.search(text):
        return f"profile {profile}: {program} needs {library[1]}, which is not installed: run scripts/install"
    for part, meaning in KNOWN:
        if part in text:
            return f"profile {profile}: {meaning.format(program=program)}"
    return f"profile {profile}: {program} did not start: {_complaint(text) or type(exc).__name__}"


def _complaint(text: str) -> str:
    found = dict(reversed([(kind, said) for kind, said in COMPLAINT.findall(text) if not NOISE.search(said)]))
    said = found.get("FATAL") or found.get("ERROR")
    if said:
        return str(said).strip()
    return text.strip().splitlines()[0] if text.strip() else ""
