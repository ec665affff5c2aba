import pytest

from gateway.errors import FileMissing, PermissionDenied
from gateway.media.assets import Asset, AssetKind
from gateway.media.links import Links

NOW = 1_780_000_000.0
DAY = 86400


@pytest.fixture
def links():
    return Links(b"k" * 32, ttl_s=DAY)


def test_a_link_leads_back_to_its_file(links):
    asset = Asset("task_1.v", AssetKind.VIDEO, "video/mp4", ".mp4", 5, "ab")
    url = links.of(asset, base="https://gw.example/prefix/", now=NOW)
    assert url.startswith("https://gw.example/prefix/media/")
    assert url.endswith("/task_1.v.mp4"), "players look at the path's end"
    path = url.removeprefix("https://gw.example/prefix")
    linked = links.check(path, now=NOW)
    assert (linked.asset_id, linked.suffix) == ("task_1.v", ".mp4")


def test_a_link_is_good_for_at_least_its_time(links):
    path = links.path("task_1.v", ".mp4", now=NOW)
    assert links.check(path, now=NOW + DAY).asset_id == "task_1.v"
    with pytest.raises(PermissionDenied, match="expired"):
        links.check(path, now=NOW + DAY + 3601)


def test_polls_within_the_hour_show_the_same_link(links):
    assert len({links.path("a", ".mp4", now=1_779_998_400 + minute * 60 + 1) for minute in range(59)}) == 1


def test_own_links_are_known_under_any_host(links):
    path = links.path("file_1", ".png", now=NOW)
    for host in ("http://127.0.0.1:8080", "https://gw.example", ""):
        linked = links.read(host + path)
        assert linked is not None and linked.asset_id == "file_1"


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.replace("task_1", "task_2"),
        lambda p: p.replace(".mp4", ".jpg"),
        lambda p: p.replace("/media/6", "/media/7"),
        lambda p: p[:-1],
        lambda p: p + "/x",
        lambda p: p.replace("/media/", "/media/../media/"),
        lambda p: p.replace("task_1", "../task_1"),
        lambda p: "/media/6a2b3c4d.AAAAAAAAAAAAAAAAAAAAAA/task_1.v.mp4",
        lambda p: "/media/x/y",
        lambda p: "",
    ],
)
def test_a_changed_link_is_not_ours(links, change):
    path = change(links.path("task_1.v", ".mp4", now=NOW))
    assert links.read(path) is None
    with pytest.raises(FileMissing):
        links.check(path, now=NOW)


def test_another_gateways_link_is_not_ours(links):
    other = Links(b"o" * 32, ttl_s=DAY)
    assert links.read(other.path("a", ".mp4", now=NOW)) is None
