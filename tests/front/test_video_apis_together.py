"""What holds for all video APIs: idempotency, one task core, keys, errors, lengths, the document."""

import pytest

from tests.front.material import picture
from tests.front.videos import DUBRIFY, GENERATIONS, MODEL, NEWAPI, OPENAI, PNG, SYNC, VIDEOS, get, made, over, watched


@pytest.fixture
def seen(front):
    """The specs of what the site was asked for."""
    found = []
    front.site.script = lambda site, task, journal: watched(site, task, journal, found)
    return found


CREATES = [(VIDEOS, DUBRIFY, "request_id"), (VIDEOS, OPENAI, "id"), (GENERATIONS, DUBRIFY, "request_id"), (NEWAPI, OPENAI, "task_id"), (GENERATIONS, SYNC, "id")]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "key"), CREATES)
async def test_the_same_create_twice_makes_one_video(front, path, body, key):
    headers = {"idempotency-key": "aisdk_vid_1"}
    answers = [await front.http.post(path, json=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()[key] == answers[1].json()[key]
    assert answers[1].headers["idempotent-replayed"] == "true" and "idempotent-replayed" not in answers[0].headers
    other = await front.http.post(path, json=body | {"prompt": "something else"}, headers=headers)
    assert other.status_code == 409


async def test_the_same_file_twice_makes_one_video(front):
    def sent(data):
        return {
            "data": OPENAI,
            "files": {"input_reference": ("a.png", data, "image/png")},
            "headers": {"idempotency-key": "k"},
        }

    first, second, other = [
        await front.http.post(VIDEOS, **sent(data)) for data in (PNG, PNG, picture("PNG", (90, 90)))
    ]
    assert first.json()["id"] == second.json()["id"] and other.status_code == 409


@pytest.mark.parametrize(("path", "body", "key"), CREATES)
async def test_a_task_is_the_same_whichever_way_one_looks(front, the_film, path, body, key):
    """Made in one API, it is seen, downloaded and cancelled in the native one, and in OpenAI's form."""
    task_id = await made(front, path, body, key=key)
    await over(front, task_id)
    assert (await front.get(task_id))["status"] == "completed"
    assert (await get(front, f"/openai/v1/videos/{task_id}"))["status"] == "completed"
    assert (await front.http.get(f"{VIDEOS}/{task_id}/content")).content == the_film.read_bytes()
    _, other = await front.keys.create(f"other {key} {path}")
    async with front.client(other) as client:
        assert (await client.get(f"{VIDEOS}/{task_id}")).status_code == 404
        assert (await client.delete(f"{VIDEOS}/{task_id}")).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (VIDEOS, DUBRIFY | {"duration": 12}, "allowed: 6, 10"),
        (VIDEOS, OPENAI | {"seconds": "12"}, "allowed: 6, 10"),
        (GENERATIONS, MODEL | {"duration": 15}, "allowed: 6, 10"),
        (NEWAPI, MODEL | {"seconds": 15}, "allowed: 6, 10"),
    ],
)
async def test_lengths_that_no_account_makes_are_refused_with_what_is_allowed(front, path, body, words):
    answer = await front.http.post(path, json=body)
    error = answer.json()["error"]
    assert answer.status_code == 400 and words in error["message"]
    assert error["param"] == ("seconds" if "seconds" in body else "duration")


@pytest.mark.parametrize("path", [VIDEOS, GENERATIONS, NEWAPI, "/xai/v1/videos/generations", f"{VIDEOS}/extensions"])
async def test_without_a_key_everybody_is_told_in_a_way_he_can_read(front, path):
    async with front.client(None) as client:
        answer = await client.post(path, content=b"{")
        body = answer.json()
        assert answer.status_code == 401 and body["detail"] == "未授权访问"
        assert answer.headers["www-authenticate"] == "Bearer"
        assert body["error"]["message"].startswith("Incorrect API key provided")
        preflight = await client.request(
            "OPTIONS", path, headers={"origin": "https://x", "access-control-request-headers": "x-stainless-os"}
        )  # fmt: skip
        assert preflight.status_code == 204 and preflight.headers["access-control-allow-headers"] == "x-stainless-os"


async def test_unknown_ids_in_each_ones_words(front):
    assert (await get(front, f"{VIDEOS}/nope", 404))["error"]["code"] == "video_not_found"
    assert (await get(front, "/xai/v1/videos/nope", 404))["code"] == "not_found"
    told = await get(front, f"{NEWAPI}/task_nope", 400)
    assert (told["code"], told["data"]) == ("task_not_exist", None)
    grok2api = await front.create()
    assert (await get(front, f"{NEWAPI}/{grok2api}", 400))["code"] == "task_not_exist", "that path knows its own only"
    assert (await get(front, f"{VIDEOS}/{grok2api}"))["object"] == "video"


@pytest.mark.parametrize(("path", "body", "key"), CREATES[:4])
async def test_moderated_and_failed_ones_in_each_ones_words(front, seen, path, body, key):
    front.services.settings.max_attempts = 1
    for prompt, words in (("moderate this", "refuse"), ("fail at this", "unlucky")):
        task_id = await made(front, path, body | {"prompt": prompt}, key=key)
        await over(front, task_id)
        shown = str(await get(front, f"{path if path == NEWAPI else VIDEOS}/{task_id}"))
        assert words in shown or "respect_moderation" in shown
        none = await front.http.get(f"{VIDEOS}/{task_id}/content")
        assert (none.status_code, none.json()["error"]["code"]) == (400, "video_not_ready")


async def test_the_document_shows_every_api(front):
    document = (await front.http.get("/openapi.json")).json()
    for path in (VIDEOS, GENERATIONS, NEWAPI, f"{VIDEOS}/{{video_id}}", f"{VIDEOS}/extensions"):
        for operation in document["paths"][path].values():
            assert operation["tags"] and operation["summary"] and "422" not in operation["responses"]
    media = document["paths"][VIDEOS]["post"]["requestBody"]["content"]["application/json"]
    assert {schema["title"] for schema in media["schema"]["anyOf"]} == {"OpenAI", "Dubrify"}
    assert len(media["examples"]) == 4
