"""`wss://grok.com/ws/imagine/listen`: pictures as they form (upstream.md 2.7)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from dataclasses import dataclass
from typing import Any

from tests.simulator.media.studio import Studio
from tests.simulator.state.accounts import Account
from tests.simulator.state.library import Asset, new_id
from tests.simulator.state.scenarios import AT_THE_DOOR, NAMES, Script, keywords, without_keywords
from tests.simulator.state.world import World
from tests.simulator.wire.exchange import ClientGoneError
from tests.simulator.wire.websocket import WebSocket

from .conversations import studio
from .image_job import MOST, SIZES
from .routes import routes
from .visit import Visit

PUBLIC_FOLDER = "https://imagine-public.x.ai/imagine-public/images/"
MODEL = "imagine_h_1"


@dataclass
class Batch:
    """The pictures one prompt asked for."""

    world: World
    studio: Studio
    account: Account
    socket: WebSocket
    script: Script
    request_id: str
    prompt: str
    ratio: str
    count: int
    sent: int = 0

    async def send(self, frame: dict[str, Any]) -> None:
        await self.socket.send(frame)
        self.sent += 1
        if "image-ws-cut" in self.script and self.sent >= int(self.script.number("image-ws-cut", 3)):
            self.socket.drop()

    async def refuse(self, code: str, text: str) -> None:
        await self.send({"type": "error", "err_code": code, "err_msg": text, "request_id": self.request_id})

    async def run(self) -> None:
        if "image-ws-rate-limit" in self.script or "rate-limit-429" in self.script:
            await self.refuse("rate_limit_exceeded", "Image rate limit exceeded")
            return
        if self.ratio not in SIZES:
            await self.refuse("invalid_request", f"Unsupported aspect ratio {self.ratio}")
            return
        quota = self.account.quotas.get("image")
        if quota is not None and not quota.spend():
            await self.refuse("rate_limit_exceeded", "Image rate limit exceeded")
            return
        pause = self.script.number("pace", self.world.settings.pace / 2) / 4
        jobs = [new_id() for _ in range(self.count)]
        for order, job in enumerate(jobs):
            await self.send(
                self._json("start_stage", job, order, 0, prompt=self.prompt, full_prompt=f"{self.prompt}, detailed")
            )
        await asyncio.sleep(pause)
        for order, job in enumerate(jobs):
            await self.send(await self._image(job, order, 50))
            await asyncio.sleep(pause / self.count)
        # siblings finish in another order than they began in, and a notice of no interest comes in between
        await self.send({"type": "session_notice", "notice": "still working"})
        for order, job in reversed(list(enumerate(jobs))):
            await asyncio.sleep(pause / self.count)
            moderated = self._is_moderated(order)
            if "image-ws-blocked" in self.script and order == 0:
                continue
            if not moderated:
                await self.send(await self._image(job, order, 100))
            await self.send(self._json("completed", job, order, 100, moderated=moderated))

    def _is_moderated(self, order: int) -> bool:
        if "moderated" in self.script:
            return True
        return "image-ws-moderated" in self.script and (self.script["image-ws-moderated"] != "first" or order == 0)

    def _common(self, job: str, order: int, percent: int) -> dict[str, Any]:
        width, height = SIZES[self.ratio]
        return {
            "job_id": job,
            "request_id": self.request_id,
            "order": order,
            "width": width,
            "height": height,
            "percentage_complete": percent,
            "r_rated": False,
        }

    def _json(self, status: str, job: str, order: int, percent: int, **more: Any) -> dict[str, Any]:
        return {"type": "json", "current_status": status, "image_id": job} | self._common(job, order, percent) | more

    async def _image(self, job: str, order: int, percent: int) -> dict[str, Any]:
        final = percent == 100
        width, height = SIZES[self.ratio]
        size = (width, height) if final else (width // 4 & ~1, height // 4 & ~1)
        decoy = "decoy" in self.script
        content = await self.studio.still(
            size, prompt=self.prompt, asset=job, decoy=decoy, kind="JPEG" if final else "PNG"
        )
        name = f"{job}.{'jpg' if final else 'png'}"
        self._keep(job, name, content, final)
        blob = base64.b64encode(content).decode()
        frame = {"type": "image", "id": job, "url": PUBLIC_FOLDER + name, "blob": blob, "model_name": MODEL}
        return frame | self._common(job, order, percent)

    def _keep(self, job: str, name: str, content: bytes, final: bool) -> None:
        async def make() -> bytes:
            return content

        owner, (width, height) = self.account.id, SIZES[self.ratio]
        key = f"users/{owner}/generated/{job}/image{'.jpg' if final else '-part-0.png'}"
        mime = "image/jpeg" if final else "image/png"
        asset = Asset(owner, key, mime, name, make, id=job, width=width, height=height, prompt=self.prompt, public=True)
        if final:
            self.world.library.add_asset(asset, name)
        else:
            self.world.library.by_key[name] = asset


def _read(message: dict[str, Any]) -> dict[str, Any] | None:
    """The `input_text` part of a message, if it has one."""
    if message.get("type") != "conversation.item.create":
        return None
    parts = (message.get("item") or {}).get("content") or []
    return next((part for part in parts if isinstance(part, dict) and part.get("type") == "input_text"), None)


@routes.add("GET", "/ws/imagine/listen", "image_ws", websocket=True)
async def listen(visit: Visit) -> None:
    """Prompts come one after the other on the same socket; each batch runs beside the ones before it."""
    if visit.request.headers.get("origin") != "https://grok.com":
        visit.exchange.cut()
        return
    socket = await visit.exchange.accept_websocket()
    visit.entry.status = 101
    prompts: list[str] = []
    visit.entry.params = {"prompts": prompts, "messages": []}
    async with asyncio.TaskGroup() as batches:
        tasks = set()
        async for message in socket.messages():
            visit.entry.params["messages"].append(message)
            given = _read(message)
            if given is None:
                continue
            properties = given.get("properties") or {}
            text = str(given.get("text") or "")
            prompts.append(text)
            visit.entry.prompt = text
            names = (visit.owner.id, visit.owner.email)
            played = visit.world.plays.take("image_ws", names, text, NAMES - AT_THE_DOOR)
            batch = Batch(
                visit.world,
                studio,
                visit.owner,
                socket,
                Script(visit.script | keywords(text) | played),
                str(given.get("requestId") or ""),
                without_keywords(text),
                str(properties.get("aspect_ratio") or "2:3"),
                max(1, min(MOST, int(properties.get("num_generations") or 2))),
            )
            visit.world.ledger.changed()
            tasks.add(batches.create_task(_quietly(batch)))
        for task in tasks:
            task.cancel()
    visit.exchange.finished = True


async def _quietly(batch: Batch) -> None:
    """A batch ends with its socket."""
    with contextlib.suppress(ClientGoneError):
        await batch.run()
