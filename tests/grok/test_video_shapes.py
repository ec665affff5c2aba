"""Which shape is asked in, uploads, and the file's own troubles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from browser import errors as browser
from browser.clearance import Clearance
from browser.transport import World
from gateway import errors as ours
from gateway.grok.steps.shapes import shapes_for
from gateway.media.assets import AssetKind
from gateway.settings import Protocol
from gateway.tasks.model import VideoMode, VideoSpec
from tests.grok import frames as f
from tests.grok.conftest import Bench
from tests.grok.records import MemoryJournal, task
from tests.grok.script import NEW, Stream

POST = "POST /rest/media/post/create"
UPLOAD, OLD_UPLOAD = "UPLOAD /http/upload-file-v2/direct", "UPLOAD /rest/app-chat/upload-file"
MADE = {"post": {"id": "P", "userId": "U", "mediaType": "MEDIA_POST_TYPE_VIDEO", "mediaUrl": ""}}


def unknown_field(name: str) -> Stream:
    return Stream([{"error": {"code": 3, "message": f'proto: unknown field "{name}"', "details": []}}], 400)


def by_shape(**answers: Any) -> Callable[[Any], Any]:
    """g1= and g2= say what the site answers to a body of that generation."""
    return lambda call: answers["g2" if "mediaGenInput" in call.json else "g1"]


async def test_g2_refused_falls_back_to_g1_and_is_remembered(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    bench = Bench(tmp_path, remember=lambda profile, generation: told.append((profile, generation)))
    bench.script.on(NEW, by_shape(g2=unknown_field("mediaGenInput"), g1=f.WHOLE)).on(POST, MADE)
    assert (await bench.make()).upstream["generation"] == "g1"
    assert told == [("work", "g1")]
    await bench.make(MemoryJournal())
    assert bench.submits() == 3


async def test_g1_refused_falls_back_to_g2(tmp_path: Path) -> None:
    bench = Bench(tmp_path, generations={"work": "g1"})
    bench.script.on(NEW, by_shape(g1=unknown_field("videoGenModelConfig"), g2=f.WHOLE)).on(POST, MADE)
    assert (await bench.make()).upstream["generation"] == "g2"


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_g1_whose_posts_are_gone_falls_back_to_g2(tmp_path: Path, status: int) -> None:
    bench = Bench(tmp_path, generations={"work": "g1"})
    bench.script.on(NEW, f.WHOLE).on(POST, (status, {"code": 5, "message": "Not Found", "details": []}))
    assert (await bench.make()).upstream["generation"] == "g2"


@pytest.mark.parametrize("protocol", [Protocol.G1, Protocol.G2])
async def test_a_protocol_that_is_set_is_kept_to(tmp_path: Path, protocol: Protocol) -> None:
    bench = Bench(tmp_path, protocol=protocol)
    bench.script.on(NEW, unknown_field("x")).on(POST, MADE)
    with pytest.raises(ours.UpstreamRefused, match="unknown field"):
        await bench.make()
    assert bench.submits() == 1


@pytest.mark.parametrize(
    "stream",
    [
        Stream([{"error": {"code": 3, "message": "duration must be 6 or 10"}}], 400),
        Stream([{"error": {"code": 7, "message": "not for you"}}], 403),
        Stream([{"error": {"code": 5, "message": "Not Found"}}], 404),
        Stream([{"error": {"code": 13, "message": "x"}}], 500),
        [*f.START, f.video(5), {"error": {"code": 3, "message": 'unknown field "mediaGenInput"'}}],
    ],
)
async def test_other_refusals_are_no_reason_to_fall_back(bench: Bench, stream: Any) -> None:
    bench.script.on(NEW, stream).on(POST, MADE).on(f.LIST, {"conversations": []}).on(f.ASSETS, {"assets": []})
    bench.script.file(f.URL, 404)
    with pytest.raises(ours.GatewayError):
        await bench.make()
    assert bench.submits() == 1
    assert bench.script.count(POST) == 0


def test_the_order_of_shapes() -> None:
    def order(mode: VideoMode, protocol: Protocol, preferred: Any = None) -> list[str]:
        return [f"{s.generation}{'r' if s.reference_kind else ''}" for s in shapes_for(mode, protocol, preferred)]

    assert order(VideoMode.TEXT, Protocol.AUTO) == ["g2", "g1"]
    assert order(VideoMode.REFERENCES, Protocol.AUTO) == ["g2", "g2r", "g1"]
    assert order(VideoMode.EXTEND, Protocol.AUTO) == ["g1"]
    with pytest.raises(ours.UnsupportedParameter):
        order(VideoMode.EXTEND, Protocol.G2)


# -- pictures ----------------------------------------------------------------------------------------------------------


async def pictures(bench: Bench, count: int) -> tuple[str, ...]:
    added = [
        await bench.media.add(b"png", kind=AssetKind.INPUT, suffix=".png", media_type="image/png", file_name=f"{n}.png")
        for n in range(count)
    ]
    return tuple(asset.id for asset in added)


def stored(file_id: str) -> dict[str, Any]:
    return {"uploadId": "x", "fileMetadata": {"fileMetadataId": file_id, "fileUri": f"users/U/{file_id}/content"}}


async def test_a_picture_is_uploaded_and_animated(bench: Bench) -> None:
    spec = VideoSpec(prompt="it waves", mode=VideoMode.IMAGE, image_assets=await pictures(bench, 1))
    bench.script.on(UPLOAD, stored("F")).on(NEW, f.WHOLE)
    await bench.make(given=task(spec))
    assert bench.script.bodies(NEW)[0]["mediaGenInput"]["imageToVideo"]["inputAssets"] == ["F"]
    [upload] = [call for call in bench.script.calls if call.what == UPLOAD]
    assert (upload.world, upload.json["file_source"]) == (World.MAIN, "IMAGINE_SELF_UPLOAD_FILE_SOURCE")


@pytest.mark.parametrize("status", [404, 405])
async def test_the_old_upload_where_there_is_no_new_one(bench: Bench, status: int) -> None:
    spec = VideoSpec(prompt="it waves", mode=VideoMode.IMAGE, image_assets=await pictures(bench, 1))
    old = {"fileMetadataId": "F", "fileUri": "users/U/F/content"}
    bench.script.on(UPLOAD, (status, "")).on(OLD_UPLOAD, old).on(NEW, f.WHOLE)
    assert await bench.make(given=task(spec))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((403, {"error": {"code": 7, "message": "no"}}), ours.UpstreamRefused),
        ({"terminalError": {"code": 3, "message": "not a picture"}}, ours.UpstreamRefused),
        ({"terminalError": {"attachmentImageTooLarge": {"maxSizeBytes": 5}}}, ours.ImageTooLarge),
        ((413, ""), ours.ImageTooLarge),
        ({"uploadId": "x"}, ours.UpstreamDrifted),
    ],
)
async def test_a_refused_picture(bench: Bench, answer: Any, error: type) -> None:
    spec = VideoSpec(prompt="it waves", mode=VideoMode.IMAGE, image_assets=await pictures(bench, 1))
    bench.script.on(UPLOAD, answer)
    with pytest.raises(error):
        await bench.make(given=task(spec))
    assert bench.script.count(OLD_UPLOAD) == 0


async def test_pictures_given_before_a_crash_are_not_given_again(bench: Bench) -> None:
    spec = VideoSpec(prompt="x", mode=VideoMode.REFERENCES, image_assets=await pictures(bench, 3))
    bench.script.on(UPLOAD, stored("F0"), stored("F1"), browser.SlotLost("crashed"))
    with pytest.raises(ours.BrowserFailed):
        await bench.make(given=task(spec))
    bench.script.on(UPLOAD, stored("F2")).on(NEW, f.WHOLE)
    await bench.make(bench.journal, task(spec))
    assert bench.script.bodies(NEW)[0]["mediaGenInput"]["imageToVideo"]["inputAssets"] == ["F0", "F1", "F2"]
    assert bench.script.count(UPLOAD) == 4


async def test_references_refused_in_every_g2_shape(bench: Bench) -> None:
    spec = VideoSpec(prompt="x", mode=VideoMode.REFERENCES, image_assets=await pictures(bench, 2))
    bench.script.on(UPLOAD, stored("F0"), stored("F1")).on(POST, MADE)
    bench.script.on(NEW, by_shape(g2=unknown_field("mediaGenInput"), g1=f.WHOLE))
    assert (await bench.make(given=task(spec))).upstream["generation"] == "g1"
    kinds = [next(iter(body["mediaGenInput"])) for body in bench.script.bodies(NEW) if "mediaGenInput" in body]
    assert kinds == ["imageToVideo", "referenceToVideo"]
    assert bench.script.count(UPLOAD) == 2


async def test_an_extension_of_our_own_video(tmp_path: Path) -> None:
    async def upstream_of(task_id: str) -> dict[str, Any]:
        assert task_id == "t0"
        return {"post_id": "P", "video_id": "V", "account_id": "U", "asked_prompt": "before"}

    bench = Bench(tmp_path, upstream_of=upstream_of)
    bench.script.on(NEW, f.WHOLE)
    spec = VideoSpec(prompt="and then", mode=VideoMode.EXTEND, source_task_id="t0", start_s=6.0)
    await bench.make(given=task(spec))
    [body] = bench.script.bodies(NEW)
    assert body["responseMetadata"]["modelConfigOverride"]["modelMap"]["videoGenModelConfig"]["extendPostId"] == "V"
    assert bench.script.count(POST) == 0


UPSCALE = "POST /rest/media/video/upscale"
LARGER = "https://assets.grok.com/users/U/generated/V/generated_video_hd.mp4"


async def upstream_of_v(task_id: str) -> dict[str, Any]:
    return {"video_id": "V", "account_id": "U", "post_id": "P"}


async def test_a_larger_version_of_our_own_video(tmp_path: Path) -> None:
    bench = Bench(tmp_path, upstream_of=upstream_of_v)
    bench.script.on(UPSCALE, {"hdMediaUrl": LARGER}).file(LARGER, b"larger film")
    spec = VideoSpec(prompt="a lighthouse", mode=VideoMode.UPSCALE, source_task_id="t0")
    result = await bench.make(given=task(spec))
    assert (result.upstream["asset_url"], result.upstream["video_id"]) == (LARGER, "V")
    assert [body["videoId"] for body in bench.script.bodies(UPSCALE)] == ["V"]
    assert bench.submits() == 0 and bench.script.count(POST) == 0
    await bench.make(MemoryJournal({"submit": bench.journal.steps["submit"]}), task(spec))
    assert bench.script.count(UPSCALE) == 1, "what the site answered before is not asked for again"


async def test_an_upscale_without_an_address_is_told_by_its_field(tmp_path: Path) -> None:
    bench = Bench(tmp_path, upstream_of=upstream_of_v)
    bench.script.on(UPSCALE, {"somethingElse": 1})
    with pytest.raises(ours.UpstreamDrifted) as told:
        await bench.make(given=task(VideoSpec(prompt="", mode=VideoMode.UPSCALE, source_task_id="t0")))
    assert told.value.field == "hdMediaUrl"


# -- the file ----------------------------------------------------------------------------------------------------------


async def test_a_file_that_is_late(bench: Bench) -> None:
    bench.script.on(NEW, f.WHOLE).file(f.URL, 404, 404, 404, b"film").on(f.TURNS, f.turns(f.turn()))
    assert await bench.make()


async def test_a_file_that_never_comes(bench: Bench) -> None:
    bench.script.on(NEW, f.WHOLE).file(f.URL, 404).on(f.TURNS, f.turns(f.turn()))
    with pytest.raises(ours.DownloadFailed, match="404"):
        await bench.make()
    assert bench.submits() == 1


async def test_a_file_withheld_after_all(bench: Bench) -> None:
    bench.script.on(NEW, f.WHOLE).file(f.URL, 404).on(f.TURNS, f.turns(f.turn([f.asset(moderated=True)])))
    with pytest.raises(ours.ContentModerated):
        await bench.make()


async def test_an_address_without_attachments_that_stays_404_is_moderation(bench: Bench) -> None:
    """Seen at the site [S]: a moderated turn may list an address with empty fileAttachments."""
    bench.script.on(NEW, [*f.START, browser.TransportFailed("cut")]).file(f.URL, 404)
    bench.script.on(f.TURNS, f.turns(f.turn(message="done", fileAttachments=[])))
    with pytest.raises(ours.ContentModerated):
        await bench.make()


@pytest.mark.parametrize(
    ("session", "refusal", "error", "clearance"),
    [
        ({"status": "unauthenticated"}, 403, ours.LoginRequired, Clearance.LOGIN_REQUIRED),
        ({"status": "authenticated", "session": {"userId": "U"}}, 403, ours.DownloadFailed, None),
        ({}, (403, "<html><title>Just a moment...", {"content-type": "text/html"}), ours.ChallengeRequired, Clearance.CHALLENGED),
        ({"status": "authenticated", "session": {"userId": "U"}}, (403, "", {}), ours.DownloadFailed, None),
    ],
)  # fmt: skip
async def test_a_file_that_is_refused(bench: Bench, session: Any, refusal: Any, error: type, clearance: Any) -> None:
    bench.script.on(NEW, f.WHOLE).file(f.URL, refusal).on("GET /api/auth/session", session)
    with pytest.raises(error):
        await bench.make()
    assert [verdict.clearance for verdict in bench.lease.verdicts] == ([clearance] if clearance else [])


async def test_a_broken_transfer_is_repeated(bench: Bench) -> None:
    cut = browser.TransportFailed("cut")
    bench.script.on(NEW, f.WHOLE).file(f.URL, cut, cut, b"film")
    assert await bench.make()
    bench.script.file(f.URL, cut)
    with pytest.raises(ours.DownloadFailed):
        await bench.make(MemoryJournal())


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (browser.StorageFull("full"), ours.StorageFull),
        (browser.TooLarge("big"), ours.InvalidMedia),
        (browser.SlotLost("gone"), ours.BrowserFailed),
    ],
)
async def test_our_own_troubles_with_the_file(bench: Bench, trouble: Exception, error: type) -> None:
    bench.script.on(NEW, f.WHOLE).file(f.URL, trouble)
    with pytest.raises(error):
        await bench.make()
    assert bench.journal.steps["submit"].done


@pytest.mark.parametrize("url", ["https://evil.example/x.mp4", "http://assets.grok.com/x.mp4", "users/../../x.mp4"])
async def test_files_of_strangers_are_not_fetched(bench: Bench, url: str) -> None:
    bench.script.on(NEW, [*f.START, f.video(100, videoUrl=url), f.answer()])
    with pytest.raises(ours.UpstreamDrifted) as caught:
        await bench.make()
    assert caught.value.field == "videoUrl"


async def test_an_address_on_a_trusted_host(bench: Bench) -> None:
    url = "https://vidgen.x.ai/a/b.mp4?token=1"
    bench.script.file(url, b"film").on(NEW, [*f.START, f.video(100, videoUrl=url), f.answer()])
    assert (await bench.make()).upstream["asset_url"] == url
