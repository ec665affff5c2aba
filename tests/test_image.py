"""The Dockerfile, read without Docker: it copies what exists and installs by the very steps a clone uses."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from scripts.installer.__main__ import STEPS, arguments

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """Each instruction and its argument, comments dropped and continued lines joined."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [(word, rest) for line in joined.splitlines() if line.strip() for word, _, rest in [line.partition(" ")]]


def of(instructions: list[tuple[str, str]], word: str) -> list[str]:
    return [rest for found, rest in instructions if found == word]


def test_what_is_copied_exists_and_is_let_through(instructions):
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    for copied in of(instructions, "COPY"):
        *sources, _ = copied.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source.split("/")[0] in allowed, f".dockerignore keeps {source} out"


def test_every_step_of_the_installation_is_run_once(instructions):
    steps = []
    for command in of(instructions, "RUN"):
        if (installs := re.search(r"scripts/install ([^&]*)", command)) is not None:
            steps += arguments(shlex.split(installs[1])).only
    assert steps == list(STEPS)


def test_files_are_there_before_the_step_that_reads_them(instructions):
    copied: set[str] = set()
    needs = {
        "--only system": {"scripts/install", "scripts/installer"},
        "--only python": {"scripts/requirements.txt"},
        "--only browser": {"browser"},
        "--only project": {"gateway", "pyproject.toml", "README.md"},
    }
    for word, rest in instructions:
        if word == "COPY":
            copied |= set(rest.split()[:-1])
        for step, files in needs.items():
            if word == "RUN" and step in rest:
                assert files <= copied, step


def test_it_runs_as_nobody_special(instructions):
    words = [word for word, _ in instructions]
    assert "--uid 10001" in of(instructions, "RUN")[0]
    assert of(instructions, "USER") == ["gateway"]
    assert words.index("USER") > max(i for i, word in enumerate(words) if word == "RUN")
    assert "GATEWAY_BROWSER_SANDBOX" not in (ROOT / "Dockerfile").read_text("utf-8")
    assert "--no-sandbox" not in (ROOT / "Dockerfile").read_text("utf-8")


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_asks_the_event_loop_only(instructions, status, healthy):
    """One request to /livez; a browser is never launched for it."""
    command = json.loads(of(instructions, "HEALTHCHECK")[0].partition("CMD ")[2])
    asked = []

    class Gateway(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        environment = {"GATEWAY_PORT": str(server.server_port), "PATH": os.environ["PATH"]}
        done = subprocess.run([sys.executable, *command[1:]], env=environment, capture_output=True, check=False)
        answering.join(5)
    assert asked == ["/livez"]
    assert (done.returncode == 0) is healthy


def test_data_and_port_are_where_the_settings_say(instructions):
    [environment] = of(instructions, "ENV")
    values = dict(pair.split("=", 1) for pair in environment.split())
    assert of(instructions, "VOLUME") == [values["GATEWAY_DATA_DIR"]]
    assert of(instructions, "EXPOSE") == [values["GATEWAY_PORT"]]
    assert json.loads(of(instructions, "ENTRYPOINT")[0])[:2] == ["tini", "--"]


def test_the_seccomp_profile_leaves_chromium_its_sandbox():
    """Its sandbox makes user namespaces and changes root inside them; what a container must not do stays forbidden."""
    profile = json.loads((ROOT / ".docker" / "seccomp.json").read_text("utf-8"))
    assert profile["defaultAction"] == "SCMP_ACT_ALLOW"
    assert {group["action"] for group in profile["syscalls"]} == {"SCMP_ACT_ERRNO"}
    forbidden = {name for group in profile["syscalls"] for name in group["names"]}
    assert not forbidden & {"clone", "clone3", "unshare", "chroot", "ptrace"}
    assert {"mount", "bpf", "init_module", "keyctl", "setns"} <= forbidden
