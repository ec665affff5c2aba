"""Query parameters of listings, the same for every dialect."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

MAX_LIMIT = 1000

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="At most so many.")]
