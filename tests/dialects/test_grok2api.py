"""The grok2api task API (seed 004 §3): every state and every error as it goes over the wire."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway import errors
from gateway.dialects.grok2api import translate
from gateway.dialects.grok2api.protocol import CreateTask
from gateway.dialects.grok2api.protocol import Task as WireTask
from gateway.errors import EmptyPrompt, InvalidRequest, ModelNotFound
from gateway.media.assets import Asset, AssetKind
from gateway.models import ModelKind, resolve
from gateway.tasks.model import Failure, Task, TaskEvent, VideoMode, VideoResult, VideoSpec
from gateway.tasks.states import Stage, State
from tests.dialects.errors import every_error, sample
from tests.dialects.golden import FOLDER, Golden

AT = datetime(2026, 2, 6, 12, 0, 0, 123456, tzinfo=UTC)
ID = "task_0195f0c2a1b37c2d8e9f00112233aabb"
TASK = Task(
    id=ID, key_id="key_1", dialect="grok2api", model="grok-imagine-1.0-video", kind="video",
    spec=VideoSpec(prompt="一只海豚在海洋中跳跃", aspect_ratio="16:9"), state=State.QUEUED, created_at=AT,
)  # fmt: skip
RUNNING = replace(
    TASK, state=State.RUNNING, started_at=AT + timedelta(seconds=1), stage=Stage.GENERATE, progress=45, profile="work"
)
RESULT = VideoResult(
    asset_id=f"{ID}.v", thumbnail_id=f"{ID}.t", size_bytes=1234567, width=848, height=480, duration_s=6.04, fingerprint="ab" * 32,
    upstream={"asset_url": "https://assets.grok.com/secret", "conversation_id": "c-secret"},
)  # fmt: skip
DONE = replace(
    RUNNING, state=State.SUCCEEDED, progress=100, stage=Stage.DOWNLOAD, result=RESULT,
    finished_at=AT + timedelta(seconds=90), expires_at=AT + timedelta(days=1, seconds=90), account_id="acc-secret",
)  # fmt: skip


def failed(code, message, *, retryable=False):
    return replace(RUNNING, state=State.FAILED, finished_at=AT, failure=Failure(code, message, "generate", retryable))


def link_to(asset_id, suffix):
    return f"https://gw.example/media/6a2b.sig/{asset_id}{suffix}"


AROUND = translate.Around(link_to)
STATES = {
    "queued": (TASK, translate.Around(link_to, queue_position=3)),
    "queued_nobody_ready": (
        TASK,
        translate.Around(
            link_to,
            queue_position=1,
            waiting=("no_profile_ready", "No profile is signed in; the gateway's operator has to sign in."),
        ),
    ),
    "waiting_for_a_human": (
        replace(RUNNING, state=State.QUEUED, wait_code="challenge_required", wait_reason="The site wants a human."),
        translate.Around(link_to, queue_position=1),
    ),
    "running": (RUNNING, AROUND),
    "running_upload": (replace(RUNNING, stage=Stage.UPLOAD, progress=0), AROUND),
    "downloading": (replace(RUNNING, stage=Stage.DOWNLOAD, progress=99), AROUND),
    "completed": (DONE, AROUND),
    "completed_without_thumbnail": (replace(DONE, result=replace(RESULT, thumbnail_id=None)), AROUND),
    "completed_expired": (replace(DONE, result=replace(RESULT, asset_id=None, thumbnail_id=None)), AROUND),
    "failed": (failed("generation_failed", "The site reports that the generation failed.", retryable=True), AROUND),
    "moderated": (failed("content_moderated", "The site refuses this content."), AROUND),
    "outcome_unknown": (
        failed("generation_outcome_unknown", "Nothing tells whether the site accepted it.", retryable=True),
        AROUND,
    ),
    "cancelled": (replace(RUNNING, state=State.CANCELLED, finished_at=AT), AROUND),
    "cancelled_before_it_ran": (replace(TASK, state=State.CANCELLED, finished_at=AT), AROUND),
}
EVENTS = {
    "accepted": {},
    "claimed": {"profile": "work", "attempt": 1},
    "stage": {"stage": "generate", "progress": 5},
    "progress": {"progress": 50},
    "waiting": {"code": "challenge_required", "reason": "The site wants a human."},
    "retrying": {"code": "upstream_timeout", "message": "The site did not answer in time."},
    "rescued": {},
    "something_new": {"x": 1},
}
CREATES = {
    "text": {"model": "grok-imagine-1.0-video", "prompt": "一只海豚在海洋中跳跃", "aspect_ratio": "16:9", "video_length": 6,
             "resolution": "480p", "preset": "normal"},
    "image": {"model": "grok-imagine-1.0-video", "prompt": "让图片动起来", "image_url": "https://example.com/image.jpg",
              "aspect_ratio": "1:1", "video_length": 6},
    "defaults": {"model": "grok-imagine-0.9", "prompt": " hi "},
    "lenient": {"model": "grok-imagine-video", "prompt": "hi", "video_length": "10", "image_url": {"url": "file_1"}, "seed": 4, "n": None},
}  # fmt: skip


def read_create(fields, aliases=None):
    wire = CreateTask.model_validate(fields)
    return translate.from_create(wire, resolve(wire.model, ModelKind.VIDEO, aliases or {}))


@pytest.fixture(scope="module")
def golden(request):
    golden = Golden("grok2api", update=request.config.getoption("--update-golden"))
    yield golden
    if request.session.testsfailed == 0 and not request.config.option.keyword:
        assert golden.stale() == [], "no test asks for these"


@pytest.mark.parametrize("case", STATES)
def test_a_task_in_every_state(case, golden):
    shown = translate.to_task(*STATES[case])
    golden.check(f"task_{case}", shown)
    WireTask.model_validate(shown)
    assert None not in shown.values(), "what does not apply is absent"
    assert "secret" not in json.dumps(shown), "nothing of the account or the site"


def test_every_state_is_among_them():
    assert {task.state for task, _ in STATES.values()} == set(State)


@pytest.mark.parametrize("case", STATES)
def test_first_and_last_event_of_a_stream(case, golden):
    task, around = STATES[case]
    golden.check(f"stream_{case}", [translate.to_snapshot(task, around), translate.to_end(task, around)])


@pytest.mark.parametrize("type_", EVENTS)
def test_events_in_between(type_, golden):
    golden.check(f"event_{type_}", translate.to_event(TaskEvent(ID, 7, AT, type_, EVENTS[type_])))


@pytest.mark.parametrize("case", CREATES)
def test_creates_are_read(case, golden):
    read = read_create({k: v for k, v in CREATES[case].items() if v is not None})
    golden.check(f"create_{case}", {
        "prompt": read.prompt, "seconds": read.seconds, "resolution": read.resolution, "aspect_ratio": read.aspect_ratio,
        "preset": read.preset, "mode": read.mode, "pictures": list(read.pictures),
    })  # fmt: skip


def test_answers(golden):
    asset = Asset("file_00", AssetKind.INPUT, "image/jpeg", ".jpg", 5, "ab", file_name="image.jpg")
    golden.check("answers", {
        "accepted": translate.to_accepted(TASK),
        "cancelled": translate.to_cancelled(replace(TASK, state=State.CANCELLED)),
        "cancelling": translate.to_cancelled(RUNNING),
        "cancel_too_late": translate.to_cancelled(DONE),
        "deleted": translate.to_deleted(2),
        "deleted_failed": translate.to_deleted_in(5, "failed"),
        "cleared": translate.to_cleared(10),
        "uploaded": translate.to_uploaded(asset, "https://gw.example/media/6a2b.sig/file_00.jpg"),
        "uploaded_without_a_name": translate.to_uploaded(replace(asset, file_name=None), "https://gw.example/x.jpg"),
    })  # fmt: skip


def test_every_error(golden):
    answers = {cls.__name__: translate.to_error(sample(cls)) for cls in every_error()}
    golden.check("errors", {
        name: {"status": answer.status, "headers": dict(answer.headers), "body": answer.body} for name, answer in answers.items()
    })  # fmt: skip
    for answer in answers.values():
        assert set(answer.body["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("fields", "error", "param", "words"),
    [
        ({"prompt": "x"}, InvalidRequest, "model", "model"),
        ({"model": "invalid-model", "prompt": "x"}, ModelNotFound, "model",
         "The model `invalid-model` does not exist or you do not have access to it."),
        ({"model": "grok-imagine-video"}, EmptyPrompt, "prompt", "Prompt cannot be empty"),
        ({"model": "grok-imagine-video", "prompt": " \n"}, EmptyPrompt, "prompt", "Prompt cannot be empty"),
        ({"model": "grok-imagine-video", "prompt": "x", "aspect_ratio": "21:9"}, InvalidRequest, "aspect_ratio", "16:9"),
        ({"model": "grok-imagine-video", "prompt": "x", "video_length": 7}, InvalidRequest, "video_length", "6, 10"),
        ({"model": "grok-imagine-video", "prompt": "x", "video_length": 0}, InvalidRequest, "video_length", "6, 10"),
        ({"model": "grok-imagine-video", "prompt": "x", "resolution": "1080p"}, InvalidRequest, "resolution", "480p, 720p"),
        ({"model": "grok-imagine-video", "prompt": "x", "preset": "wild"}, InvalidRequest, "preset", "fun, normal"),
    ],
)  # fmt: skip
def test_bad_creates_name_the_clients_own_field(fields, error, param, words):
    with pytest.raises(error) as refused:
        read_create(fields)
    assert refused.value.param == param
    assert words in refused.value.message


def test_the_examples_of_the_documentation_are_taken():
    for example in CreateTask.model_config["json_schema_extra"]["examples"]:
        read_create(example)


def test_a_model_may_be_named_as_other_clients_do():
    assert read_create({"model": "sora-2", "prompt": "x"}).prompt == "x"
    assert read_create({"model": "mine", "prompt": "x"}, {"mine": "grok-imagine-video"}).prompt == "x"


def test_a_model_that_takes_exactly_one_picture_is_refused_without():
    with pytest.raises(InvalidRequest, match="exactly one reference image"):
        read_create({"model": "grok-video-1.5", "prompt": "x"})


def test_status_words_go_both_ways():
    assert {translate.from_status(word) for word in translate.STATUS.values()} == set(State)
    with pytest.raises(InvalidRequest, match="pending, running"):
        translate.from_status("done")


def test_an_unknown_task_is_told_as_documented():
    answer = translate.to_error(errors.TaskNotFound("no such task"))
    assert (answer.status, answer.body["detail"]) == (404, "任务不存在")


def test_a_picture_makes_it_the_first_frame():
    read = read_create(CREATES["image"])
    assert (read.mode, read.pictures) == (VideoMode.IMAGE, ("https://example.com/image.jpg",))


def test_golden_files_hold_no_secret():
    assert "secret" not in "".join(file.read_text("utf-8") for file in (FOLDER / "grok2api").glob("*.json"))
