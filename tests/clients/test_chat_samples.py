"""The chat and image samples of seed 004 (§1, §2, §5, §6), as documented, on a gateway without keys; only the host is put in."""

import json
import re
import shutil
from pathlib import Path

import pytest
import pytest_asyncio

from tests.clients.installing import OPENAI_NEWEST, python_with, run
from tests.front.material import picture
from tests.front.scripted import Scripted
from tests.front.serving import serving
from tests.front.sse_text import chunks, content, named

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
SAMPLES = Path(__file__).with_name("samples")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_front(the_film, tmp_path_factory):
    async with serving(tmp_path_factory.mktemp("open") / "data", Scripted(the_film), no_auth=True) as front:
        yield front


@pytest.fixture
def sample(open_front, tmp_path):
    (tmp_path / "image.jpg").write_bytes(picture("JPEG"))

    def read(name):
        text = (SAMPLES / f"004_{name}.txt").read_text("utf-8")
        return text.replace("http://localhost:8000", open_front.url).replace("/path/to", str(tmp_path))

    return read


@pytest.fixture
def curl(sample):
    if shutil.which("curl") is None:
        pytest.skip("needs curl")

    async def say(name):
        return await run(
            "sh", "-c", sample(f"{name}.sh").replace("curl ", "curl -sS --fail-with-body --noproxy '*' ", 1)
        )

    return say


async def shows(front, url):
    async with front.client(None) as anybody:
        answer = await anybody.get(url)
    assert answer.status_code == 200
    return answer.headers["content-type"]


async def test_chats_with_curl(open_front, curl):
    said = json.loads(await curl("chat"))
    assert said["choices"][0]["message"] == {
        "role": "assistant",
        "content": "You said: 你好，请介绍一下你自己",
        "refusal": None,
    }
    assert {"prompt_tokens", "completion_tokens", "total_tokens"} <= said["usage"].keys()
    assert content(chunks(await curl("chat_stream"))) == "You said: 写一首诗"
    video = json.loads(await curl("chat_video"))
    assert await shows(open_front, video["choices"][0]["message"]["content"]) == "video/mp4"


async def test_pictures_with_curl(open_front, curl):
    for name, count, key in (("image", 1, "url"), ("images", 4, "b64_json"), ("edit", 1, "url")):
        said = json.loads(await curl(name))
        assert len(said["data"]) == count and all(item[key] for item in said["data"])
        if key == "url":
            assert await shows(open_front, said["data"][0]["url"]) == "image/jpeg"
    streamed = named(await curl("images_stream"))
    assert [name for name, _ in streamed] == ["image_generation.partial_image", "image_generation.completed"]
    assert streamed[0][1]["b64_json"] and streamed[0][1]["index"] == 0
    assert streamed[1][1]["created"] and streamed[1][1]["data"]


async def test_python(open_front, sample, installed):
    python = str(await python_with(installed, OPENAI_NEWEST))
    assert "你好，请介绍一下你自己" in await run(python, "-", code=sample("chat.py"))
    urls = (await run(python, "-", code=sample("image.py"))).split()
    assert len(urls) == 2 and [await shows(open_front, url) for url in urls] == ["image/jpeg"] * 2
    said = await run(python, "-", code=sample("stream.py"))
    assert "".join(re.findall(r'"content":"(.*?)"', said)) == "You said: 写一首关于春天的诗"


async def test_javascript(open_front, sample):
    if shutil.which("node") is None:
        pytest.skip("needs node")
    assert "你好，请介绍一下你自己" in await run("node", "-", code=sample("chat.js"))
    urls = (await run("node", "-", code=sample("image.js"))).split()
    assert len(urls) == 2 and [await shows(open_front, url) for url in urls] == ["image/jpeg"] * 2
