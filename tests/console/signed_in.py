"""The gateway under test as its operator has it."""

from __future__ import annotations

from typing import Any

from gateway.console.access import PLAIN_COOKIE
from gateway.console.house import House
from tests.front.serving import Front

PASSWORD = "correct horse battery"


class Console:
    """*front*: the service and a client with a key; *house*: what the console's pages work with."""

    def __init__(self, front: Front) -> None:
        self.front = front

    @property
    def house(self) -> House:
        house: House = self.front.app.state.console
        return house

    @property
    def url(self) -> str:
        return self.front.url

    async def cookie(self) -> Any:
        """A session's cookie, as Playwright takes it."""
        _, secret = await self.house.sessions.begin(address="127.0.0.1", user_agent="tests")
        return {"name": PLAIN_COOKIE, "value": secret, "url": self.url, "httpOnly": True, "sameSite": "Strict"}
