"""Official SDKs make videos over a real socket, as their users install them."""

import os
from pathlib import Path

import pytest
from PIL import Image

from gateway.errors import ContentModerated, GenerationFailed
from tests.clients.installing import LITELLM, NODE_6, NODE_7, OPENAI_NEWEST, OPENAI_OF_2025, node_with, python_with, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="module")]
PROGRAMS = Path(__file__).with_name("programs")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    Image.new("RGB", (640, 360), "teal").save(folder / "small.png")
    Image.frombytes("RGB", (900, 600), os.urandom(900 * 600 * 3)).save(folder / "large.png")
    return folder


@pytest.fixture(autouse=True)
def scripted(front):
    """A prompt says what becomes of it."""

    async def make(site, task, journal):
        if task.spec.prompt.startswith("moderate"):
            raise ContentModerated("The site refuses this content.")
        if task.spec.prompt.startswith("fail"):
            raise GenerationFailed("unlucky")
        if task.spec.prompt.startswith("hold"):
            await site.go.wait()
        return await site.deliver(task, journal)

    front.site.script = make
    front.services.settings.max_attempts = 1


def around(front, shop, pictures):
    return {
        "BASE_URL": f"{front.url}/v1", "API_KEY": front.key, "PICTURE": str(pictures / "small.png"),
        "LARGE_PICTURE": str(pictures / "large.png"), "PICTURE_URL": f"{shop}/a.jpg",
    }  # fmt: skip


@pytest.mark.parametrize(
    "version",
    [pytest.param(OPENAI_OF_2025, id="2.8.1", marks=pytest.mark.long), pytest.param(OPENAI_NEWEST, id="newest")],
)
async def test_openai_python(front, shop, installed, pictures, version):
    python = await python_with(installed, version)
    _, key = await front.keys.create(f"openai {version[0]}")
    assert "ok" in await run(
        str(python), str(PROGRAMS / "openai_videos.py"), **around(front, shop, pictures) | {"API_KEY": key}
    )


@pytest.mark.long
async def test_litellm(front, shop, installed, pictures):
    python = await python_with(installed, LITELLM)
    said = await run(str(python), str(PROGRAMS / "litellm_videos.py"), **around(front, shop, pictures), LITELLM_LOCAL_MODEL_COST_MAP="True")  # fmt: skip
    assert "ok" in said


async def in_node(place, program, env):
    file = place / program
    file.write_text((PROGRAMS / program).read_text("utf-8"), encoding="utf-8")
    return await run("node", str(file), cwd=place, **env)


async def test_openai_node(front, shop, installed, pictures):
    place = await node_with(installed, NODE_6)
    _, key = await front.keys.create("openai-node")
    assert "ok" in await in_node(place, "openai_videos.mjs", around(front, shop, pictures) | {"API_KEY": key})


@pytest.mark.parametrize(
    "packages", [pytest.param(NODE_6, id="6"), pytest.param(NODE_7, id="7", marks=pytest.mark.long)]
)
async def test_ai_sdk(front, shop, installed, pictures, packages):
    place = await node_with(installed, packages)
    assert "ok" in await in_node(place, "ai_sdk_videos.mjs", around(front, shop, pictures))
