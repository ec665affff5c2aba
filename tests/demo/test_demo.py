"""`scripts/demo` as a newcomer runs it: to its end, interrupted, and where no browser starts."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.demo.film import watch
from tests.demo.service import DemoFailed

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "scripts" / "demo"
WITHIN_S = 110

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """What a demo starts knows its directory; none of it outlives the demo."""
    before = {process.pid for process in psutil.process_iter()}
    yield
    time.sleep(0.5)  # a killed browser's children take a moment to be reaped by the system
    left = [
        " ".join(process.info["cmdline"])[:200]
        for process in psutil.process_iter(["cmdline"])
        if process.pid not in before and any(f"{ROOT}/.demo/run-" in part for part in process.info["cmdline"] or ())
    ]
    assert not left


def test_once_saves_a_video_that_plays(tmp_path, environment):
    done = subprocess.run(
        [DEMO, "--once", "--out", "my film.mp4"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    film = watch(tmp_path / "my film.mp4")
    assert (film.width, film.height) == (1280, 720)
    assert film.seconds == pytest.approx(6, abs=0.2)
    percentages = [int(found) for found in re.findall(r"(\d+) % ", done.stdout)]
    assert len(percentages) >= 3, "progress was shown"
    assert percentages == sorted(percentages)
    assert str(tmp_path / "my film.mp4") in done.stdout
    assert "gateway login" in done.stdout


def test_it_stays_up_until_ctrl_c(tmp_path, environment):
    demo = subprocess.Popen(
        [DEMO, "--out", tmp_path / "demo.mp4"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert demo.stdout is not None
    said = ""
    try:
        for line in demo.stdout:
            said += line
            if "until Ctrl-C" in line:
                break
        told = re.search(r"^  export URL=.*?^  curl -N [^\n]*$", said, re.MULTILINE | re.DOTALL)
        assert told, said
        link = re.search(r"http://127\.0\.0\.1:\d+/console/setup\S*", said)
        assert link, said
        assert httpx2.get(link[0].split("#")[0], trust_env=False).status_code == 200
        if shutil.which("curl"):
            followed = subprocess.run(["bash", "-c", told[0]], capture_output=True, text=True, timeout=60, check=True)
            assert '"completed"' in followed.stdout.splitlines()[-2] + followed.stdout.splitlines()[-1]
        os.killpg(demo.pid, signal.SIGINT)
        assert demo.wait(40) == 0
    finally:
        if demo.poll() is None:
            demo.terminate()
            demo.wait(40)


def test_a_browser_that_does_not_start_is_explained(tmp_path, environment):
    """The gateway's own words are shown; the demo does not leave it running."""
    done = subprocess.run(
        [ROOT / ".venv" / "bin" / "python", "-m", "tests.demo", "--once", "--out", tmp_path / "demo.mp4"],
        cwd=ROOT,
        env={**environment, "GATEWAY_BROWSER_EXECUTABLE": "/bin/false"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 1
    assert "The demo failed" in done.stderr
    assert "gateway doctor" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert not (tmp_path / "demo.mp4").exists()


def test_what_does_not_play_is_not_a_film(tmp_path):
    (tmp_path / "x.mp4").write_bytes(b"<html>not a video</html>")
    with pytest.raises(DemoFailed, match="does not play"):
        watch(tmp_path / "x.mp4")
