"""The documentation's own samples, run as written against a gateway without keys (they send none)."""

import asyncio
import json
import os
import re
import shutil
import sys
import textwrap

import pytest

from tests.front import seed_samples as seed
from tests.front.material import picture
from tests.front.serving import serving

#: What the Python sample needs of `requests`, where it is not installed.
REQUESTS = textwrap.dedent(
    """
    from httpx2 import get as _get, post as _post
    def get(url, **more): return _get(url, trust_env=False, **more)
    def post(url, **more): return _post(url, trust_env=False, **more)
    """
)


@pytest.fixture
async def front(data_dir, site):
    async with serving(data_dir, site, no_auth=True) as front:
        yield front


async def run(*command, code=None, **env):
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **env},
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(None if code is None else code.encode()), 30)
    assert process.returncode == 0, err.decode()
    return out.decode()


def shows_a_finished_video(said, front):
    assert "100%" in said
    [url] = re.findall(r"视频 URL: (\S+)", said)
    assert url.startswith(front.url) and url.endswith(".mp4")


async def test_the_python_sample(front, tmp_path):
    try:
        import requests  # noqa: F401
    except ImportError:
        (tmp_path / "requests.py").write_text(REQUESTS)
    said = await run(sys.executable, "-", code=seed.PYTHON.replace(seed.HOST, front.url), PYTHONPATH=str(tmp_path))
    shows_a_finished_video(said, front)


@pytest.mark.skipif(shutil.which("node") is None, reason="no node here")
async def test_the_javascript_sample(front):
    said = await run("node", "-", code=seed.JAVASCRIPT.replace(seed.HOST, front.url))
    shows_a_finished_video(said, front)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
async def test_the_curl_samples(front, tmp_path):
    (tmp_path / "image.jpg").write_bytes(picture("JPEG"))

    async def curl(sample, **instead):
        text = sample.replace(seed.HOST, front.url).replace("/path/to", str(tmp_path))
        for old, new in instead.items():
            text = text.replace(old, new)
        return await run("sh", "-c", text.replace("curl ", "curl -sS --noproxy '*' ", 1))

    created = json.loads(await curl(seed.CREATE))
    assert created["status"] == "success" and created["message"] == "视频生成任务已提交"
    first = created["task_id"]
    await front.until(first, "completed")
    second = json.loads(await curl(seed.CREATE))["task_id"]
    await front.until(second, "completed")
    assert json.loads(await curl(seed.GET, task_abc123=first))["status"] == "completed"
    streamed = await curl(seed.STREAM, task_abc123=first)
    assert [json.loads(line[6:])["type"] for line in streamed.splitlines() if line.startswith("data: ")] == [
        "snapshot", "completed",
    ]  # fmt: skip
    assert len(json.loads(await curl(seed.LIST))["tasks"]) == 2
    assert len(json.loads(await curl(seed.LIST_COMPLETED))["tasks"]) == 2
    assert json.loads(await curl(seed.CANCEL, task_abc123=first))["status"] == "success"
    assert json.loads(await curl(seed.DELETE, task_abc123=first, task_def456=second))["count"] == 2
    assert json.loads(await curl(seed.DELETE_FAILED))["message"] == "已删除 0 个 failed 任务"
    assert json.loads(await curl(seed.DELETE_ALL))["message"] == "已清除所有 0 个任务"
    assert set(json.loads(await curl(seed.UPLOAD))) == {"file_id", "file_uri", "image_url"}
