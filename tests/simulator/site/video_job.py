"""A video in the making: progress frames, and at the end an asset, a post and the answer's turn."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from tests.simulator.media.studio import Studio
from tests.simulator.state.accounts import Account
from tests.simulator.state.behaviour import Behaviour
from tests.simulator.state.library import ASSETS_ORIGIN, Asset, Post, Turn, new_id
from tests.simulator.state.scenarios import Script, without_keywords
from tests.simulator.state.world import World

from .frames import emit_failure, emit_model_response, emit_opening, emit_title
from .jobs import Job
from .orders import VideoOrder
from .stream import FOREVER

PROGRESS = (1, 5, 13, 22, 29, 38, 46, 57, 66, 78, 87, 95)
MODEL = "imagine-video-gen"
STREAM_MODEL = "imagine_w_1"


@dataclass
class VideoWork:
    world: World
    studio: Studio
    account: Account
    order: VideoOrder
    script: Script
    job: Job
    id: str

    @classmethod
    def plan(
        cls, world: World, studio: Studio, account: Account, order: VideoOrder, script: Script, job: Job
    ) -> VideoWork:
        return cls(world, studio, account, order, script, job, new_id())

    async def run(self) -> None:
        job, order, script = self.job, self.order, self.script
        if emit_failure(job, script, MODEL, job.answer):
            job.answer.partial = False
            return
        emit_opening(job, MODEL, order.media_gen_input)
        job.emit_response(token="")
        fault = order.fault(self.account.paid) or ("I can only describe that video." if "text-only" in script else "")
        if fault:
            await asyncio.sleep(self._step())
            self._answer_in_words(fault)
            return
        await self._progress()
        await self._finish()

    def _step(self) -> float:
        return self.script.number("pace", self.world.settings.pace) / (len(PROGRESS) + 1)

    async def _progress(self) -> None:
        drift = self.script.get("drift")
        for percent in PROGRESS:
            await asyncio.sleep(self._step())
            frame = self._frame(percent)
            if drift in ("", "unknown"):
                self.job.emit_response(streamingCinemaResponse={"cinemaId": self.id, "done": percent / 100})
            elif drift == "type":
                self.job.emit_response(streamingVideoGenerationResponse=frame | {"progress": f"{percent}%"})
            else:
                self.job.emit_response(streamingVideoGenerationResponse=frame)
            if percent in (5, 46):
                self.job.emit_response(token="")
        if "never-finish" in self.script:
            await asyncio.sleep(FOREVER)
        await asyncio.sleep(self._step())

    def _frame(self, percent: int) -> dict[str, Any]:
        order = self.order
        return {
            "videoId": self.id,
            "progress": percent,
            "audioUrls": [],
            "videoPrompt": "",
            "imageReference": ASSETS_ORIGIN + order.inputs[0].key if order.inputs else "",
            "audioTranscripts": [],
            "moderated": False,
            "mode": order.mode,
            "modelName": STREAM_MODEL,
            "parentPostId": order.parent_post or self.id,
            "videoPostId": self.id,
            "resolutionName": order.resolution,
            "sideBySideIndex": 0,
        }

    def _asset(self, moderated: bool) -> Asset:
        order, account, world, script = self.order, self.account, self.world, self.script
        folder = f"users/{account.id}/generated/{self.id}/"
        settings = world.settings
        behaviour = Behaviour.of(script, settings)
        behaviour.missing = behaviour.missing or moderated
        prompt = without_keywords(order.prompt)
        decoy = order.decoy or "decoy" in script
        seconds = order.seconds + (order.extend_from if order.extends else 0)

        async def make_film() -> bytes:
            return await self.studio.film(
                order.size,
                seconds,
                prompt=prompt,
                asset=self.id,
                pictures=settings.pictures,
                inputs=[await one.content() for one in order.inputs],
                decoy=decoy,
                pad_to=behaviour.pad_to,
            )

        async def make_preview() -> bytes:
            inputs = [await one.content() for one in order.inputs]
            return await self.studio.still(order.size, prompt=prompt, asset=self.id, inputs=inputs, decoy=decoy)

        preview = Asset(account.id, folder + "preview_image.jpg", "image/jpeg", "preview_image.jpg", make_preview)
        preview.behaviour.missing = moderated
        world.library.by_key[preview.key] = preview
        width, height = order.size
        asset = Asset(
            account.id,
            folder + "generated_video.mp4",
            "video/mp4",
            "generated_video.mp4",
            make_film,
            id=self.id,
            width=width,
            height=height,
            prompt=order.prompt,
            preview_key=preview.key,
            response_id=self.job.answer.id,
            conversation_id=self.job.conversation.id,
            media_gen_input=order.media_gen_input,
            moderated=moderated,
            behaviour=behaviour,
        )
        return world.library.add_asset(asset)

    async def _finish(self) -> None:
        script, job, order = self.script, self.job, self.order
        moderated = "moderated" in script or "moderated-late-attachment" in script
        lost = "progress-100-no-url" in script and script["progress-100-no-url"] != "later"
        last = self._frame(100)
        turn = job.answer
        if not lost:
            asset = self._asset(moderated)
            turn.assets = [asset]
            if not moderated:
                self._publish(asset)
                # made now, in the studio's own thread, so that the first download does not wait for it
                self._made = asyncio.ensure_future(asset.content())
        if not moderated or "moderated-late-attachment" in script:
            turn.attachments = [] if lost else [self.id]
        width, height = order.size
        last |= {"width": width, "height": height, "rRated": False, "hasWatermark": False, "moderated": moderated}
        if not order.decoy:
            last["videoPrompt"] = f"{without_keywords(order.prompt)}, cinematic, natural light"
        if not moderated and "progress-100-no-url" not in script:
            last |= self._where()
        self._emit_last(last, turn)

    def _where(self) -> dict[str, Any]:
        folder = f"users/{self.account.id}/generated/{self.id}/"
        return {
            "assetId": self.id,
            "videoUrl": folder + "generated_video.mp4",
            "thumbnailImageUrl": folder + "preview_image.jpg",
        }

    def _emit_last(self, last: dict[str, Any], turn: Turn) -> None:
        job, drift, moderated = self.job, self.script.get("drift"), bool(last["moderated"])
        attachments = turn.attachments
        if drift in ("", "unknown"):
            job.emit_response(streamingCinemaResponse={"cinemaId": self.id, "done": 1, "reel": last.get("videoUrl")})
            attachments = []
        elif drift == "renamed":
            last["videoLocation"] = last.pop("videoUrl", "")
            last.pop("assetId", None)
            attachments = []
            job.emit_response(streamingVideoGenerationResponse=last)
        elif drift == "type":
            job.emit_response(streamingVideoGenerationResponse=last | {"progress": "100%", "videoUrl": {"path": "?"}})
            attachments = []
        else:
            if drift == "garbage":
                job.emit({"raw": "<!-- upstream: proxy notice -->\n"})
            job.emit_response(streamingVideoGenerationResponse=last)
        text = "" if moderated else f"I generated a video with the prompt: '{without_keywords(self.order.prompt)}'"
        turn.message = text
        job.emit_response(token=text)
        job.emit_response(token="", isSoftStop=True)
        turn.partial = False
        emit_model_response(job, MODEL, fileAttachments=attachments)
        emit_title(job, without_keywords(self.order.prompt))

    def _answer_in_words(self, text: str) -> None:
        job = self.job
        job.answer.message, job.answer.partial = text, False
        emit_model_response(job, MODEL)
        emit_title(job, without_keywords(self.order.prompt))

    def _publish(self, asset: Asset) -> None:
        """The post of the film, and in generation g1 its place under the post it was asked for."""
        order, library = self.order, self.world.library
        url, thumbnail = ASSETS_ORIGIN + asset.key, ASSETS_ORIGIN + asset.preview_key
        post = Post(
            self.account.id,
            "MEDIA_POST_TYPE_VIDEO",
            prompt=order.prompt,
            media_url=url,
            id=asset.id,
            mode=order.mode,
            thumbnail_url=thumbnail,
            width=asset.width,
            height=asset.height,
            duration=order.seconds,
            resolution_name=order.resolution,
            original_post=order.parent_post,
        )
        library.add_post(post)
        parent = library.posts.get(order.parent_post)
        if parent is not None:
            parent.children.append(post)
            if parent.mime == "video/mp4" and not parent.media_url:
                parent.media_url, parent.thumbnail_url = url, thumbnail
                parent.width, parent.height, parent.duration = asset.width, asset.height, order.seconds
                parent.resolution_name = order.resolution
