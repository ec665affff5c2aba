"""Proof that a request comes from another node: a signature under a key that only nodes with the same secret have.

It covers method, path, sender, receiver, time and, where the whole body is at hand, the body. A signature is good once and
for two minutes. What is passed on to a node carries one, and such a request is never passed on again: so nothing goes round.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from gateway.errors import PermissionDenied

HEADER = "x-gateway-node"
GOOD_FOR_S = 120.0
#: In place of a body's hash, where the body is streamed and the request proves by other means who asks.
STREAMED = "-"


class Signer:
    """Signs and checks for the node *own*. clock: seconds since the epoch, the same on all nodes."""

    def __init__(self, key: bytes, own: str, *, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._own = own
        self._clock = clock
        self._used: OrderedDict[str, float] = OrderedDict()

    def sign(self, method: str, path: str, *, to: str, body: bytes | None) -> dict[str, str]:
        """Return the header for a request to node *to*. path: with its query; body None: it is streamed."""
        parts = [self._own, to, str(int(self._clock())), secrets.token_hex(8)]
        return {HEADER: " ".join(["v1", *parts, self._mac(method, path, *parts, body=body)])}

    def check(self, header: str, method: str, path: str, *, body: bytes | None) -> str:
        """Return the node that signed. Raises PermissionDenied with what to look at."""
        version, *rest = header.split(" ")
        if version != "v1" or len(rest) != 5:
            raise PermissionDenied("This is only for the other nodes of this gateway.")
        sender, receiver, at, nonce, mac = rest
        right = self._mac(method, path, sender, receiver, at, nonce, body=body)
        if not hmac.compare_digest(mac.encode(), right.encode()):  # as bytes: a stranger's may hold any character
            raise PermissionDenied(
                "The signature of this request is not right: all nodes need the same GATEWAY_SECRET_KEY."
            )
        if receiver != self._own:
            raise PermissionDenied(
                f"This request was meant for node {receiver}, and this is {self._own}: two nodes may have the same address "
                "(GATEWAY_NODE_URL)."
            )
        if abs(self._clock() - int(at)) > GOOD_FOR_S:
            raise PermissionDenied(
                "This request is more than two minutes old by the database's clock: set the clocks of all nodes by NTP."
            )
        self._once(nonce)
        return sender

    def _once(self, nonce: str) -> None:
        now = self._clock()
        while self._used and next(iter(self._used.values())) < now - 2 * GOOD_FOR_S:
            self._used.popitem(last=False)
        if nonce in self._used:
            raise PermissionDenied("This request was sent before.")
        self._used[nonce] = now

    def _mac(self, *said: str, body: bytes | None) -> str:
        digest = STREAMED if body is None else hashlib.sha256(body).hexdigest()
        return hmac.new(self._key, "\n".join([*said, digest]).encode(), "sha256").hexdigest()
