"""Fixtures for all tests live in modules of their own, named here."""

import os
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from browser.scratch import Scratch

TESTS = Path(__file__).parent

# How long an example takes is the machine's affair.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

pytest_plugins = ["tests.databases", "tests.s3"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden files anew; review the diff before committing"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Give what the tests start the surroundings of a user's shell.

    Ctrl-C reaches it, also where the tests run in a background that ignores it (that is inherited), and its output is
    buffered as usual. Its temporary files go with the session: what is killed on purpose leaves some.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:  # a worker has those of the session that started it
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())  # pytest's own stay, to be looked at
        scratch = Scratch("gateway-tests-")
        scratch.path.chmod(0o711)  # PostgreSQL runs as another user
        os.environ["TMPDIR"] = tempfile.tempdir = str(scratch.path)
        config.add_cleanup(scratch.close)
    os.environ.pop("PYTHONUNBUFFERED", None)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


#: Folders whose tests start processes and wait for them: the sooner they begin, the less a worker has left to do alone.
LONG = ("faults", "soak", "e2e", "live", "clients", "nodes", "backups", "demo", "engine", "console", "front", "browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; the others fill what is left (``--no-loadscope-reorder``)."""
    places = {folder: place for place, folder in enumerate(LONG)}

    def place(item: pytest.Item) -> int:
        return places.get(item.path.relative_to(TESTS).parts[0], len(LONG))

    items.sort(key=place)
