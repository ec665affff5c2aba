"""An S3 store of the tests' own (moto's server), on loopback, gone when the tests are."""

from __future__ import annotations

import logging
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from gateway.settings import Settings

_NUMBER = count(1)


@dataclass
class S3:
    """A running store. It can be stopped and started again on the same port with all it holds."""

    server: Any
    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def new_bucket(self) -> str:
        name = f"media-{next(_NUMBER)}"
        asked = urllib.request.Request(f"{self.endpoint}/{name}", method="PUT")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=60):
            return name

    def settings(self, data_dir: Any, bucket: str) -> Settings:
        return Settings(
            data_dir=data_dir,
            media_url=f"s3://{bucket}/some/where",
            s3_endpoint=self.endpoint,
            s3_region="us-east-1",
            s3_access_key_id="tests",
            s3_secret_access_key="tests",
        )

    def stop(self) -> None:
        self.server.stop()

    def start(self) -> None:
        from moto.server import ThreadedMotoServer

        self.server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self.server.start()
        self.port = self.server.get_host_and_port()[1]


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    store = S3(None, 0)
    store.start()
    yield store
    store.stop()
