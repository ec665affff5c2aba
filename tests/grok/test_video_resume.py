"""What a next attempt does with the steps an earlier one left, and how a lost submit is looked for."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from browser.errors import TransportFailed
from gateway import errors as ours
from gateway.media.assets import Asset
from gateway.settings import OnAmbiguous
from gateway.tasks.model import Step, VideoMode, VideoSpec
from tests.grok import frames as f
from tests.grok.conftest import Bench, begun
from tests.grok.records import MemoryJournal, task
from tests.grok.script import NEW, Stream


def listed(id: str = "C", *, age_s: float = 0, **fields: Any) -> dict[str, Any]:  # noqa: A002
    at = datetime.now(UTC) - timedelta(seconds=age_s)
    return {"conversationId": id, "createTime": at.isoformat(), "kind": "CONVERSATION_KIND_IMAGINE", **fields}


def site(bench: Bench, *conversations: dict[str, Any], **turns: dict[str, Any]) -> None:
    """A site whose lists hold these conversations, with their turns by id."""
    bench.script.on(f.LIST, {"conversations": list(conversations)}).on(f.ASSETS, {"assets": []})
    for conversation_id, held in turns.items():
        bench.script.on(f"GET /rest/app-chat/conversations/{conversation_id}/responses", held)


# -- resuming ----------------------------------------------------------------------------------------------------------


async def test_a_finished_download_is_not_repeated(bench: Bench) -> None:
    bench.script.on(NEW, f.WHOLE)
    first = await bench.make()
    calls = len(bench.script.calls)
    assert await bench.make(bench.journal) == first
    assert len(bench.script.calls) == calls


async def test_a_finished_download_whose_file_is_gone_is_fetched_again(bench: Bench) -> None:
    bench.script.on(NEW, f.WHOLE)
    await bench.make()
    await bench.media.remove(["t1.v"])
    await bench.make(bench.journal)
    assert "t1.v" in bench.media.assets
    assert bench.submits() == 1


@pytest.mark.parametrize("meanwhile", ["kept", "changed", "lost"])
async def test_a_file_that_the_store_did_not_take_is_not_fetched_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    bench.script.on(NEW, f.WHOLE)

    async def away(_asset: Asset) -> Asset:
        raise ours.MediaUnavailable("the store is away")

    with monkeypatch.context() as patched, pytest.raises(ours.MediaUnavailable):
        patched.setattr(bench.media, "record", away)
        await bench.make()
    file = bench.media.target("t1.v", ".mp4")
    match meanwhile:
        case "changed":
            file.write_bytes(b"half")
        case "lost":  # another node goes on, or the spool was lost
            file.unlink()
    assert (await bench.make(bench.journal)).size_bytes == len(b"film")
    assert file.read_bytes() == b"film"
    assert bench.script.count(f"DOWNLOAD {f.URL}") == (1 if meanwhile == "kept" else 2)
    assert bench.submits() == 1


async def test_a_finished_submit_is_only_downloaded(bench: Bench) -> None:
    step = Step("submit", True, {"generation": "g2"}, {}, {"conversation_id": "C", "video_id": "V", "url": f.KEY})
    assert await bench.make(MemoryJournal({"submit": step}))
    assert [call.what for call in bench.script.calls] == [f"DOWNLOAD {f.URL}"]


@pytest.mark.parametrize(
    "external",
    [
        {"conversation_id": "C"},
        {"conversation_id": "C", "response_id": "R", "video_id": "V", "progress": 46},
        {"conversation_id": "C", "answered": True, "attachments": ["V"]},
    ],
)
async def test_a_submit_with_an_id_is_followed(bench: Bench, external: dict[str, Any]) -> None:
    bench.script.on(f.TURNS, f.turns(f.human(), f.turn()))
    assert await bench.make(begun(**external))
    assert bench.submits() == 0


async def test_moderation_seen_before_a_crash_is_kept(bench: Bench) -> None:
    with pytest.raises(ours.ContentModerated):
        await bench.make(begun(conversation_id="C", moderated=True, url=f.KEY))
    assert not bench.script.calls


async def test_a_generation_resumed_late_is_still_fetched(bench: Bench) -> None:
    """The gateway was down for an hour; the video was ready long ago."""
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    bench.script.on(f.TURNS, f.turns(f.turn()))
    assert await bench.make(begun(conversation_id="C", intent={"started_at": hour_ago}))


async def test_another_account_cannot_go_on(bench: Bench) -> None:
    with pytest.raises(ours.ProfileNotReady, match="another account"):
        await bench.make(begun(conversation_id="C"), task(account_id="someone else"))
    assert not bench.script.calls


# -- reconciling -------------------------------------------------------------------------------------------------------


async def test_the_one_conversation_of_ours_is_adopted(bench: Bench) -> None:
    site(
        bench,
        listed("C0", age_s=-400),
        listed("C1"),
        listed("C"),
        listed("C9", age_s=500),
        C1=f.turns(f.human("a cat --mode=normal"), f.turn([], mediaGenInput=f.echo("a cat"))),
        C=f.turns(f.human(), f.turn()),
    )
    result = await bench.make(begun())
    assert result.upstream["conversation_id"] == "C"
    assert bench.submits() == 0
    assert bench.script.count("GET /rest/app-chat/conversations/C9/responses") == 0


async def test_adopted_while_still_generating(bench: Bench) -> None:
    site(bench, listed("C"))
    bench.script.on(f.TURNS, f.turns(f.human()), f.turns(f.human()), f.turns(f.human(), f.turn()))
    assert (await bench.make(begun())).upstream["video_id"] == "V"


async def test_a_listed_conversation_may_tell_by_its_latest_file(bench: Bench) -> None:
    site(bench, listed("C", latestAssetMetadata=f.asset(mediaGenInput=f.echo())))
    assert (await bench.make(begun())).upstream["conversation_id"] == "C"


async def test_found_among_the_files_only(bench: Bench) -> None:
    made = f.asset(mediaGenInput=f.echo(), sourceConversationId="C", createTime=datetime.now(UTC).isoformat())
    bench.script.on(f.LIST, (500, {"code": 13, "message": "x"})).on(f.ASSETS, {"assets": [made]})
    assert (await bench.make(begun())).upstream["conversation_id"] == "C"


@pytest.mark.parametrize(
    "echo",
    [
        f.echo("another"),
        f.echo(duration=10),
        f.echo(aspectRatio="1:1"),
        {"imageToVideo": {"prompt": "a lighthouse", "inputAssets": ["F"]}},
    ],
)
async def test_what_differs_is_not_ours(bench: Bench, echo: dict[str, Any]) -> None:
    site(bench, listed("C"), C=f.turns(f.turn(mediaGenInput=echo)))
    with pytest.raises(ours.OutcomeUnknown):
        await bench.make(begun())


async def test_two_that_match_are_nobodys(bench: Bench) -> None:
    site(bench, listed("C"), listed("D"), C=f.turns(f.human(), f.turn()), D=f.turns(f.human(), f.turn([f.asset("W")])))
    with pytest.raises(ours.OutcomeUnknown, match="does not tell which"):
        await bench.make(begun())


async def test_what_another_task_holds_is_not_ours(tmp_path: Path) -> None:
    async def elsewhere(task_id: str, ids: Collection[str]) -> Collection[str]:
        assert task_id == "t1"
        return {"C"} & set(ids)

    bench = Bench(tmp_path, claimed_elsewhere=elsewhere)
    site(bench, listed("C"), listed("D"), C=f.turns(f.human(), f.turn()), D=f.turns(f.human(), f.turn([f.asset("W")])))
    bench.script.file("https://assets.grok.com/users/U/generated/W/generated_video.mp4", b"film")
    assert (await bench.make(begun())).upstream["conversation_id"] == "D"


@pytest.mark.parametrize("stored", ["file", "address"])
async def test_what_never_appears_is_waited_for_once_over_all_attempts(tmp_path: Path, stored: str) -> None:
    """The file of a finished video (stored: file), or the address that the site never tells."""
    bench = Bench(tmp_path, asset_wait_s=0.3)
    bench.script.on(NEW, f.WHOLE if stored == "file" else [*f.START, f.answer(attachments=("V",))])
    bench.script.file(f.URL, 404)
    bench.script.on(f.TURNS, f.turns(f.human(), f.turn([], fileAttachments=["V"])))
    bench.script.on(f.ASSETS, {"assets": []})
    loop = asyncio.get_running_loop()
    took = []
    for journal in (None, *[bench] * 3):
        began = loop.time()
        with pytest.raises(ours.GenerationError):
            await bench.make(journal and journal.journal)
        took.append(loop.time() - began)
    assert took[0] >= 0.3, took
    assert all(later < 0.25 for later in took[1:]), took
    assert bench.submits() == 1


@pytest.mark.parametrize("generation", ["g1", "g2"])
async def test_a_lost_submit_is_looked_for_as_long_in_either_protocol(tmp_path: Path, generation: str) -> None:
    bench = Bench(tmp_path, lost_submit_s=0.4)
    site(bench)
    bench.script.on("POST /rest/media/post/get", {"post": {"id": "P"}})
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(ours.OutcomeUnknown):
        await bench.make(begun(intent={"generation": generation, "post_id": "P"}))
    assert loop.time() - began >= 0.4


async def test_absent_is_unknown_and_not_sent_again(bench: Bench) -> None:
    site(bench)
    with pytest.raises(ours.OutcomeUnknown, match="not sent again"):
        await bench.make(begun())
    assert bench.submits() == 0
    assert "submit" in bench.journal.steps


async def test_the_operator_may_prefer_a_second_video(tmp_path: Path) -> None:
    bench = Bench(tmp_path, on_ambiguous=OnAmbiguous.RERUN)
    site(bench)
    bench.script.on(NEW, f.WHOLE)
    assert await bench.make(begun())
    assert bench.submits() == 1


async def test_a_cut_before_the_first_frame(bench: Bench) -> None:
    bench.script.on(NEW, [TransportFailed("reset")])
    site(bench, listed("C"), C=f.turns(f.human(), f.turn()))
    assert (await bench.make()).upstream["conversation_id"] == "C"
    assert bench.submits() == 1


async def test_a_request_that_our_own_side_refused_may_be_sent_again(bench: Bench) -> None:
    refused = TransportFailed("64 streams are open")
    refused.sent = False
    bench.script.on(NEW, refused, f.WHOLE)
    with pytest.raises(ours.UpstreamError):
        await bench.make()
    assert "submit" not in bench.journal.steps
    assert await bench.make(bench.journal)


async def test_twins_do_not_share_a_video(bench: Bench) -> None:
    """Two tasks ask for the same; one loses its stream before it knows its id, while the other is still on its way."""
    asked = asyncio.Event()

    class Slow(Stream):
        async def __aiter__(self) -> Any:
            asked.set()
            await asyncio.sleep(0.1)  # the site has made conversation C for this one; we have not seen it yet
            async for piece in super().__aiter__():
                yield piece

    bench.script.on(NEW, Slow(f.WHOLE), [TransportFailed("reset")])
    site(bench, listed("C"), C=f.turns(f.human(), f.turn()))
    first = asyncio.create_task(bench.maker.make(task(name="t1"), MemoryJournal()))
    await asked.wait()
    with pytest.raises(ours.OutcomeUnknown):
        await bench.maker.make(task(name="t2"), MemoryJournal())
    assert (await first).upstream["conversation_id"] == "C"


async def test_two_lost_twins_take_one_each_or_none(bench: Bench) -> None:
    site(bench, listed("C"), C=f.turns(f.human(), f.turn()))
    made = await asyncio.gather(
        *(bench.maker.make(task(name=name), begun()) for name in ("t1", "t2")), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in made) == ["OutcomeUnknown", "VideoResult"]


async def test_pictures_tell_requests_without_words_apart(bench: Bench) -> None:
    spec = VideoSpec(prompt="", mode=VideoMode.IMAGE, image_assets=("in0",), aspect_ratio="16:9")
    upload = Step("upload", True, {}, {}, {"in0": {"id": "F", "uri": "users/U/F/content"}})
    journal = begun(intent={"prompt": "", "message": "--mode=normal", "file_ids": ["F"]})
    journal = MemoryJournal({**journal.steps, "upload": upload})

    def of(file_id: str) -> dict[str, Any]:
        echo = {"imageToVideo": {"inputAssets": [file_id], "aspectRatio": "16:9", "duration": 6}}
        return f.turn([f.asset()] if file_id == "F" else [f.asset("W")], mediaGenInput=echo)

    quiet = f.human("--mode=normal")
    site(bench, listed("B"), listed("C"), B=f.turns(quiet, of("G")), C=f.turns(quiet, of("F")))
    assert (await bench.make(journal, task(spec))).upstream["conversation_id"] == "C"


async def test_g1_is_found_by_its_post(bench: Bench) -> None:
    """g1 conversations are temporary and listed nowhere; the post is ours alone and known before the request left."""
    site(bench)
    post = {"id": "P", "userId": "U", "mediaType": "MEDIA_POST_TYPE_VIDEO", "mediaUrl": ""}
    bench.script.on("POST /rest/media/post/get", {"post": post}, {"post": {**post, "mediaUrl": f.URL}})
    result = await bench.make(begun(intent={"generation": "g1", "post_id": "P", "user_id": "U"}))
    assert result.upstream["asset_url"] == f.URL
    assert bench.submits() == 0


async def test_the_sites_clock_is_taken_into_account(bench: Bench) -> None:
    """Its clock is 10 minutes ahead of ours: what it calls "in ten minutes" is now, what it calls now was long ago."""
    twins = f.turns(f.human(), f.turn([f.asset("W")]))
    site(bench, listed("C", age_s=-600), listed("D"), C=f.turns(f.human(), f.turn()), D=twins)
    assert (await bench.make(begun(intent={"clock_offset_s": 600}))).upstream["conversation_id"] == "C"


def test_a_spec_is_what_makes_twins() -> None:
    from gateway.grok.steps.submit import likeness_of

    assert likeness_of("U", "a  b", ["2", "1"]) == likeness_of("U", "a b", ["1", "2"])
    assert likeness_of("U", "a b", []) != likeness_of("V", "a b", [])
