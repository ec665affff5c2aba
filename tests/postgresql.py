"""A PostgreSQL of the tests' own: a cluster in a temporary directory on a free port, gone when the tests are."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def binaries() -> Path | None:
    """Where the server's programs are; Debian keeps them off the PATH."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


@dataclass
class Cluster:
    """A running server. url: of its administrative database."""

    data: Path
    port: int
    bin: Path
    as_user: dict[str, Any]
    process: subprocess.Popen[bytes] | None = None
    made: int = 0

    def url(self, database: str) -> str:
        return f"postgresql://gateway@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        give_up_at = time.monotonic() + 60
        while not self._answers():
            # Right after a crash the old server's last processes may still hold its memory; then it is tried again.
            if self.process is None or self.process.poll() is not None:
                self._launch()
            if time.monotonic() > give_up_at:
                raise RuntimeError((self.data.parent / "log").read_text()[-2000:])
            time.sleep(0.05)

    def _launch(self) -> None:
        with (self.data.parent / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    str(self.bin / "postgres"),
                    *("-D", str(self.data), "-p", str(self.port), "-k", str(self.data.parent)),
                    *("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=60"),
                    *("-c", "shared_buffers=32MB", "-c", "max_wal_size=128MB"),
                ],
                stdout=log,
                stderr=log,
                cwd=self.data.parent,
                **self.as_user,
            )

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: at once, orderly. SIGQUIT: as in a crash."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(how)
        self.process.wait(20)

    def crash(self) -> None:
        """Stop as in a power cut."""
        self.stop(signal.SIGQUIT)

    def new_database(self, *, like: str = "template1", tablespace: str = "pg_default") -> str:
        """Make a database, a copy of *like*; returns its URL."""
        self.made += 1
        name = f"test_{self.made}"
        self.psql("postgres", f"CREATE DATABASE {name} TEMPLATE {like} TABLESPACE {tablespace} STRATEGY file_copy")
        return self.url(name)

    def psql(self, database: str, statement: str) -> str:
        done = subprocess.run(
            [str(self.bin / "psql"), "-XAtq", self.url(database), "-c", statement],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def _answers(self) -> bool:
        with suppress(subprocess.CalledProcessError):
            return self.psql("postgres", "SELECT 1") == "1"
        return False


@contextmanager
def running_cluster() -> Iterator[Cluster | None]:
    """Run a server for the length of the block; None where PostgreSQL is not installed."""
    where = binaries()
    if where is None:
        yield None
        return
    root = Path(tempfile.mkdtemp(prefix="gateway-pg-"))
    as_user: dict[str, Any] = {}
    if os.getuid() == 0:  # the server refuses to run as root
        entry = pwd.getpwnam("postgres")
        as_user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        os.chown(root, entry.pw_uid, entry.pw_gid)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = root / "data"
    subprocess.run(
        [
            str(where / "initdb"),
            "-D",
            str(data),
            "-U",
            "gateway",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        ],
        check=True,
        capture_output=True,
        cwd=root,
        **as_user,
    )
    cluster = Cluster(data, port, where, as_user)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop(signal.SIGQUIT)
        shutil.rmtree(root, ignore_errors=True)
