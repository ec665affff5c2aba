"""What the demo shows: numbered steps with their times, and one line that grows while a video is made."""

from __future__ import annotations

import io
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

BAR = 30
#: Without a terminal, progress is printed as lines, at most one for each so many percent.
STRIDE = 10
#: The gateway's stages in a bystander's words; another one is shown as it is called.
STAGES = {
    "pending": "waiting",
    "running": "starting",
    "submit": "asking the site",
    "generate": "the site makes it",
    "download": "fetching the file",
    "completed": "done",
}


class Terminal:
    """Writes to standard output; with colours and a moving line only where somebody can see them."""

    def __init__(self) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show a bar shows question marks
        self.live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = self.live and not os.environ.get("NO_COLOR")
        self._steps = 0
        self._line_open = False
        self._printed = -float(STRIDE)

    def say(self, text: str = "") -> None:
        self.close_line()
        print(text, flush=True)

    def strong(self, text: str) -> str:
        return f"\033[1m{text}\033[0m" if self._colour else text

    @contextmanager
    def step(self, title: str) -> Iterator[list[str]]:
        """Show a step as begun, then with what is appended to the list, and how long it took."""
        self._steps += 1
        start = time.monotonic()
        head = f" {self._steps}  {title:<10}"
        if self.live:
            self._rewrite(f"{head} …")
        said: list[str] = []
        yield said
        took = f"{time.monotonic() - start:.1f} s"
        self._clear()
        first, *more = said or ["done"]
        print(f"{self.strong(head)} {first}  ({took})", flush=True)
        for line in more:
            print(f"{'':<14}  {line}", flush=True)

    def progress(self, percent: float, stage: str, started: float) -> None:
        """Show how far the video is; *started* is the monotonic time of its begin."""
        seconds = time.monotonic() - started
        doing = STAGES.get(stage, stage)
        if self.live:
            full = round(BAR * percent / 100)
            bar = "█" * full + "░" * (BAR - full)
            self._rewrite(f"{'':<14} {bar} {percent:3.0f} %  {doing}  {seconds:.0f} s")
        elif percent >= self._printed + STRIDE or (percent >= 100 > self._printed):
            print(f"{'':<14} {percent:3.0f} %  {doing}  ({seconds:.1f} s)", flush=True)
            self._printed = percent

    def close_line(self) -> None:
        """Leave the moving line as it stands and go on below it."""
        if self._line_open:
            print(flush=True)
            self._line_open = False

    def _rewrite(self, text: str) -> None:
        width = shutil.get_terminal_size((100, 24)).columns - 1
        print(f"\r\033[K{text[:width]}", end="", flush=True)
        self._line_open = True

    def _clear(self) -> None:
        if self._line_open:
            print("\r\033[K", end="")
            self._line_open = False
