"""Chat completions: what a conversation becomes, and what comes back, whole and streamed."""

import base64

import pytest

from gateway.auth.callers import Scope
from gateway.calls.model import Citation, Ended, PictureRefused, Reasoning, Role, Text
from gateway.errors import AnswerCut, ContentModerated, LoginRequired, RateLimited, UpstreamTimeout
from tests.front.material import picture
from tests.front.scripted_calls import words
from tests.front.serving import serving
from tests.front.shape import assert_error_shape
from tests.front.sse_text import chunks, content, thoughts

CHAT = "/v1/chat/completions"
HI = [{"role": "user", "content": "hi"}]
ASK = {"model": "grok-4", "messages": HI}


async def whole(front, **fields):
    answer = await front.http.post(CHAT, json=ASK | fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def streamed(front, **fields):
    answer = await front.http.post(CHAT, json=ASK | fields | {"stream": True})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    return chunks(answer.text)


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/chat/completions", "/openai/v1/chat/completions", "//v1/chat/completions/"]
)
async def test_an_answer_at_every_address(front, path):
    answer = await front.http.post(front.url + path, json=ASK)
    assert answer.status_code == 200
    said = answer.json()
    assert said["object"] == "chat.completion" and said["model"] == "grok-4"
    assert said["choices"] == [{
        "index": 0, "message": {"role": "assistant", "content": "You said: hi", "refusal": None}, "logprobs": None,
        "finish_reason": "stop",
    }]  # fmt: skip
    assert said["usage"]["total_tokens"] == said["usage"]["prompt_tokens"] + said["usage"]["completion_tokens"]
    assert said["usage"]["estimated"] is True
    assert "x-gateway-ignored" not in answer.headers


async def test_a_stream_of_chunks(front):
    found = await streamed(front)
    assert content(found) == "You said: hi"
    assert {one["object"] for one in found} == {"chat.completion.chunk"}
    assert len({one["id"] for one in found}) == 1
    assert found[0]["choices"][0]["delta"]["role"] == "assistant"
    assert not any("role" in one["choices"][0]["delta"] for one in found[1:])
    assert [one["choices"][0]["finish_reason"] for one in found] == [None] * (len(found) - 1) + ["stop"]
    assert not any("usage" in one for one in found)


async def test_usage_of_a_stream_only_where_it_is_asked_for(front):
    found = await streamed(front, stream_options={"include_usage": True})
    assert found[-1]["choices"] == []
    assert {"prompt_tokens", "completion_tokens", "total_tokens"} <= found[-1]["usage"].keys()
    assert not any("usage" in one for one in found[:-1])


async def test_reasoning_is_never_mixed_into_the_answer(front, site):
    site.calls.chat_script = [
        Reasoning("Plan", title=True), Reasoning("first"), Reasoning("Then", title=True), Text("yes"), Ended("stop", "yes"),
    ]  # fmt: skip
    message = (await whole(front))["choices"][0]["message"]
    assert message["content"] == "yes"
    assert message["reasoning_content"] == "**Plan**\n\nfirst\n\n**Then**\n\n"
    found = await streamed(front)
    assert (content(found), thoughts(found)) == ("yes", message["reasoning_content"])


async def test_sources_come_as_annotations_and_as_a_list(front, site):
    site.calls.chat_script = [
        Text("So it is"), Citation("https://a.example/x", "A", 8, 8), Text("."),
        Ended("stop", "So it is.", (Citation("https://b.example/"), Citation("javascript:alert(1)"))),
    ]  # fmt: skip
    said = await whole(front)
    assert said["citations"] == ["https://a.example/x", "https://b.example/"]
    [annotation] = said["choices"][0]["message"]["annotations"]
    assert annotation == {
        "type": "url_citation",
        "url_citation": {"url": "https://a.example/x", "title": "A", "start_index": 8, "end_index": 8},
    }
    found = await streamed(front)
    assert found[-1]["citations"] == said["citations"]
    assert [
        one["choices"][0]["delta"]["annotations"] for one in found if "annotations" in one["choices"][0]["delta"]
    ] == [[annotation]]


async def test_a_picture_in_an_answer_is_a_link_that_works(front, site):
    drawn = await site.calls.made("a [red] cat\nsitting")
    site.calls.chat_script = [
        Text("Here:"),
        drawn,
        Text("Enjoy"),
        PictureRefused(1, "content_moderated", "no"),
        Ended("stop", "Here:Enjoy"),
    ]
    message = (await whole(front))["choices"][0]["message"]
    [image] = message["generated_images"]
    assert message["content"] == f"Here:\n\n![a (red) cat sitting]({image['url']})\n\nEnjoy"
    assert message["refused_images"][0]["code"] == "content_moderated"
    async with front.client(None) as nobody:
        fetched = await nobody.get(image["url"])
    assert fetched.status_code == 200 and fetched.headers["content-type"] == "image/jpeg"
    assert f"]({image['url']})" in content(await streamed(front))


async def test_gaps_are_repaired_from_the_sites_own_copy(front, site):
    site.calls.chat_script = [Text("abc"), Ended("stop", "abcdef")]
    assert content(await streamed(front)) == "abcdef"
    site.calls.chat_script = [Text("abXdef"), Ended("stop", "abcdef")]
    assert (await whole(front))["choices"][0]["message"]["content"] == "abcdef"


# -- what is asked


async def test_roles_and_parts_are_read_faithfully(front, site):
    await whole(
        front,
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "name": "Ann", "content": [{"type": "text", "text": "one"}, {"type": "input_text", "text": "two"}]},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"at":"x"}'}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "rain"},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "wet"}]},
            {"role": "user", "content": "and now?"},
        ],
    )  # fmt: skip
    assert [(turn.role, turn.text, turn.name) for turn in site.calls.last.turns] == [
        (Role.SYSTEM, "Be brief.", None), (Role.USER, "one\ntwo", "Ann"), (Role.ASSISTANT, '[called weather with {"at":"x"}]', None),
        (Role.TOOL, "rain", "weather"), (Role.ASSISTANT, "wet", None), (Role.USER, "and now?", None),
    ]  # fmt: skip


async def test_pictures_become_files_of_ours(front, site):
    data = "data:image/png;base64," + base64.b64encode(picture()).decode()
    uploaded = await front.http.post("/v1/video/upload", files={"file": ("a.png", picture())})
    parts = [
        {"type": "text", "text": "which?"}, {"type": "image_url", "image_url": {"url": data, "detail": "high"}},
        {"type": "image_url", "image_url": uploaded.json()["image_url"]}, {"type": "input_image", "file_id": uploaded.json()["file_id"]},
    ]  # fmt: skip
    await whole(front, messages=[{"role": "user", "content": parts}])
    [turn] = site.calls.last.turns
    assert len(turn.images) == 3 and turn.images[1] == turn.images[2] == uploaded.json()["file_id"]


@pytest.mark.parametrize("stop", ["END", ["zzz", "END"], ["D", "END"]])
async def test_a_stop_sequence_ends_the_answer_and_the_site(front, site, stop):
    """Also when it arrives in pieces; what comes behind it is never asked for."""
    site.calls.chat_script = [Text("one E"), Text("N"), Text("D two"), 60.0]
    said = await whole(front, stop=stop)
    assert said["choices"][0]["message"]["content"] == "one "
    assert said["choices"][0]["finish_reason"] == "stop"
    assert content(await streamed(front, stop=stop)) == said["choices"][0]["message"]["content"]
    assert len(site.calls.stopped_at) == 2


async def test_what_only_begins_like_a_stop_sequence_is_shown(front, site):
    site.calls.chat_script = words("an E", "N", " and EN")
    assert content(await streamed(front, stop="END")) == "an EN and EN"


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_a_limit_of_tokens_cuts_the_answer(front, site, name):
    site.calls.chat_script = [*[Text(f"word{number} ") for number in range(50)], 60.0]
    said = await whole(front, **{name: 20})
    assert said["choices"][0]["finish_reason"] == "length"
    assert said["usage"]["completion_tokens"] == 20
    assert len(site.calls.stopped_at) == 1
    site.calls.chat_script = words("a b c")
    assert (await whole(front, max_tokens=3))["choices"][0]["finish_reason"] == "stop"
    for no_limit in (-1, 0):  # new-api sends a 0 beside the limit it moved to the newer name
        assert (await whole(front, **{name: no_limit}))["choices"][0]["finish_reason"] == "stop"


# -- what goes wrong


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "status", "code", "retry"),
    [
        (RateLimited("slow down", retry_after_s=30), 429, "rate_limit_exceeded", None),
        (RateLimited("slow down", retry_after_s=7200), 429, "rate_limit_exceeded", "false"),
        (ContentModerated("no"), 400, "content_policy_violation", None),
        (LoginRequired("signed out"), 503, "login_required", None),
        (UpstreamTimeout("slow"), 502, "upstream_timeout", None),
    ],
)
async def test_an_error_before_the_first_word_is_an_http_status(front, site, stream, error, status, code, retry):
    site.calls.chat_script = [error]
    answer = await front.http.post(CHAT, json=ASK | {"stream": stream})
    assert_error_shape(answer, status, code)
    assert answer.headers.get("x-should-retry") == retry


async def test_an_error_after_the_first_word_is_told_in_the_stream(front, site):
    site.calls.chat_script = [Text("begun"), 0.05, AnswerCut("The site's answer broke off.")]
    found = await streamed(front)
    assert found[-1] == {
        "error": {"message": "The site's answer broke off.", "type": "api_error", "param": None, "code": "answer_cut"}
    }
    assert content(found[:-1]) == "begun"
    assert_error_shape(await front.http.post(CHAT, json=ASK), 502, "answer_cut")


async def test_an_empty_answer_is_an_error(front, site):
    for script in ([Ended("stop", "")], [Reasoning("hm"), Ended("stop", "  ")]):
        site.calls.chat_script = script
        assert_error_shape(await front.http.post(CHAT, json=ASK), 502, "empty_answer")
    site.calls.chat_script = []
    assert_error_shape(await front.http.post(CHAT, json=ASK), 502, "answer_cut")


async def test_a_slow_beginning_is_kept_alive(data_dir, site):
    site.calls.opening_s = 0.05
    site.calls.chat_script = [0.5, *words("late")]
    async with serving(data_dir, site, heartbeat_s=0.1) as front:
        answer = await front.http.post(CHAT, json=ASK | {"stream": True})
    assert answer.text.count(": keep-alive") >= 3
    assert content(chunks(answer.text)) == "late"


# -- keys


async def test_a_key_chats_only_where_it_may(front):
    _, video_only = await front.keys.create("video", scopes={Scope.VIDEO})
    _, one = await front.keys.create("one", models={"grok-3"})
    _, slow = await front.keys.create("slow", requests_per_minute=1)
    async with front.client(video_only) as http:
        assert_error_shape(await http.post(CHAT, json=ASK), 403, "permission_denied")
    async with front.client(one) as http:
        assert_error_shape(await http.post(CHAT, json=ASK), 404, "model_not_found", param="model")
        for name in ("grok-3", "grok-3-latest"):
            assert (await http.post(CHAT, json=ASK | {"model": name})).status_code == 200
    async with front.client(slow) as http:
        assert (await http.post(CHAT, json=ASK)).status_code == 200
        assert_error_shape(await http.post(CHAT, json=ASK), 429, "rate_limit_exceeded")
    async with front.client(None) as http:
        assert_error_shape(await http.post(CHAT, json=ASK), 401, "invalid_api_key")


async def test_the_operators_own_names(data_dir, site):
    async with serving(data_dir, site, model_aliases={"mine": "grok-4-fast", "gpt-4o": "grok-3"}) as front:
        assert (await whole(front, model="mine"))["model"] == "mine"
        assert site.calls.last.rest_name == "grok-4-mini-thinking-tahoe"
        await whole(front, model="gpt-4o")
        assert site.calls.last.mode == "fast"
