"""The sample code of the seeds 001, 002 and 003, as documented, against a real socket; only hosts and keys are put in.

Python and continuation lines of shells have their indentation back, which the documents had lost. (Seed 004's samples are
in `tests/front/test_seed_samples.py` and `tests/clients` of the chat API.)
"""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.clients.installing import NODE_6, OPENAI_NEWEST, node_with, python_with, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="module")]
SAMPLES = Path(__file__).with_name("samples")
HOSTS = ("https://api.dubrify.com", "http://localhost:8001", "https://api.constreet.cc")


@pytest.fixture
def sample(front, shop):
    """A sample's text, with this gateway's address, its key, and pictures that are there."""

    def read(name, **instead):
        text = (SAMPLES / f"{name}.txt").read_text("utf-8")
        for host in HOSTS:
            text = text.replace(host, front.url)
        text = text.replace("<YOUR_API_KEY>", front.key).replace("YOUR_API_KEY", front.key)
        for old, new in instead.items():
            text = text.replace(old, new)
        return text.replace("https://example.com/", f"{shop}/")

    return read


@pytest.fixture
def curl(sample):
    if shutil.which("curl") is None:
        pytest.skip("needs curl")

    async def say(name, **instead):
        return json.loads(
            await run("sh", "-c", sample(name, **instead).replace("curl ", "curl -sS --fail-with-body ", 1))
        )

    return say


@pytest.fixture
async def python(installed):
    """Has `requests`, as the samples need."""
    return str(await python_with(installed, OPENAI_NEWEST))


async def film_at(front, url):
    async with front.client(None) as anybody:
        answer = await anybody.get(url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    assert url.startswith(front.url) and url.endswith(".mp4")


async def polled(look, until, times=100):
    import asyncio

    for _ in range(times):
        found = await look()
        if until(found):
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(found)


async def test_001_curl(front, curl):
    for name in ("001_create.sh", "001_image.sh"):
        created = await curl(name)
        assert list(created) == ["request_id"] and created["request_id"].startswith("grok_video_")
        done = await polled(
            lambda: curl("001_get.sh", grok_video_xxxxxxxxxxxxx=created["request_id"]),  # noqa: B023
            lambda found: "video" in found,
        )
        assert done == {
            "model": "grok-imagine-video",
            "video": {"url": done["video"]["url"], "duration": "6", "respect_moderation": "true"},
        }
        await film_at(front, done["video"]["url"])


async def test_001_python(front, sample, python):
    said = await run(python, "-", code=sample("001_submit.py"))
    assert re.search(r"Task submitted, request_id: grok_video_[0-9a-f]{32}", said)
    said = await run(python, "-", code=sample("001_full.py") + sample("001_from_image.py"))
    urls = re.findall(r"Video ready: (\S+)", said)
    assert len(urls) == 2
    for url in urls:
        await film_at(front, url)


async def test_002_curl(front, curl):
    made = await curl("002_create.sh")
    assert {name: made[name] for name in ("model", "status", "prompt")} == {
        "model": "grok-imagine-0.9", "status": "completed", "prompt": "让图片中的人物挥手微笑，背景有轻微的摇曳",
    }  # fmt: skip
    assert re.fullmatch(r"video-\d{10}\d+", made["id"]) and isinstance(made["created"], int)
    await film_at(front, made["video_url"])


async def test_002_python(front, sample, python, tmp_path):
    said = await run(python, "-", code=sample("002_requests.py"))
    await film_at(front, re.findall(r"视频URL: (\S+)", said)[0])
    said = await run(python, "-", code=sample("002_errors.py"))
    await film_at(front, re.findall(r"成功！视频URL: (\S+)", said)[0])
    said = await run(python, "-", code=sample("002_generator.py"), cwd=tmp_path)
    assert "✓ 生成成功!" in said and "✓ 视频已保存" in said
    assert next((tmp_path / "videos").glob("video_*.mp4")).read_bytes()[4:8] == b"ftyp"


async def test_002_javascript(front, sample, installed, tmp_path):
    place = await node_with(installed, NODE_6)
    said = await run("node", "-", code=sample("002_fetch.js"))
    await film_at(front, re.findall(r"视频URL: (\S+)", said)[0])
    (place / "002_axios.cjs").write_text(sample("002_axios.js"), encoding="utf-8")
    said = await run("node", str(place / "002_axios.cjs"), cwd=place)
    await film_at(front, re.findall(r"视频URL: (\S+)", said)[0])


async def test_003_curl(front, curl, sample, tmp_path):
    assert any(model["id"] == "grok-image-video" for model in (await curl("003_models.sh"))["data"])
    for name in ("003_text.sh", "003_image.sh", "003_images.sh", "003_one_five.sh"):
        created = await curl(name)
        assert re.fullmatch(r"task_[0-9a-zA-Z]{32}", created["task_id"]) and created["id"] == created["task_id"]
        assert (created["object"], created["status"], created["progress"]) == ("video", "queued", 0)
        done = await polled(
            lambda: curl("003_get.sh", task_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx=created["task_id"]),  # noqa: B023
            lambda found: found["data"]["status"] == "SUCCESS",
        )
        assert set(done) >= {"code", "message", "data"} and done["code"] == "success"
        assert done["data"]["progress"] == "100%" and done["data"]["fail_reason"] == ""
    await run("sh", "-c", sample("003_download.sh"), cwd=tmp_path, result_url=done["data"]["result_url"])
    assert next(tmp_path.glob("grok_video_*.mp4")).read_bytes()[4:8] == b"ftyp"
    answer = await front.http.post("/v1/video/generations", json=json.loads(sample("003_input_reference.json")))
    assert answer.status_code == 200


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
async def test_003_javascript(front, sample, shop):
    code = sample("003_create_video.js")
    code += (
        f"\ncreateVideo({{ prompt: 'x' }}).then((made) => {{ console.log(made.video_url); return createVideo({{ prompt: 'y', "
        f"seconds: 15, imageUrls: ['{shop}/1.jpg', '{shop}/2.jpg'] }}) }}).then((made) => console.log(made.video_url))"
    )
    said = await run("node", "-", code=code, NEWAPI_API_KEY=front.key)
    assert len(said.split()) == 2
    for url in said.split():
        await film_at(front, url)
