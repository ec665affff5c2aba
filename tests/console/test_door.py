"""Who is refused: strangers, other sites' pages, names pointed here; and what browsers are told."""

import httpx2
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gateway.app import create_app
from gateway.console.page import all_pages
from gateway.settings import Settings

pytestmark = [pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def operator(house):
    cookie = await house.cookie()
    async with httpx2.AsyncClient(
        base_url=house.url, cookies={cookie["name"]: cookie["value"]}, trust_env=False, timeout=60
    ) as client:
        yield client


async def test_every_page_and_action_asks_who_is_there(house):
    """A new page must not forget to ask."""
    public = {route.path for page in all_pages() if page.public for route in page.router.routes}
    checked = 0
    for page in all_pages():
        for route in page.router.routes:
            if route.path in public or not hasattr(route, "methods"):
                continue
            for method in route.methods - {"HEAD"}:
                path = route.path.replace("{path:path}", "x").replace("{", "").replace("}", "")
                answer = await house.front.http.request(method, path, headers={"authorization": ""})
                checked += 1
                assert answer.status_code in {303, 401}, (method, path)
                if answer.status_code == 303:
                    assert answer.headers["location"].startswith("/console/login")
    assert checked
    assert (await house.front.http.get("/console/events")).status_code in {303, 401}


async def test_an_api_key_opens_no_console(house):
    answer = await house.front.http.get("/console")
    assert answer.headers["location"] == "/console/login"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.1.2.3", "localhost.evil", ""])
async def test_a_name_pointed_here_is_refused(operator, host):
    answer = await operator.get("/console", headers={"host": host})
    assert answer.status_code in {400, 403}
    assert "evil" not in answer.text or "GATEWAY_CONSOLE_HOSTS" in answer.text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:8080", "x.localhost"])
async def test_loopback_names_are_let_in(operator, host):
    assert (await operator.get("/console", headers={"host": host})).status_code == 200


async def test_configured_names_are_let_in(tmp_path):
    settings = Settings(
        data_dir=tmp_path, public_url="https://video.example", console_hosts="other.example, third", _env_file=None
    )
    app = create_app(settings)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    for host, let_in in [("video.example", True), ("other.example", True), ("third:80", True), ("evil.example", False)]:
        async with httpx2.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            answer = await client.get("/console/static/0/tokens.css")
            assert (answer.status_code != 403) == let_in, host


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:1"},
    ],
)  # fmt: skip
async def test_a_change_asked_for_by_another_page_is_refused(house, operator, headers):
    for path in ("/console/logout", "/console/login", "/console/preferences"):
        answer = await operator.post(path, headers=headers, data={"password": "x"})
        assert answer.status_code == 403, path
        assert "set-cookie" not in answer.headers
    assert len(await house.house.sessions.list()) == 1


async def test_our_own_page_may(house, operator):
    for headers in ({"origin": house.url}, {"sec-fetch-site": "same-origin", "origin": "null"}, {}):
        answer = await operator.post("/console/preferences", headers=headers, data={"theme": "dark"})
        assert answer.status_code == 303


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}])
async def test_a_websocket_needs_our_origin(house, headers):
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"{house.url.replace('http', 'ws')}/console/live/x", additional_headers=headers, proxy=None):
            pass
    assert refused.value.response.status_code == 403


async def test_what_browsers_are_told(operator):
    headers = (await operator.get("/console")).headers
    policy = headers["content-security-policy"]
    for word in (
        "default-src 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    ):
        assert word in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "camera=()" in headers["permissions-policy"]


async def test_other_origins_are_told_nothing_of_the_console(operator):
    answer = await operator.get("/console", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


async def test_static_files_stay_with_browsers(operator):
    page = (await operator.get("/console")).text
    address = page.partition('href="/console/static/')[2].partition('"')[0]
    answer = await operator.get(f"/console/static/{address}")
    assert "immutable" in answer.headers["cache-control"]
    old = await operator.get(f"/console/static/0123/{address.partition('/')[2]}")
    assert old.status_code == 307
    assert (await operator.get("/console/static/0123/../door.py")).status_code in {404, 303}


async def test_where_to_go_on_after_signing_in_stays_in_the_house(house):
    for where in (
        "https://evil.example",
        "//evil.example",
        "/console//evil.example/..\\x",
        "/v1/models",
        "/console/login",
    ):
        page = await house.front.http.get("/console/login", params={"next": where})
        assert 'name="next" value="/console' in page.text
        assert "evil" not in page.text.partition('name="next" value="')[2].partition('"')[0] or where.startswith(
            "/console/"
        )


async def test_the_door_to_the_house_leads_to_the_console(house):
    assert (await house.front.http.get("/")).headers["location"] == "/console"
