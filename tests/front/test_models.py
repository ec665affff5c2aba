"""Model lists in both forms."""

import pytest

from gateway.auth.callers import Scope
from gateway.errors import StartRefused
from gateway.models import DEFAULT_ALIASES, MODELS
from tests.front.serving import serving
from tests.front.shape import assert_error_shape

SEEDS = {
    "grok-2", "grok-3", "grok-4", "grok-imagine-0.9", "grok-imagine-video", "grok-imagine-1.0", "grok-imagine-1.0-video", "grok-image-video",
    "grok-video-1.5",
}  # fmt: skip


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/openai/v1/models"])
async def test_the_list(front, path):
    said = (await front.http.get(path)).json()
    assert said["object"] == "list" and said["success"] is True
    by_id = {model["id"]: model for model in said["data"]}
    assert by_id.keys() >= SEEDS
    assert not by_id.keys() & DEFAULT_ALIASES.keys(), "names of other services are taken, not shown"
    for model in by_id.values():
        assert model["object"] == "model" and isinstance(model["created"], int) and model["owned_by"]
    assert by_id["grok-4"]["supported_endpoint_types"] == ["openai"]
    assert by_id["grok-imagine-1.0"]["supported_endpoint_types"] == ["image-generation"]
    assert "supported_endpoint_types" not in by_id["grok-imagine-video"], (
        "clients drop the whole list over an unknown value"
    )


async def test_every_name_is_known(front):
    for name in (*SEEDS, *DEFAULT_ALIASES):
        answer = await front.http.get(f"/v1/models/{name}")
        assert answer.status_code == 200 and answer.json()["id"] == name


async def test_an_unknown_one(front):
    error = assert_error_shape(await front.http.get("/v1/models/nope"), 404, "model_not_found", param="model")
    assert "`nope`" in error["message"]


async def test_only_what_some_account_has(data_dir, site):
    async with serving(data_dir, site) as front:
        listed = {model["id"] for model in (await front.http.get("/v1/models")).json()["data"]}
        assert listed == {name for name, model in MODELS.items() if not model.paid}
        front.services.allows = lambda: frozenset({"15s"})
        listed = {model["id"] for model in (await front.http.get("/v1/models")).json()["data"]}
        assert listed == set(MODELS)


async def test_only_modes_that_the_site_told_of(data_dir, site):
    async with serving(data_dir, site) as front:
        front.services.modes = lambda: frozenset({"fast", "auto"})
        listed = {model["id"] for model in (await front.http.get("/v1/models")).json()["data"]}
        assert {"grok-2", "grok-3", "grok-auto", "grok-imagine-1.0", "grok-imagine-video"} <= listed
        assert not listed & {"grok-4", "grok-expert", "grok-heavy", "grok-420"}
        front.services.modes = lambda: frozenset({"fast", "heavy"})
        listed = {model["id"] for model in (await front.http.get("/v1/models")).json()["data"]}
        assert {"grok-heavy", "grok-4-heavy"} <= listed


async def test_only_what_the_key_may_use(front):
    _, key = await front.keys.create("one", models={"grok-3", "grok-imagine-video"}, scopes={Scope.CHAT})
    async with front.client(key) as http:
        assert [model["id"] for model in (await http.get("/v1/models")).json()["data"]] == ["grok-3"]
        assert_error_shape(await http.get("/v1/models/grok-4"), 404, "model_not_found", param="model")


async def test_the_operators_own_names_are_listed(data_dir, site):
    async with serving(data_dir, site, model_aliases={"mine": "grok-3"}) as front:
        by_id = {model["id"]: model for model in (await front.http.get("/v1/models")).json()["data"]}
        assert by_id["mine"]["alias_of"] == "grok-3"
    with pytest.raises(StartRefused, match="nothing-like-it"):
        async with serving(data_dir, site, model_aliases={"mine": "nothing-like-it"}):
            pass


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("language-models", "grok-4"),
        ("image-generation-models", "grok-imagine-1.0"),
        ("video-generation-models", "grok-imagine-video"),
    ],
)
async def test_xais_lists(front, path, name):
    models = {model["id"]: model for model in (await front.http.get(f"/v1/{path}")).json()["models"]}
    assert name in models and len(models) < len(MODELS)
    one = (await front.http.get(f"/v1/{path}/{name}")).json()
    assert one == models[name] and one["aliases"]
    assert_error_shape(await front.http.get(f"/v1/{path}/grok-image-of-nothing"), 404, "model_not_found", param="model")
    other = "grok-4" if name != "grok-4" else "grok-imagine-1.0"
    assert_error_shape(await front.http.get(f"/v1/{path}/{other}"), 404, "model_not_found", param="model")
