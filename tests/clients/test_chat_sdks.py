"""Official SDKs chat, draw and list models over a real socket, as their users install them."""

import os
from pathlib import Path

import pytest
from PIL import Image

from gateway.calls.model import Ended, Reasoning, Text
from gateway.errors import AnswerCut, ContentModerated, RateLimited
from tests.clients.installing import LITELLM, NODE_6, NODE_7, OPENAI_NEWEST, OPENAI_OF_2025, node_with, python_with, run
from tests.front.scripted_calls import echo

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="module")]
PROGRAMS = Path(__file__).with_name("programs")
LANGCHAIN = ("langchain-openai==1.7.3",)


CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'


@pytest.fixture(autouse=True)
def scripted(front):
    """What is said decides what becomes of it."""
    scripts = {
        "think": [Reasoning("hm"), Text("yes"), Ended("stop", "yes")],
        "moderate": [ContentModerated("The site refuses this content.")],
        "limit": [RateLimited("Too many requests.", retry_after_s=7)],
        "use a tool": [Text(CALL[:9]), Text(CALL[9:]), Ended("stop", CALL)],
        "as json": [Text('{"age"'), Text(": 5}"), Ended("stop", '{"age": 5}')],
        "empty": [Ended("stop", "")],
        "cut": [Text("begun"), 0.05, AnswerCut("The site's answer broke off.")],
    }
    front.site.calls.script_of = lambda request: scripts.get(request.turns[-1].text) or echo(request)


@pytest.fixture(scope="module")
def pictured(tmp_path_factory):
    file = tmp_path_factory.mktemp("pictures") / "small.png"
    Image.new("RGB", (640, 360), "teal").save(file)
    return str(file)


def around(front, pictured):
    return {"BASE_URL": f"{front.url}/v1", "API_KEY": front.key, "PICTURE": pictured}


@pytest.mark.parametrize(
    "version",
    [pytest.param(OPENAI_OF_2025, id="2.8.1", marks=pytest.mark.long), pytest.param(OPENAI_NEWEST, id="newest")],
)
async def test_openai_python(front, installed, pictured, version):
    python = await python_with(installed, version)
    assert "ok" in await run(str(python), str(PROGRAMS / "openai_chat.py"), **around(front, pictured))


@pytest.mark.long
async def test_litellm(front, installed, pictured):
    python = await python_with(installed, LITELLM)
    env = {**around(front, pictured), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    assert "ok" in await run(str(python), str(PROGRAMS / "litellm_chat.py"), **env)


@pytest.mark.long
async def test_langchain(front, installed, pictured):
    python = await python_with(installed, LANGCHAIN)
    env = {**around(front, pictured), "LANGSMITH_TRACING": "false"}
    assert "ok" in await run(str(python), str(PROGRAMS / "langchain_chat.py"), **env)


@pytest.mark.parametrize(
    "packages", [pytest.param(NODE_6, id="6"), pytest.param(NODE_7, id="7", marks=pytest.mark.long)]
)
async def test_ai_sdk(front, installed, pictured, packages):
    place = await node_with(installed, packages)
    file = place / "ai_sdk_chat.mjs"
    file.write_text((PROGRAMS / file.name).read_text("utf-8"), encoding="utf-8")
    said = await run("node", str(file), cwd=place, **around(front, pictured) | {"PATH": os.environ["PATH"]})
    assert "ok" in said
