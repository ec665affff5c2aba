"""`python -m tests.simulator`: run the double of grok.com until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from tests.simulator.program import running, tune
from tests.simulator.state.settings import CHOICES, Settings


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="TLS port; 0 = any free one")
    parser.add_argument("--control-port", type=int, default=0, help="plain HTTP port of the control API; 0 = any")
    parser.add_argument("--ready-file", type=Path, help="write the JSON line here too, once listening")
    parser.add_argument("--cert-dir", type=Path, help="keep the certificate here and use it again")
    parser.add_argument("--pace", type=float, help="seconds a video takes (default 1.5)")
    parser.add_argument("--generation", choices=CHOICES["generation"], help="protocol served (default g2)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any other setting")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input does: with its parent")
    return parser.parse_args(arguments)


def settings_of(options: argparse.Namespace) -> Settings:
    settings = Settings()
    settings.change_from_text(options.set)
    given = {"pace": options.pace, "generation": options.generation}
    settings.change({name: value for name, value in given.items() if value is not None})
    return settings


def publish(facts: dict[str, Any], ready_file: Path | None) -> None:
    line = json.dumps(facts)
    print(line, flush=True)
    if ready_file is not None:
        # written aside and renamed: whoever waits for the file never reads half of it
        aside = ready_file.with_suffix(ready_file.suffix + ".part")
        aside.write_text(line + "\n")
        aside.rename(ready_file)


class EndOfInput(asyncio.Protocol):
    """Nobody is left without a parent, however that parent ended."""

    def __init__(self, stop: asyncio.Event) -> None:
        self.stop = stop

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop.set()


async def serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings_of(options), options.port, options.control_port, options.cert_dir) as facts:
        tune()
        publish(facts, options.ready_file)
        if options.until_eof:
            await loop.connect_read_pipe(lambda: EndOfInput(stop), sys.stdin)
        await stop.wait()


def main() -> None:
    options = parse()
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(options))
    else:
        uvloop.run(serve(options))


if __name__ == "__main__":
    main()
