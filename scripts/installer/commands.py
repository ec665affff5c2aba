"""Running the programs an installation needs: quietly, again when they fail, and never for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Failed(Exception):
    """The installation cannot go on. The message says what to do."""


class CommandFailed(Failed):
    """A program ended with an error or took too long; *output* is what it printed."""

    def __init__(self, what: str, output: str) -> None:
        tail = "\n".join(f"    {line}" for line in output.strip().splitlines()[-15:])
        super().__init__(f"{what} failed{':' if tail else '.'}\n{tail}".rstrip())
        self.output = output


def say(text: str) -> None:
    print(text, flush=True)


def run(
    argv: Sequence[str | Path],
    *,
    what: str,
    timeout_s: float = 900,
    tries: int = 1,
    wait_s: float = 3,
    env: Mapping[str, str] | None = None,
    before_retry: Callable[[str], None] | None = None,
) -> str:
    """Run *argv* in the project's folder and return what it printed; waits twice as long before each further try.

    timeout_s: for one try; the program's whole process group is ended then. before_retry: gets the failed try's output.
    Raises CommandFailed, named after *what*.
    """
    for attempt in range(1, tries + 1):
        code, output = _once([str(part) for part in argv], timeout_s=timeout_s, env=env)
        if code == 0:
            return output
        if attempt < tries:
            if before_retry is not None:
                before_retry(output)
            pause_s = wait_s * 2 ** (attempt - 1)
            print(f"  {what} failed, trying again in {pause_s:.0f} s ({attempt + 1} of {tries})", file=sys.stderr)
            time.sleep(pause_s)
    raise CommandFailed(what, output)


def _once(argv: list[str], *, timeout_s: float, env: Mapping[str, str] | None) -> tuple[int, str]:
    try:
        process = subprocess.Popen(
            argv,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as exc:
        return 127, f"{argv[0]}: {exc.strerror}"
    try:
        output, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return 124, f"{_end(process)}\ngave up after {timeout_s:.0f} s"
    except BaseException:  # Ctrl-C reaches only us: the program has a session of its own
        _end(process)
        raise
    return process.returncode, output


def _end(process: subprocess.Popen[str]) -> str:
    """End the process group, politely first: a package manager must be able to leave its database whole."""
    for sent, patience_s in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, sent)
            output, _ = process.communicate(timeout=patience_s)
        except (subprocess.TimeoutExpired, ProcessLookupError, PermissionError):
            continue
        return output
    return ""
