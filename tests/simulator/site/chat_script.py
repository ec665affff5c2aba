"""What an answer in words consists of, before it is put into the frames of one protocol or the other.

Deterministic: `answer_to(prompt)` tells a test what it must receive.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.simulator.state.scenarios import Script, without_keywords

SAY = re.compile(r"\bsay:\s*(.*)", re.DOTALL | re.IGNORECASE)
TOKEN = re.compile(r"\S+\s*|\s+")
THOUGHTS = (
    ("header", "Thinking about it"),
    ("summary", "- The question is read.\n"),
    ("summary", "- The answer is known.\n"),
)
RESULTS = [
    {"url": "https://example.com/one", "title": "One", "preview": "The first result."},
    {"url": "https://example.org/two", "title": "Two", "preview": "The second result – with ünïcödé."},
]


def answer_to(prompt: str) -> str:
    """The text of the answer to *prompt* when no scenario changes it."""
    text = without_keywords(prompt)
    if match := SAY.search(text):
        return match[1].strip()
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"You wrote: {text}\n\nIts digest is {digest} ✓ 好的."


@dataclass(frozen=True)
class Step:
    """One thing that happens in an answer: `thought`, `search`, `token` or `citation`."""

    kind: str
    text: str = ""
    tag: str = ""
    value: Any = None
    late: Callable[[], str] | None = None
    """Makes the text at the moment of writing; for measuring."""

    def written(self) -> str:
        return self.late() if self.late else self.text


def _clock() -> str:
    return f"{time.monotonic():.6f} "


def steps(prompt: str, script: Script, *, thinks: bool, searches: bool) -> Iterator[Step]:
    if thinks:
        for tag, text in THOUGHTS:
            yield Step("thought", text, tag)
    if searches:
        yield Step("search", "the question", value=RESULTS)
    if script.get("empty-answer") == "message":
        return
    if "tokens" in script or "clock" in script:
        for number in range(int(script.number("tokens", 20))):
            yield Step("token", f"{number} ", late=_clock if "clock" in script else None)
        return
    for match in TOKEN.finditer(answer_to(prompt)):
        yield Step("token", match[0])
    if searches:
        yield Step("citation", value=RESULTS[0])


def gap(script: Script, pace: float, count: int) -> float:
    """Seconds between two steps: a chat answer takes a fifth of what a video takes."""
    if "every" in script:
        return script.number("every", 0.05)
    return script.number("pace", pace / 5) / max(1, count)
