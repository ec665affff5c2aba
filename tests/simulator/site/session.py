"""Who is signed in, what they may use, and how much of it is left."""

from __future__ import annotations

import math
import time
from typing import Any

from tests.simulator.state.accounts import CHAT_MODES, MEDIA_KINDS, Account

from .routes import routes
from .visit import Reply, Visit, problem, reply_json

MODE_TITLES = {"auto": "Auto", "fast": "Fast", "expert": "Expert", "heavy": "Heavy"}


def mode_of_model(name: str) -> str:
    """The quota a chat model draws on."""
    lowered = name.lower().removeprefix("model_mode_")
    if lowered in CHAT_MODES:
        return lowered
    if "heavy" in lowered:
        return "heavy"
    if "thinking" in lowered or "expert" in lowered:
        return "expert"
    return "fast" if "fast" in lowered or "mini" in lowered else "auto"


@routes.add("GET", "/api/auth/session", "session", login=False)
async def session(visit: Visit) -> Reply:
    account = visit.account
    if account is not None and account.blocked and visit.signed_in:
        return reply_json({"status": "blocked"})
    if account is None or not visit.signed_in:
        return reply_json({"status": "unauthenticated"})
    return reply_json({"status": "authenticated", "session": account.as_session()})


@routes.add("POST", "/rest/modes", "modes")
async def modes(visit: Visit) -> Reply:
    paid = visit.owner.paid

    def availability(mode: str) -> dict[str, Any]:
        return {"available": {}} if paid or mode != "heavy" else {"requiresUpgrade": {}}

    found = [{"id": mode, "title": MODE_TITLES[mode], "availability": availability(mode)} for mode in CHAT_MODES]
    return reply_json({"modes": found, "defaultModeId": "auto"})


@routes.add("POST", "/rest/rate-limits", "quota")
async def rate_limits(visit: Visit) -> Reply:
    mode = mode_of_model(str(visit.json.get("modelName", "auto")))
    if "quota-null-fields" in visit.script:
        return reply_json({"windowSizeSeconds": 7200, "lowEffortRateLimits": None, "highEffortRateLimits": None})
    quota = visit.owner.quotas.get(mode)
    if quota is None:
        return problem(404, 5, "Not found")
    answer: dict[str, Any] = {
        "windowSizeSeconds": math.ceil(quota.window),
        "remainingQueries": quota.remaining,
        "totalQueries": quota.total,
        "lowEffortRateLimits": None,
        "highEffortRateLimits": None,
    }
    if (moment := quota.next_available_at) is not None:
        answer["waitTimeSeconds"] = max(0, math.ceil(moment - time.time()))
    return reply_json(answer)


@routes.add("POST", "/rest/media/imagine/quota_info", "quota")
async def quota_info(visit: Visit) -> Reply:
    if "quota-null-fields" in visit.script:
        return reply_json(dict.fromkeys(MEDIA_KINDS) | {"imagePro": {"available": True}})
    return reply_json({kind: _line(visit.owner, kind) for kind in MEDIA_KINDS})


def _line(account: Account, kind: str) -> dict[str, Any] | None:
    quota = account.quotas.get(kind)
    return quota.as_line() if quota else None
