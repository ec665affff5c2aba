"""Requests exactly as applications send them that have no official package to test with: their own code was run and looked at.

Open WebUI 0.12.4, LobeChat 1.143.3, Cherry Studio's ai-core 2.0.1, new-api's OpenAI, xAI and Sora channels.
"""

import base64

import pytest

from tests.front.material import picture
from tests.front.shape import assert_error_shape

pytestmark = pytest.mark.asyncio(loop_scope="module")
DATA = "data:image/png;base64," + base64.b64encode(picture()).decode()
SAID = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
SEEN = [
    {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": DATA}}]}
]
USAGE = {"include_usage": True}
TOOL = {"type": "function", "function": {"name": "a____b____builtin", "description": "x", "parameters": {"type": "object", "properties": {}}}}  # fmt: skip

CHATS = {
    "open webui": {
        "stream": True, "model": "grok-4", "messages": SAID, "temperature": 0.8, "top_p": 0.9, "top_k": 40, "min_p": 0.0, "seed": 1,
        "frequency_penalty": 0, "presence_penalty": 0, "max_tokens": 128, "stop": ["END"], "logit_bias": None, "reasoning_effort": "medium",
        "stream_options": USAGE,
    },
    "open webui, titles": {"model": "gpt-4o-mini", "messages": SAID, "stream": False, "max_tokens": 1000},
    "open webui, tools": {"model": "grok-4", "messages": SAID, "stream": True, "tools": [TOOL], "tool_choice": "auto", "parallel_tool_calls": True},
    "lobechat": {
        "model": "grok-4", "messages": SEEN, "temperature": 0.6, "top_p": 1, "frequency_penalty": 0, "presence_penalty": 0, "stream": True,
        "user": "u1", "stream_options": USAGE,
    },
    "lobechat, xAI": {
        "model": "grok-3", "messages": SAID, "temperature": 0.6, "stream": True, "stream_options": USAGE, "user": "u1",
        "search_parameters": {
            "max_search_results": 15, "mode": "auto", "return_citations": True,
            "sources": [{"safe_search": False, "type": "news"}, {"safe_search": False, "type": "web"}, {"type": "x"}],
        },
        "thinking": {"type": "enabled", "budget_tokens": 1024}, "reasoning_effort": "low",
    },
    "cherry studio": {
        "model": "grok-4", "max_tokens": 4096, "temperature": 0.7, "top_p": 1, "store": False, "stream": True, "stream_options": USAGE,
        "messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "reasoning_content": "hm"}, {"role": "user", "content": "hi"}],
        "enable_thinking": True,
    },
    "cherry studio, check": {"model": "grok-4", "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 1, "stream": False, "enable_thinking": False},
    "new-api, xAI": {"model": "grok-3-mini", "messages": SAID, "max_completion_tokens": 50, "max_tokens": 0, "stream": True, "stream_options": USAGE},
    "new-api, test of a channel": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 16},
}  # fmt: skip


@pytest.mark.parametrize("app", CHATS)
async def test_chats(calm, app):
    answer = await calm.http.post("/v1/chat/completions", json=CHATS[app])
    assert answer.status_code == 200, answer.text
    if CHATS[app].get("stream"):
        assert answer.text.endswith("data: [DONE]\n\n") and ('"usage":' in answer.text) is (
            "stream_options" in CHATS[app]
        )
    else:
        assert answer.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("path", "fields", "files", "keys"),
    [
        ("generations", {"model": "grok-imagine-1.0", "prompt": "x", "n": 2, "size": "1024x1024", "response_format": "b64_json"}, 0, {"b64_json"}),
        ("generations", {"model": "dall-e-3", "prompt": "x", "n": 1, "response_format": "b64_json", "quality": "hd", "width": 1024, "cfg": 1}, 0, {"b64_json"}),
        ("generations", {"model": "gpt-image-1", "prompt": "x", "n": 1, "size": "1024x1024", "quality": "auto", "background": "auto", "moderation": "auto"}, 0, {"b64_json"}),
        ("generations", {"model": "grok-2-image", "prompt": "x", "n": 1, "image": DATA}, 0, {"url"}),
        ("edits", {"model": "grok-imagine-image", "prompt": "x", "image": {"url": DATA, "type": "image_url"}, "n": 1, "aspect_ratio": "1:1"}, 0, {"url", "b64_json"}),
        ("edits", {"model": "gpt-image-1", "prompt": "x", "n": "1", "input_fidelity": "high"}, 1, {"b64_json"}),
        ("edits", {"model": "", "prompt": "x", "response_format": "b64_json"}, 1, {"b64_json"}),
        ("edits", {"model": "grok-imagine-1.0", "prompt": "x", "background": "auto", "response_format": "b64_json"}, 2, {"b64_json"}),
    ],
)  # fmt: skip
async def test_pictures(calm, path, fields, files, keys):
    """One picture in a field ``image``, several in ``image[]``."""
    name = "image" if files == 1 else "image[]"
    body = {"data": fields, "files": [(name, ("a.png", picture(), "image/png"))] * files} if files else {"json": fields}
    answer = await calm.http.post(f"/v1/images/{path}", **body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"][0].keys() & {"url", "b64_json"} == keys
    assert len(calm.site.calls.images_asked[-1].images) == (files or ("image" in fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"duration": 6, "resolution": "720p", "aspect_ratio": "16:9"}, {"image": {"url": DATA}}, {"image": DATA, "duration": "6"},
        {"seconds": "6", "size": "1280x720", "metadata": {"a": 1}, "images": [DATA], "mode": "std"}, {"image_urls": [DATA]}, {"video_length": 6, "preset": "fun"},
    ],
)  # fmt: skip
async def test_a_sora_channel_of_new_api_gets_what_go_decodes(calm, fields):
    """Its base URL ends in /openai (rule C2): it passes on whatever its users say, and decodes the answer strictly."""
    agent = {"user-agent": "Go-http-client/1.1"}
    body = {"model": "grok-imagine-video", "prompt": "x", **fields}
    made = await calm.http.post("/openai/v1/videos", json=body, headers=agent)
    polled = await calm.http.get(f"/openai/v1/videos/{made.json()['id']}", headers=agent)
    for answer in (made, polled):
        said = answer.json()
        assert answer.status_code == 200
        assert {name: type(said[name]) for name in ("id", "progress", "created_at", "seconds", "size")} == {
            "id": str, "progress": int, "created_at": int, "seconds": str, "size": str,
        }  # fmt: skip
        assert said["status"] in {"queued", "in_progress", "completed"}


async def test_what_they_ask_for_beside_is_a_proper_404(calm):
    for path in ("/api/pricing", "/v1/dashboard/billing/subscription", "/v1/embeddings"):
        assert_error_shape(await calm.http.get(path), 404, "unknown_path")
