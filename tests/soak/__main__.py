"""``python -m tests.soak [--minutes 30] [--database sqlite|postgresql]``: exit status 1 when something grows without bound,
or work ends in a way it should not."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.postgresql import running_cluster
from tests.soak.load import EXPECTED
from tests.soak.soaking import soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="how long the load runs (default 30)")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        if chosen.database == "sqlite":
            found, done = asyncio.run(soak(Path(folder), seconds=chosen.minutes * 60))
        else:
            with running_cluster() as cluster:
                if cluster is None:
                    print("PostgreSQL is not installed: scripts/install --with tests")
                    return 2
                url = cluster.new_database()
                found, done = asyncio.run(soak(Path(folder), seconds=chosen.minutes * 60, database_url=url))
    print(f"{'':<28}{'start':>10}{'warm':>10}{'end':>10}")
    for trend in found:
        print(trend)
    print(", ".join(f"{count} × {what}" for what, count in sorted(done.items())))
    growing = [trend.name for trend in found if not trend.bounded]
    print(f"grows without bound: {', '.join(growing)}" if growing else "nothing grows without bound")
    surprising = sorted(set(done) - EXPECTED)
    if surprising:
        print(f"ended in an unexpected way: {', '.join(surprising)}")
    return 1 if growing or surprising else 0


if __name__ == "__main__":
    sys.exit(main())
