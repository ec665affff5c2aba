"""Every text in every language, every key that a page asks for, and the script's size."""

import json
import re
from pathlib import Path

import pytest

from gateway.console import wording
from gateway.console.files import FOLDER, static_files
from gateway.console.language import LANGUAGES, TEXTS, catalogue, choose, speaking
from gateway.console.page import all_pages, navigation
from gateway.console.view import TEMPLATES, templates
from gateway.settings import Settings

PLACES = [*TEMPLATES.rglob("*.html"), *Path(TEMPLATES).parent.rglob("*.py")]
ASKED = re.compile(r"""(?:\bt|view\.text|\btext)\(\s*["']([a-z_]+\.[a-z0-9_]+)["']\s*(?!~)[,)]""")


def holes(text) -> set[str]:
    return {
        name for one in ([text] if isinstance(text, str) else text.values()) for name in re.findall(r"{(\w+)}", one)
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_missing(language):
    first, this = catalogue("en"), catalogue(language)
    assert first.keys() == this.keys()
    assert not {key for key in first if holes(first[key]) != holes(this[key])}
    assert not {key for key, text in this.items() if not text}


def test_files_are_whole():
    for file in TEXTS.iterdir():
        area, language, _ = file.name.split(".")
        assert language in LANGUAGES, file.name
        assert all((TEXTS / f"{area}.{one}.json").exists() for one in LANGUAGES), area
        seen = []
        json.loads(
            file.read_text("utf-8"),
            object_pairs_hook=lambda pairs, seen=seen: seen.append([key for key, _ in pairs]) or dict(pairs),
        )
        assert all(len(keys) == len(set(keys)) for keys in seen), f"{file.name}: a key twice"


def test_every_text_that_is_asked_for_exists():
    asked = {key: file.name for file in PLACES for key in ASKED.findall(file.read_text("utf-8"))}
    assert len(asked) > 30
    assert not {key: where for key, where in asked.items() if key not in catalogue("en")}


def test_every_page_has_its_name_and_icon():
    icons = static_files().content["icons.svg"].decode()
    for page in navigation():
        assert f"{page.area}.title" in catalogue("en")
        assert f'id="{page.icon}"' in icons
    orders = [page.order for page in all_pages() if page.order]
    assert len(orders) == len(set(orders)), "two pages want the same place"


def test_every_setting_is_explained_in_every_language():
    for file in TEXTS.parent.glob("setting_words.*.json"):
        assert json.loads(file.read_text("utf-8")).keys() == Settings.model_fields.keys()


def test_every_template_can_be_read():
    for file in TEMPLATES.rglob("*.html"):
        templates().get_template(str(file.relative_to(TEMPLATES)))


def test_nothing_is_inline():
    """The policy forbids it, so the page would lack it."""
    for file in TEMPLATES.rglob("*.html"):
        text = file.read_text("utf-8")
        assert not re.search(r"<style|\sstyle=|\son\w+=\"|<script(?![^>]*\ssrc=)|javascript:", text), file.name


def test_scripts_are_small_and_of_our_own():
    total = sum(len(data) for name, data in static_files().content.items() if name.endswith(".js"))
    assert total < 100_000
    for file in FOLDER.glob("*.js"):
        assert not re.search(r"https?://", file.read_text("utf-8")), file.name


@pytest.mark.parametrize(
    ("cookie", "accepts", "spoken"),
    [
        (None, "", "en"), (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"), (None, "zh-TW", "zh-CN"), (None, "de,en;q=0.5", "en"),
        (None, "en;q=0.3,zh;q=0.9", "zh-CN"), ("en", "zh", "en"), ("xx", "zh", "zh-CN"), (None, ";;;q=x,", "en"),
    ],
)  # fmt: skip
def test_the_browsers_language_decides_unless_one_was_chosen(cookie, accepts, spoken):
    assert choose(cookie, accepts) == spoken


def test_numbers_as_people_read_them():
    with speaking("en"):
        assert wording.size(84_000_000) == "84 MB"
        assert wording.span(200) == "3 min 20 s"
        assert wording.span(7200) == "2 h"
        assert wording.span(0.42) == "0.4 s"
        assert wording.clock(31) == "0:31"
        assert wording.clock(3723) == "1:02:03"
        assert wording.percent(0.966) == "97 %"
        assert wording.ago(None) == "never"
    with speaking("zh-CN"):
        assert wording.span(200) == "3 分钟 20 秒"
