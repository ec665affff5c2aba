"""The page that describes the API: complete, and made of nothing but itself."""

import re

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from gateway.errors import ImageFetchFailed

#: What stands in the way of an example besides the example: pictures nobody serves, videos that were never made here, and
#: what is documented as refused.
REFUSED = {"image_fetch_failed", "invalid_image_url", "task_not_found", "video_not_found", "unsupported_parameter"}
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


async def test_the_document_is_valid(front):
    document = (await front.http.get("/openapi.json")).json()
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    names = document["components"]["schemas"]
    assert not [name for name in names if "__" in name], "our modules are nobody's business"
    ids = [call["operationId"] for calls in document["paths"].values() for call in calls.values()]
    assert len(ids) == len(set(ids)), "names that programs are generated from"


def examples(document):
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            body = call.get("requestBody", {}).get("content", {}).get("application/json", {})
            for name, example in body.get("examples", {}).items():
                yield path, method, name, example["value"], body["schema"]


async def test_every_example_fits_its_schema_and_is_taken(front, monkeypatch):
    monkeypatch.setattr(front.services.inputs._fetcher, "fetch", _unreachable)
    document = (await front.http.get("/openapi.json")).json()
    registry = Registry().with_resource("", DRAFT202012.create_resource(document))
    seen = set()
    for path, method, name, value, schema in examples(document):
        assert list(Draft202012Validator(schema, registry=registry).iter_errors(value)) == [], (path, name)
        answer = await front.http.request(method, path.replace("{video_id}", "video_123"), json=value)
        told = answer.json().get("error", {}).get("code") if answer.status_code >= 400 else None
        assert answer.status_code == 200 or told in REFUSED, (path, name, answer.text)
        seen.add(path)
    assert len(seen) >= 10


async def _unreachable(url, into):
    raise ImageFetchFailed("Image URL could not be fetched: the test serves none.", param="image_url")


@pytest.mark.parametrize(
    "tag", ["Chat", "Images", "Videos (OpenAI)", "Videos (new-api)", "Video tasks (grok2api)", "Models"]
)
async def test_calls_are_grouped_with_a_word_about_each_group(front, tag):
    document = (await front.http.get("/openapi.json")).json()
    about = {one["name"]: one["description"] for one in document["tags"]}
    used = {name for calls in document["paths"].values() for call in calls.values() for name in call.get("tags", [])}
    assert about[tag] and tag in used
    page = (await front.http.get("/docs")).text
    assert page.index('id="chat"') < page.index('id="images"') < page.index('id="files"')
