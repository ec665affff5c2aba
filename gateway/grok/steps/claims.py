"""Which of the site's conversations and videos belong to which of our tasks, so that twins never share one.

Two tasks may ask for the same thing at the same moment. When one of them lost sight of its request it looks for it at the
site; it must neither take what another task holds, nor what another task has just asked for and not yet seen.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from gateway.grok.ports import ClaimedElsewhere, nothing_claimed

#: Ids remembered after their task ended; the steps of stored tasks are asked through *elsewhere*.
REMEMBERED = 20_000


class Claims:
    """This process's claims, backed by *elsewhere* for those of other processes and earlier lives."""

    def __init__(self, elsewhere: ClaimedElsewhere = nothing_claimed) -> None:
        self._elsewhere = elsewhere
        self._holders: OrderedDict[str, str] = OrderedDict()
        self._unseen: Counter[str] = Counter()

    def hold(self, task_id: str, ids: Collection[str]) -> bool:
        """Claim *ids* for the task. False, and nothing claimed, when another task of this process holds one of them."""
        if any(self._holders.get(found, task_id) != task_id for found in ids):
            return False
        for found in ids:
            self._holders[found] = task_id
            self._holders.move_to_end(found)
        while len(self._holders) > REMEMBERED:
            self._holders.popitem(last=False)
        return True

    async def free_of(self, task_id: str, ids: Collection[str]) -> frozenset[str]:
        """Return those of *ids* that no other task holds."""
        taken = {found for found in ids if self._holders.get(found, task_id) != task_id}
        taken |= set(await self._elsewhere(task_id, ids))
        return frozenset(ids) - taken

    @contextmanager
    def asking(self, likeness: str) -> Iterator[Asked]:
        """For the time between sending a request and seeing its ids. *likeness*: equal for requests that look the same."""
        asked = Asked(self, likeness)
        self._unseen[likeness] += 1
        try:
            yield asked
        finally:
            asked.seen()

    async def nobody_asks(self, likeness: str, *, within_s: float) -> bool:
        """Wait until no request of this likeness is on its way unseen; False when one still is after that time."""
        deadline = asyncio.get_running_loop().time() + within_s
        while self._unseen[likeness]:
            if asyncio.get_running_loop().time() >= deadline:
                return False
            await asyncio.sleep(0.2)
        return True


class Asked:
    """A request on its way; `seen` once the site's ids for it are known and held."""

    def __init__(self, claims: Claims, likeness: str) -> None:
        self._claims = claims
        self._likeness = likeness

    def seen(self) -> None:
        if self._likeness:
            self._claims._unseen[self._likeness] -= 1
            if not self._claims._unseen[self._likeness]:
                del self._claims._unseen[self._likeness]
            self._likeness = ""
