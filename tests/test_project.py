"""The house rules that a program can check: layout, names, sizes, the lock, what the README must say."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.readme import README, settings_table, table_in

ROOT = Path(__file__).resolve().parents[1]
TOP_LEVEL = {"gateway", "browser", "tests", "scripts", "pyproject.toml", "Dockerfile", "README.md"}
VAGUE = re.compile(r"^_?(utils?|helpers?|common|manager|base|misc)$|(_utils?|_helpers?|_ext|_manager|_base)$")
CODE = {".py", ".js", ".css", ".html"}
#: Files above 400 lines, each with the reason why it is one thing.
LONG_FOR_A_REASON = {
    "gateway/settings.py": "every setting in one place, each with unit, default and reason",
    "gateway/db/tables.py": "every table once, read beside its neighbours",
    "tests/browser/test_pool_clearance.py": "every way a profile's clearance changes, told in order",
    "tests/browser/transport_site.py": "one small site, read beside the tests that call its routes",
}
#: Functions that start a task outside a group: what owns it instead, so that it cannot be forgotten.
OWNED_OTHERWISE = {
    "browser/bridge.py spawn": "kept in a set, cancelled and awaited when the bridge closes",
    "browser/cleanup.py finish": "awaited on the next lines, shielded: that is its purpose",
    "gateway/db/whole.py whole": "awaited on the next lines, also when cancelled: that is its purpose",
}
LOCKS = ("scripts/requirements.txt", "scripts/requirements-dev.txt")


@cache
def tracked() -> tuple[str, ...]:
    """Every file git knows, or would know after `git add`."""
    asked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        pytest.skip("not a git clone: which files belong to the project cannot be told")
    return tuple(sorted({name for name in asked.stdout.split("\0") if name and (ROOT / name).is_file()}))


def python_files(*folders: str) -> list[str]:
    return [name for name in tracked() if name.endswith(".py") and name.startswith(folders)]


def text_files() -> list[tuple[str, str]]:
    found = []
    for name in tracked():
        try:
            found.append((name, (ROOT / name).read_text("utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def test_the_top_level_is_as_agreed():
    top = {name.split("/")[0] for name in tracked()}
    assert {name for name in top if not name.startswith(".")} == TOP_LEVEL


def test_files_are_short():
    lines = {
        name: len((ROOT / name).read_text("utf-8").splitlines()) for name in tracked() if Path(name).suffix in CODE
    }
    assert not {name: count for name, count in lines.items() if count > 600}, "split these: nothing is above 600 lines"
    long = {name: count for name, count in lines.items() if count > 400 and name not in LONG_FOR_A_REASON}
    assert not long, "above 400 lines a file needs a reason, in LONG_FOR_A_REASON"
    assert not [name for name in LONG_FOR_A_REASON if lines.get(name, 0) <= 400], "no longer long: strike them off"


def test_names_say_what_is_inside():
    """A module or folder named after being left over (helpers, common, base...) says nothing."""
    parts = {part for name in tracked() for part in Path(name).with_suffix("").parts}
    assert not sorted(part for part in parts if VAGUE.search(part))


def test_packages_open_with_a_docstring_and_nothing_else():
    wrong = []
    for name in python_files("gateway/", "browser/", "tests/", "scripts/"):
        if not name.endswith("__init__.py"):
            continue
        body = ast.parse((ROOT / name).read_text("utf-8")).body
        if not (len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)):
            wrong.append(name)
    assert not wrong


def test_no_file_names_a_registry_or_a_machine():
    """Where packages come from, and where the clone lies, is the machine's business."""
    registry = re.compile(r"https?://[^\s\"']+/(simple/|-/\S+\.tgz|packages/[0-9a-f]{2}/|debian(-security)?/)")
    personal = re.compile(rf"(?<![\w.])(/root/|/home/\w|/Users/\w|{re.escape(str(ROOT))}(?![\w-]))")
    wrong = []
    for name, text in text_files():
        for number, line in enumerate(text.splitlines(), 1):
            if registry.search(line) or (personal.search(line) and name != "tests/test_project.py"):
                wrong.append(f"{name}:{number}: {line.strip()[:100]}")
    assert not wrong


def test_nothing_is_raised_from_an_except_star():
    """Until Python 3.11.4 what is raised there comes out wrapped in another group."""
    found = [
        name
        for name in python_files("gateway", "browser")
        if any(isinstance(node, ast.TryStar) for node in ast.walk(ast.parse((ROOT / name).read_text("utf-8"))))
    ]
    assert not found, f"catch the ExceptionGroup itself: {found}"


def test_background_work_belongs_to_a_task_group():
    """A bare task is forgotten when it fails. `group.create_task` is the way; asyncio's own function is not."""
    bare = set()
    for name in python_files("gateway/", "browser/"):
        for function in ast.walk(ast.parse((ROOT / name).read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
                bare |= {f"{name} {function.name}" for called in calls if _starts_a_bare_task(called)}
    assert not bare - OWNED_OTHERWISE.keys()
    assert not OWNED_OTHERWISE.keys() - bare, "gone: strike them off"


def _starts_a_bare_task(called: ast.expr) -> bool:
    match called:
        case ast.Name(id="create_task" | "ensure_future"):
            return True
        case ast.Attribute(attr="ensure_future"):
            return True
        case ast.Attribute(attr="create_task", value=owner):
            return bool(re.search(r"asyncio|loop", ast.unparse(owner)))
    return False


# --- commands and README


def commands() -> list[str]:
    return [name for name in tracked() if name.startswith("scripts/") and "/" not in name[8:] and "." not in name]


@pytest.mark.parametrize("name", [*commands(), ".ci/run"])
def test_commands_can_be_run(name):
    path = ROOT / name
    text = path.read_text("utf-8")
    assert os.access(path, os.X_OK), f"chmod +x {name}"
    assert text.startswith("#!/usr/bin/env bash\n# "), "opens with what it is for"
    assert re.search(r"^set -e?uo pipefail$", text, re.MULTILINE)
    assert len(text.splitlines()) <= 40
    subprocess.run(["bash", "-n", path], check=True)


@pytest.mark.parametrize("name", commands())
def test_commands_are_in_the_readme(name):
    assert name in README.read_text("utf-8")


def test_every_setting_is_in_the_readme():
    assert table_in(README.read_text("utf-8")) == settings_table(), "run scripts/fix"


# --- the lock


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def locked(name: str) -> dict[str, Requirement]:
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    entries = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert all("--hash=sha256:" in entry for entry in entries), f"{name}: a pin without its hashes"
    pins = [Requirement(entry.split("--hash")[0].strip()) for entry in entries]
    return {normal(pin.name): pin for pin in pins}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted(*, dev: bool) -> list[Requirement]:
    data = project()
    texts = [*data["project"]["dependencies"], *data["dependency-groups"]["build"]]
    if dev:
        texts += data["project"]["optional-dependencies"]["dev"]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_satisfies_the_project(lock):
    pins = locked(lock)
    for need in wanted(dev=lock == LOCKS[1]):
        pin = pins.get(normal(need.name))
        assert pin is not None, f"{need.name} is not locked: run scripts/lock"
        version = str(pin.specifier).removeprefix("==")
        assert need.specifier.contains(version), f"{pin} is not {need}: run scripts/lock"


def test_both_locks_agree():
    runtime, everything = map(locked, LOCKS)
    assert {name: str(pin.specifier) for name, pin in runtime.items()}.items() <= {
        name: str(pin.specifier) for name, pin in everything.items()
    }.items()


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_names_no_index(lock):
    text = (ROOT / lock).read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--(index|extra-index|find-links)", text, re.MULTILINE)


def test_the_build_needs_are_locked():
    """The project is installed without build isolation: what builds it comes from the lock."""
    data = project()
    names = {normal(Requirement(text).name) for text in data["dependency-groups"]["build"]}
    assert {normal(Requirement(text).name) for text in data["build-system"]["requires"]} <= names
