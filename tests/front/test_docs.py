"""The page that describes the API: complete, and made of nothing but itself."""

import re

TASKS = "/v1/video/tasks"


async def test_the_page_needs_nothing_from_elsewhere(front):
    answer = await front.http.get("/docs")
    assert answer.status_code == 200
    page = answer.text
    assert not re.findall(r"(?:src|href|action)=\"(?!#|openapi\.json\")", page), "nothing is loaded"
    assert "<script" not in page
    assert " style=" not in page
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


async def test_every_call_is_on_it_with_a_line_to_copy(front):
    page = (await front.http.get("/docs")).text
    document = (await front.http.get("/openapi.json")).json()
    for path, methods in document["paths"].items():
        assert f"<code>{path}</code>" in page
        for method in methods:
            assert f'<code class="{method}">{method.upper()}</code>' in page
    assert "aspect_ratio" in page
    assert f"{TASKS} \\\n  -H &#34;Authorization: Bearer $KEY&#34;" in page
    assert "-F file=@picture.png" in page


async def test_what_describes_a_call_cannot_become_markup(front):
    from gateway.web.docs import _inline

    assert _inline("a `b <i>` <script>") == "a <code>b &lt;i&gt;</code> &lt;script&gt;"


async def test_probes_may_ask_for_the_head_alone(front):
    for path in ("/livez", "/readyz", "/metrics", "/docs"):
        answer = await front.http.head(path)
        assert (answer.status_code, answer.content) == (200, b""), path
