"""Where the site's files are: keys are joined to the assets host, absolute addresses are taken from trusted hosts only."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from gateway.errors import UpstreamDrifted
from gateway.grok.site import ASSETS_ORIGIN

TRUSTED_HOSTS = frozenset({"assets.grok.com", "imagine-public.x.ai", "imgen.x.ai", "vidgen.x.ai"})


def asset_url(key: str, *, field: str = "videoUrl") -> str:
    """Return the address of a file. Raises UpstreamDrifted when the site names one elsewhere, or not by https."""
    parts = urlsplit(key)
    if not parts.scheme and not parts.netloc:
        path = key.lstrip("/")
        if not path or ".." in path.split("/"):
            raise UpstreamDrifted(f"the site names a file at {key[:120]!r}", field=field)
        return f"{ASSETS_ORIGIN}/{path}"
    if (
        parts.scheme not in {"https", ""}
        or (parts.hostname or "") not in TRUSTED_HOSTS
        or parts.port not in {None, 443}
    ):
        raise UpstreamDrifted(f"the site names a file on a host we do not trust: {parts.hostname}", field=field)
    return f"https://{key.split('://', 1)[-1].lstrip('/')}"


def generated_video_url(user_id: str, video_id: str) -> str:
    """Return where a generated video lies by default (captured 2026-02 for g1 posts, 2026-08 for g2 assets)."""
    return f"{ASSETS_ORIGIN}/users/{quote(user_id, safe='')}/generated/{quote(video_id, safe='')}/generated_video.mp4"


def owner_of(key: str) -> str:
    """Return the user id in a file's key, or ''."""
    _, found, rest = key.partition("users/")
    return rest.partition("/")[0] if found else ""
