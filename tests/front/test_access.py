"""Who may come in: keys, other origins, and a gateway that serves without keys."""

import asyncio

import pytest

from gateway.app import create_app
from gateway.auth.callers import Scope
from gateway.errors import StartRefused
from gateway.settings import Settings
from tests.front.serving import CREATE, serving
from tests.front.shape import assert_error_shape

TASKS = "/v1/video/tasks"
PROTECTED = [
    ("POST", TASKS), ("GET", TASKS), ("DELETE", TASKS), ("DELETE", f"{TASKS}/all"), ("DELETE", f"{TASKS}/status/failed"),
    ("GET", f"{TASKS}/x"), ("DELETE", f"{TASKS}/x"), ("GET", f"{TASKS}/x/stream"), ("GET", f"{TASKS}/x/content"),
    ("POST", "/v1/video/upload"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), PROTECTED)
async def test_nothing_is_done_without_a_key(front, method, path):
    async with front.client(None) as nobody:
        error = assert_error_shape(
            await nobody.request(method, path), 401, "invalid_api_key", type_="authentication_error"
        )
        assert error["message"].startswith("Incorrect API key provided")


async def test_every_route_but_the_open_ones_wants_a_key(front):
    """A new route must not forget to ask."""
    open_paths = {"/livez", "/readyz", "/metrics", "/media/{token}/{name}"}
    document = (await front.http.get("/openapi.json")).json()
    async with front.client(None) as nobody:
        for path, operations in document["paths"].items():
            for method in operations:
                answer = await nobody.request(method.upper(), path)
                assert (answer.status_code == 401) == (path not in open_paths), (method, path)


@pytest.mark.parametrize(
    "header",
    [
        {"authorization": "Bearer gw_wrong"}, {"authorization": "Bearer"}, {"authorization": "Basic abc"}, {"x-api-key": "sk-1"},
        {"authorization": "Bearer gw_" + "x" * 43}, {"authorization": "Bearer " + "x" * 5000},
    ],
)  # fmt: skip
async def test_a_wrong_key_is_not_let_in_nor_repeated(front, header):
    async with front.client(None) as nobody:
        answer = await nobody.get(TASKS, headers=header)
    assert_error_shape(answer, 401, "invalid_api_key")
    assert "xxxxxxxx" not in answer.text


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "Bearer  {}", "{}"])
async def test_a_key_in_every_usual_place(front, form):
    async with front.client(None) as http:
        assert (await http.get(TASKS, headers={"authorization": form.format(front.key)})).status_code == 200
        assert (await http.get(TASKS, headers={"x-api-key": front.key})).status_code == 200
        assert (await http.get(TASKS, headers={"API-Key": front.key})).status_code == 200
        assert (await http.get(TASKS, params={"key": front.key, "api_key": front.key})).status_code == 401


async def test_a_stranger_is_refused_before_a_byte_of_the_body(front):
    """The key comes first: fifty megabytes from nobody are not waited for."""
    for path in ("/v1/video/upload", TASKS):
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            "Content-Length: 52428800\r\n\r\n".encode()
        )
        async with asyncio.timeout(60):
            assert b" 401 " in await reader.readline()
        writer.close()


async def test_a_revoked_key_stops(front):
    await front.keys.revoke("tests")
    assert_error_shape(await front.http.get(TASKS), 401, "invalid_api_key")


async def test_tasks_of_another_key_do_not_exist(front):
    task_id = await front.create()
    await front.until(task_id, "completed")
    _, other = await front.keys.create("other")
    async with front.client(other) as http:
        for method, path in [("GET", ""), ("DELETE", ""), ("GET", "/stream"), ("GET", "/content")]:
            assert_error_shape(await http.request(method, f"{TASKS}/{task_id}{path}"), 404, "task_not_found")
        assert (await http.get(TASKS)).json() == {"tasks": []}
        assert (await http.delete(f"{TASKS}/all")).json()["count"] == 0
        assert (await http.request("DELETE", TASKS, json={"task_ids": [task_id]})).json()["count"] == 0
    assert (await front.get(task_id))["status"] == "completed"


async def test_a_key_does_only_what_it_may(front):
    _, chat_only = await front.keys.create("chat", scopes={Scope.CHAT})
    _, one_model = await front.keys.create("one", models={"grok-imagine-0.9"})
    async with front.client(chat_only) as http:
        assert_error_shape(await http.get(TASKS), 403, "permission_denied")
    async with front.client(one_model) as http:
        assert_error_shape(await http.post(TASKS, json=CREATE), 400, "model_not_found", param="model")
        assert (await http.post(TASKS, json=CREATE | {"model": "grok-imagine-0.9"})).status_code == 200


async def test_a_key_may_be_kept_to_so_many_a_minute_but_polls_are_free(front):
    _, slow = await front.keys.create("slow", requests_per_minute=2)
    async with front.client(slow) as http:
        for _ in range(2):
            assert (await http.post(TASKS, json=CREATE)).status_code == 200
        answer = await http.post(TASKS, json=CREATE)
        assert_error_shape(answer, 429, "rate_limit_exceeded", type_="rate_limit_error")
        assert 1 <= int(answer.headers["retry-after"]) <= 30
        for _ in range(50):
            assert (await http.get(TASKS)).status_code == 200


async def test_a_full_queue_says_when_to_come_back(front, site):
    site.slots = 0
    _, small = await front.keys.create("small", max_queued=1)
    async with front.client(small) as http:
        assert (await http.post(TASKS, json=CREATE)).status_code == 200
        answer = await http.post(TASKS, json=CREATE)
        assert_error_shape(answer, 429, "queue_full", type_="rate_limit_error")
        assert 1 <= int(answer.headers["retry-after"]) <= 60


# -- other origins


async def test_a_preflight_needs_no_key_and_takes_any_header(front):
    async with front.client(None) as page:
        answer = await page.options(
            TASKS,
            headers={
                "origin": "https://app.example", "access-control-request-method": "POST",
                "access-control-request-headers": "authorization, x-stainless-lang, x-whatever",
                "access-control-request-private-network": "true",
            },
        )  # fmt: skip
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-headers"] == "authorization, x-stainless-lang, x-whatever"
    assert "DELETE" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-private-network"] == "true"
    assert "access-control-allow-credentials" not in answer.headers


async def test_answers_and_errors_alike_may_be_read_by_pages(front):
    for path, headers in [(TASKS, {}), (TASKS, {"authorization": "Bearer x"}), ("/nothing", {})]:
        answer = await front.http.get(path, headers={"origin": "https://app.example", **headers})
        assert answer.headers["access-control-allow-origin"] == "*", answer.status_code
        assert "x-request-id" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in (await front.http.get(TASKS)).headers


# -- without keys


@pytest.fixture
async def open_front(data_dir, site):
    async with serving(data_dir, site, no_auth=True) as front:
        yield front


async def test_without_keys_a_local_program_just_works(open_front):
    task = await open_front.until(await open_front.create(), "completed")
    assert task["video_url"].startswith(open_front.url)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "10.0.0.5", "", "localhost.evil"]
)
async def test_without_keys_a_name_pointed_at_us_is_refused(open_front, host):
    """DNS rebinding: a page at evil.example whose name turns into 127.0.0.1."""
    answer = await open_front.http.get(TASKS, headers={"host": host})
    if host:
        assert_error_shape(answer, 403, "permission_denied")
    else:
        assert answer.status_code in {400, 403}


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1.evil.example", "null"])
async def test_without_keys_a_page_from_elsewhere_is_refused(open_front, origin):
    """A simple POST needs no preflight; it must not spend the operator's account."""
    for method in ("POST", "GET", "OPTIONS"):
        answer = await open_front.http.request(
            method, TASKS, headers={"origin": origin, "content-type": "text/plain"}, content=b"{}"
        )
        assert_error_shape(answer, 403, "permission_denied")
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8080", "app.localhost"])
async def test_without_keys_loopback_has_many_names(open_front, host):
    assert (await open_front.http.get(TASKS, headers={"host": host})).status_code == 200
    page = await open_front.http.get(TASKS, headers={"origin": f"http://{host}"})
    assert page.status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "gw.example", ""])
def test_without_keys_only_on_loopback(tmp_path, host):
    with pytest.raises(StartRefused, match="loopback"):
        create_app(Settings(data_dir=tmp_path, no_auth=True, host=host, _env_file=None))
