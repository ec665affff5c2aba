"""Run with an installed openai-python: every call of ``client.videos`` that makes sense here."""

import io
import os
import sys
from pathlib import Path

import openai
from openai import OpenAI

client = OpenAI(base_url=os.environ["BASE_URL"], api_key=os.environ["API_KEY"], max_retries=0)
picture = Path(os.environ["PICTURE"])

video = client.videos.create_and_poll(model="sora-2", prompt="a lighthouse", seconds="4", size="1280x720")
assert video.status == "completed", video
assert (video.seconds, video.object, video.progress, video.model) == ("6", "video", 100, "sora-2"), video
assert video.id.startswith("video_") and isinstance(video.created_at, int) and isinstance(video.completed_at, int)

film = client.videos.download_content(video.id)
assert film.read()[4:8] == b"ftyp"
thumbnail = client.videos.download_content(video.id, variant="thumbnail")
assert thumbnail.read()[:2] == b"\xff\xd8"

with picture.open("rb") as file:
    pictured = client.videos.create_and_poll(prompt="it comes alive", input_reference=file, seconds="8")
assert (pictured.status, pictured.seconds) == ("completed", "10"), pictured
large = io.BytesIO(picture.read_bytes())
large.name = "large.png"
assert client.videos.create(prompt="again", input_reference=large).status in {"queued", "in_progress"}

remix = client.videos.remix(video.id, prompt="the same, at night")
assert remix.remixed_from_video_id == video.id
assert client.videos.poll(remix.id).status == "completed"

found = [one.id for one in client.videos.list(limit=1)]  # three pages, one by one
assert found[:1] != [video.id] and set(found) >= {video.id, pictured.id, remix.id} and len(found) == len(set(found)), (
    found
)
oldest = client.videos.list(order="asc", limit=2)
assert oldest.data[0].id == video.id and oldest.has_more

raw = client.videos.with_raw_response.create(prompt="hold on", model="sora-2")
waiting = raw.parse()
assert raw.status_code == 200 and raw.headers["x-request-id"]
try:
    client.videos.download_content(waiting.id)
    sys.exit("an unfinished video was served")
except openai.BadRequestError as exc:
    assert exc.code == "video_not_ready", exc
polled = client.videos.with_raw_response.retrieve(waiting.id)
assert int(polled.headers["openai-poll-after-ms"]) > 0 and polled.parse().status in {"queued", "in_progress"}

deleted = client.videos.delete(video.id)
assert (deleted.id, deleted.object, deleted.deleted) == (video.id, "video.deleted", True), deleted
try:
    client.videos.retrieve(video.id)
    sys.exit("a deleted video was found")
except openai.NotFoundError as exc:
    assert (exc.code, exc.type) == ("video_not_found", "not_found_error"), exc
for bad, code, param in (
    ({"prompt": "", "model": "sora-2"}, "empty_prompt", "prompt"),
    ({"prompt": "x", "model": "no-such-model"}, "model_not_found", "model"),
    ({"prompt": "x", "seconds": "12"}, "invalid_value", "seconds"),
    ({"prompt": "x", "extra_body": {"n": 2}}, "unsupported_parameter", "n"),
):
    try:
        client.videos.create(**bad)
        sys.exit(f"taken: {bad}")
    except openai.BadRequestError as exc:
        assert (exc.code, exc.param) == (code, param), exc
try:
    client.with_options(api_key="sk-wrong").videos.retrieve("video_1")
    sys.exit("a wrong key was taken")
except openai.AuthenticationError as exc:
    assert exc.code == "invalid_api_key", exc
print("ok", openai.__version__)
