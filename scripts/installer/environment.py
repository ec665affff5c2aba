"""The project's own Python environment: `.venv`, the locked packages, and the command `gateway`."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.installer.commands import ROOT, CommandFailed, Failed, run, say
from scripts.installer.system import System

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
PIP = (PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input")


def lock_file(*, runtime: bool) -> Path:
    return ROOT / "scripts" / ("requirements.txt" if runtime else "requirements-dev.txt")


def install_packages(system: System, *, runtime: bool) -> None:
    """Make `.venv` and put the locked packages into it, unless that is what is there already."""
    lock = lock_file(runtime=runtime)
    mark = Mark("packages", str(ROOT), lock.read_text("utf-8"))
    if mark.stands:
        return
    if not _usable():
        _create(system)
    say(f"Installing the Python packages of scripts/{lock.name}")
    try:
        run(
            [*PIP, "install", "--quiet", "--retries", "5", "--require-hashes", "--requirement", lock],
            what="Installing the Python packages",
            timeout_s=1800,
            tries=3,
        )
    except CommandFailed as exc:
        raise Failed(
            f"{exc}\nThe package index must be reachable (behind a proxy: set HTTPS_PROXY). Then run scripts/install again."
        ) from exc
    if not runtime:
        _remove_what_is_not_in(lock)
    mark.put()


def _remove_what_is_not_in(lock: Path) -> None:
    """Uninstall what an earlier lock had: a plugin that was replaced would be loaded beside the one in its place."""
    there = run([*PIP, "list", "--format", "freeze", "--exclude-editable"], what="Listing the Python packages")
    locked, installed = (
        {re.sub("[-_.]+", "-", name) for name in re.findall(r"^([\w.-]+)==", text.lower(), re.MULTILINE)}
        for text in (lock.read_text("utf-8"), there)
    )
    if old := sorted(installed - locked - {"pip", "setuptools", "wheel"}):
        run([*PIP, "uninstall", "--quiet", "--yes", *old], what="Removing packages that are not needed any more")


def install_project() -> None:
    """Put the project itself into `.venv`, as it stands in this folder."""
    mark = Mark("project", str(ROOT), (ROOT / "pyproject.toml").read_text("utf-8"))
    if mark.stands and (VENV / "bin" / "gateway").exists():
        return
    run(
        [*PIP, "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--editable", ROOT],
        what="Installing the project into .venv",
    )
    mark.put()


def python_version() -> str:
    """The version of the Python in `.venv`, which need not be the one that runs this."""
    return run([PYTHON, "-c", "import sys; print(sys.version.split()[0])"], what=".venv/bin/python").strip()


class Mark:
    """A note in `.venv` of what it was made from; another folder or lock means doing it again."""

    def __init__(self, name: str, *made_from: str) -> None:
        self._path = VENV / f".installed-{name}"
        self._digest = hashlib.sha256("\0".join(made_from).encode()).hexdigest()

    @property
    def stands(self) -> bool:
        return _usable() and self._path.is_file() and self._path.read_text("utf-8") == self._digest

    def put(self) -> None:
        self._path.write_text(self._digest, encoding="utf-8")


def _usable() -> bool:
    """Whether `.venv` was made in this folder and its Python still answers, with pip."""
    configuration = VENV / "pyvenv.cfg"
    # Its `command` line ends with the folder it was made in; in a moved clone every command of it would be broken.
    if not PYTHON.exists() or not configuration.read_text("utf-8").rstrip().endswith(f" {VENV}"):
        return False
    return subprocess.run([PYTHON, "-c", "import pip"], capture_output=True, check=False).returncode == 0


def needs_venv_package() -> bool:
    """Debian's python3 comes without what `venv` puts into a new environment."""
    return not _usable() and not _has_ensurepip()


def _create(system: System) -> None:
    if not _has_ensurepip():
        packages = system.missing(["venv"])
        if not packages:
            raise Failed(f"{sys.executable} has no ensurepip, which `venv` needs. Set PYTHON to one that has it.")
        system.install(packages)
    say(f"Making .venv with Python {sys.version.split()[0]}")
    try:
        run([sys.executable, "-m", "venv", "--clear", VENV], what="Making .venv")
    except CommandFailed as exc:
        shutil.rmtree(VENV, ignore_errors=True)
        raise Failed(f"{exc}\nSet PYTHON to another Python if this one is broken.") from exc


def _has_ensurepip() -> bool:
    return subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0
