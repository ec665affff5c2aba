"""``gateway serve``: the service itself, until it is told to stop."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.options import DataDir, Json, chosen


def serve(
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on (GATEWAY_HOST).", show_default=False)
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", help="Port to listen on; 0 picks a free one (GATEWAY_PORT).", show_default=False),
    ] = None,
    no_auth: Annotated[
        bool, typer.Option("--no-auth", help="Serve without API keys; only on a loopback address.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Run the gateway until Ctrl-C or SIGTERM; running work is finished or kept for the next start."""
    from gateway.cli.service import run_service  # noqa: PLC0415

    run_service(chosen.settings(data_dir, host=host, port=port, no_auth=no_auth or None), as_json=as_json)
