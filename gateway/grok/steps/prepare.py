"""Before the video is asked for: pictures are given to the site, and g1 makes a media post. Repeating these costs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from browser.transport import FilePart
from gateway.grok.addresses import asset_url
from gateway.grok.bodies import g1_post
from gateway.grok.steps.work import CREATE_POST, UPLOAD, Work
from gateway.grok.wire.fields import mapping, text
from gateway.grok.wire.uploads import UploadedFile
from gateway.tasks.states import Stage


@dataclass(frozen=True, slots=True)
class Post:
    """The media post a g1 video is asked under."""

    id: str
    user_id: str = ""


async def upload(work: Work) -> list[UploadedFile]:
    """Give every input picture to the site once and return them in the caller's order."""
    assets = work.spec.image_assets
    if not assets:
        return []
    step = work.step(UPLOAD)
    known = {} if step is None else {**step.external, **step.output}
    files = {
        asset: UploadedFile(text(mapping(known, asset), "id"), text(mapping(known, asset), "uri")) for asset in assets
    }
    if step is None or not step.done:
        await work.journal.stage(Stage.UPLOAD)
        await work.begin(UPLOAD, {"assets": list(assets)})
    for asset_id in dict.fromkeys(assets):
        if not files[asset_id].id:
            files[asset_id] = await _upload_one(work, asset_id)
            await work.journal.note(UPLOAD, {asset_id: _stored(files[asset_id])})
    if step is None or not step.done:
        await work.journal.finish(UPLOAD, {asset: _stored(file) for asset, file in files.items()})
    return [files[asset] for asset in assets]


async def create_post(work: Work, files: list[UploadedFile]) -> Post:
    """Make the media post of a g1 video (of its picture, for image-to-video)."""
    step = work.step(CREATE_POST)
    if step is not None and step.done:
        return Post(text(step.output, "id"), text(step.output, "user_id"))
    await work.journal.stage(Stage.CREATE_POST)
    body = g1_post(work.spec, image_url=asset_url(files[0].uri, field="fileUri") if files else "")
    await work.begin(CREATE_POST, {"media_type": body["mediaType"]})
    made = await work.client.create_post(body)
    await work.journal.finish(CREATE_POST, {"id": made.id, "user_id": made.user_id})
    return Post(made.id, made.user_id)


async def _upload_one(work: Work, asset_id: str) -> UploadedFile:
    asset = await work.media.get(asset_id)
    async with work.media.local(asset) as path:
        name = PurePosixPath(asset.file_name or "").name or f"image{asset.suffix}"
        return await work.client.upload(FilePart(path=path, file_name=name, media_type=asset.media_type))


def _stored(file: UploadedFile) -> dict[str, str]:
    return {"id": file.id, "uri": file.uri}
