"""Pictures made in a conversation: text to image, edits, and drawings in a chat."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.media.studio import Studio
from tests.simulator.state.accounts import Account
from tests.simulator.state.behaviour import Behaviour
from tests.simulator.state.library import Asset, new_id
from tests.simulator.state.scenarios import Script, without_keywords
from tests.simulator.state.world import World

from .frames import emit_failure, emit_model_response, emit_opening, emit_title
from .jobs import Job
from .orders import ImageOrder

MODEL = "imagine-image-gen"
EDIT_MODEL = "imagine-image-edit"
STREAM_MODEL = "imagine_h_1"
SIZES = {
    "1:1": (960, 960),
    "2:3": (784, 1168),
    "3:2": (1168, 784),
    "9:16": (720, 1280),
    "16:9": (1280, 720),
    "4:3": (1120, 832),
    "3:4": (832, 1120),
    "2:1": (1296, 640),
    "1:2": (640, 1296),
    "19.5:9": (1392, 640),
    "9:19.5": (640, 1392),
    "20:9": (1424, 640),
    "9:20": (640, 1424),
    "auto": (960, 960),
}
MOST = 10


@dataclass
class PictureWork:
    world: World
    studio: Studio
    account: Account
    order: ImageOrder
    script: Script
    job: Job
    ids: list[str] = field(default_factory=list)

    async def run(self) -> None:
        job, order = self.job, self.order
        model = EDIT_MODEL if order.inputs else MODEL
        if emit_failure(job, self.script, model, job.answer):
            job.answer.partial = False
            return
        emit_opening(job, model, order.media_gen_input)
        fault = "" if order.ratio in SIZES else f"I can't make an image with the aspect ratio {order.ratio}."
        if fault or "text-only" in self.script:
            job.answer.message = fault or "I can only describe that image."
        else:
            await self.draw()
            job.answer.message = "" if self._moderated else "I generated images with the prompt: " + self._prompt
        job.emit_response(token=job.answer.message)
        job.emit_response(token="", isSoftStop=True)
        job.answer.partial = False
        emit_model_response(job, model)
        emit_title(job, self._prompt)

    @property
    def _prompt(self) -> str:
        return without_keywords(self.order.prompt)

    @property
    def _moderated(self) -> bool:
        return "moderated" in self.script or "moderated-late-attachment" in self.script

    async def draw(self) -> None:
        """Frames of all pictures, interleaved: the half-way previews, then the finals, last begun first."""
        count = max(1, min(MOST, self.order.count))
        self.ids = [new_id() for _ in range(count)]
        pause = self.script.number("pace", self.world.settings.pace / 2) / (2 * count + 1)
        for index, picture in enumerate(self.ids):
            await asyncio.sleep(pause)
            self._emit(index, picture, 50, self._keep(picture, part="-part-0").key)
        for index, picture in reversed(list(enumerate(self.ids))):
            await asyncio.sleep(pause)
            if self._moderated:
                self._emit(index, picture, 100, "")
                continue
            asset = self._keep(picture, part="")
            await asset.content()
            self._emit(index, picture, 100, asset.key)
            self.job.answer.assets.append(asset)
            self.job.answer.image_urls.append(asset.key)
            self.job.answer.attachments.append(asset.id)

    def _emit(self, index: int, picture: str, progress: int, url: str) -> None:
        fields: dict[str, Any] = {
            "imageId": picture,
            "assetId": picture,
            "imageUrl": url,
            "imageIndex": index,
            "seq": 0 if progress < 100 else 1,
            "progress": progress,
            "moderated": progress == 100 and self._moderated,
            "imageModel": STREAM_MODEL,
            "rRated": False,
            "sideBySideIndex": 0,
            "rejectionReason": "MEDIA_REJECTION_REASON_UNSPECIFIED",
        }
        if progress == 100 and self._moderated:
            fields["rejectionReason"] = "MEDIA_REJECTION_REASON_SAFETY"
        if "draw-cards" in self.script:
            self._emit_card(fields)
        else:
            self.job.emit_response(streamingImageGenerationResponse=fields)

    def _emit_card(self, fields: dict[str, Any]) -> None:
        """The newer way: a tag in the text, and its content in an attachment that comes again as the picture grows."""
        card = fields["imageId"][:8]
        if fields["progress"] < 100:
            kind = 'card_type="generated_image_card" type="render_generated_image"'
            tag = f'<grok:render card_id="{card}" {kind}></grok:render>'
            self.job.answer.message += tag
            self.job.emit_response(token=tag, messageTag="final")
        names = ("imageUrl", "seq", "progress", "moderated", "imageIndex", "imageModel")
        chunk = {"imageUuid": fields["imageId"]} | {name: fields[name] for name in names}
        data = json.dumps({"id": card, "type": "render_generated_image", "image_chunk": chunk})
        if fields["progress"] == 100:
            self.job.answer.cards.append(data)
        self.job.emit_response(cardAttachment={"jsonData": data})

    def _keep(self, picture: str, part: str) -> Asset:
        order, account, library = self.order, self.account, self.world.library
        width, height = SIZES.get(order.ratio, SIZES["1:1"])
        decoy = order.decoy or "decoy" in self.script
        preview = bool(part)

        async def make() -> bytes:
            inputs = [await one.content() for one in order.inputs]
            size = (width // 4 & ~1, height // 4 & ~1) if preview else (width, height)
            return await self.studio.still(
                size, prompt=self._prompt, asset=picture, inputs=inputs, decoy=decoy, quality=40 if preview else 90
            )

        asset = Asset(
            account.id,
            f"users/{account.id}/generated/{picture}/image{part}.jpg",
            "image/jpeg",
            f"image{part}.jpg",
            make,
            id=picture,
            width=width,
            height=height,
            prompt=order.prompt,
            response_id=self.job.answer.id,
            conversation_id=self.job.conversation.id,
            media_gen_input=order.media_gen_input,
        )
        if not preview:
            asset.behaviour = Behaviour.of(self.script, self.world.settings)
            asset.behaviour.pad_to = 0
        if preview:
            library.by_key[asset.key] = asset
            return asset
        return library.add_asset(asset)
