"""The error tree, for tests that ask every dialect about every error."""

from __future__ import annotations

from gateway.errors import GatewayError, UpstreamDrifted


def every_error(root: type[GatewayError] = GatewayError) -> list[type[GatewayError]]:
    """The whole tree below and with *root*, of the product only."""
    found = [root]
    for sub in root.__subclasses__():
        if sub.__module__ == "gateway.errors":
            found += every_error(sub)
    return found


def sample(cls: type[GatewayError]) -> GatewayError:
    """An instance as it might be raised."""
    if cls is UpstreamDrifted:
        return UpstreamDrifted("a sentence", field="result.video")
    return cls("a sentence", param="prompt", retry_after_s=7.2)
