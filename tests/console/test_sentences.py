"""What other rooms say in English is said in the reader's language: every sentence of the source, every code, every event."""

import ast
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from browser.clearance import NEXT_ACTION, Clearance
from browser.launch_failures import explained
from gateway.console.language import FIRST, LANGUAGES, catalogue, speaking
from gateway.console.sentences import FOLDER, advice, in_words, why
from gateway.errors import GatewayError
from gateway.profiles.health import HARM
from gateway.webhooks import notices
from tests.console.spoken import below, sentences

CHINESE = "zh-CN"
#: A run of words: two of them, or one that is no name.
ENGLISH = re.compile(r"[A-Za-z][a-z']+(?: [A-Za-z'][a-z']*)+")
#: What is typed is the same in every language.
COMMAND = re.compile(
    r"\b(?:gateway|chmod|chown|sudo|docker|apt-get|openssl|Xvfb) [-\w]+(?: (?:[-\w./:=]+|⟨\d+⟩))*|storage state|file:///DIRECTORY"
)
#: What may follow or come before without a blank is a sentence of its own.
TAIL = re.compile(r"(?<=[a-z.])\0|\0(?=[A-Z])")
NAMES = ("Grok Gateway",)
SENTENCES = sentences()


def told(sentence: str) -> str:
    """*sentence* in Chinese, its holes filled with what no translation would touch."""
    number = iter(range(1, 99))
    with speaking(CHINESE):
        return in_words(re.sub("\0", lambda _: f"⟨{next(number)}⟩", TAIL.sub("", sentence)))


def english_in(text: str) -> str:
    """The first run of English words that is nothing to type; '' where there is none."""
    found = ENGLISH.search(re.sub("|".join(NAMES), " ", COMMAND.sub(" ", text)))
    return found[0] if found else ""


def test_the_source_was_read():
    assert len(SENTENCES) > 300
    assert {
        "the site no longer knows the sign-in",
        "\0 is no setting",
        "The task was not finished within the time it may take.",
    } <= SENTENCES.keys()


def test_every_sentence_that_may_be_shown_is_translated():
    lacking = {f"{where}: {said!r} → {told(said)}" for said, where in SENTENCES.items() if english_in(told(said))}
    assert not lacking, "\n".join(sorted(lacking))


def constants(folder: str, *, of: set[str], looks: str) -> Iterator[str]:
    """Texts given to the functions *of* in the code below *folder*, of those that look so."""
    for file in sorted(Path(folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in of:
                yield from (
                    one.value
                    for one in node.args
                    if isinstance(one, ast.Constant) and isinstance(one.value, str) and re.fullmatch(looks, one.value)
                )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_has_an_explanation_and_every_event_a_name(language):
    texts = catalogue(language)
    codes = {kind.code for kind in below(GatewayError)}
    happened = {
        *constants("browser", of={"event"}, looks="[a-z][a-z ]+"),
        *constants("gateway/profiles", of={"_log", "_ask", "_to_apply"}, looks="[a-z_]+"),
    }
    done = {*constants("gateway", of={"note", "write", "write_down", "_enter"}, looks=r"[a-z_]+\.[a-z_]+")}
    assert len(codes) > 40
    assert len(happened) > 15
    assert len(done) > 30
    wanted = {
        *(f"reasons.{code}" for code in codes),
        *(f"profiles.harm_{harm}" for harm in HARM),
        *(f"profiles.event_{name.replace(' ', '_')}" for name in happened),
        *(f"audit.{action.replace('.', '_')}" for action in done),
        *(f"words.profile_{clearance}" for clearance in Clearance),
    }
    assert sorted(wanted - texts.keys()) == []


def test_what_the_doctor_looks_at_has_a_name():
    about = set()
    for file in Path("gateway/doctor").glob("*.py"):
        about |= set(
            re.findall(
                r'(?:about|ABOUT)(?:, \w+)? = "([a-z ]+)"|(?:ok|warn|fail)\(\s*"([a-z ]+)"', file.read_text("utf-8")
            )
        )
    names = {one for pair in about for one in pair if one}
    assert len(names) > 14
    assert not {name for name in names if told(name) == name}


def test_messages_are_told_whole():
    for clearance in notices.WORDS:
        profile = notices.Standing("work", clearance, "the site blocked the account: why not", datetime.now(UTC))
        for waiting in (0, 1, 7):
            said = notices.attention(profile, waiting=waiting, url="http://127.0.0.1/console/live/work")
            assert not english_in(told(said["title"]) + told(said["message"]).replace("why not", "")), said
            assert "http://127.0.0.1/console/live/work" in told(said["message"])
    for low in (True, False):
        said = notices.disk("node-a", 1_200_000_000, low=low, url="")
        assert not english_in(told(said["title"]) + told(said["message"])), said


def test_next_steps_and_failed_starts_are_told():
    assert not {said for said in NEXT_ACTION.values() if english_in(told(said.replace("NAME", "work")))}
    for text in ("No usable sandbox", "Missing X server", "error while loading shared libraries: libnss3.so", "boom"):
        said = explained(RuntimeError(text), profile="work", program="Chromium")
        assert not english_in(told(said)), told(said)


def test_sentences_are_put_together():
    with speaking(CHINESE):
        assert in_words("the site blocked the account: why not") == "网站封禁了该账号：why not"
        assert in_words("nobody is signed in; reloading the page once") == "尚无人登录；正在重新加载页面一次"
        assert in_words("The site is overloaded (HTTP 503).") == "网站过载（HTTP 503）。"
        assert in_words("Missing required parameter: 'model'.") == "缺少必填项：“model”。"
        assert in_words("Sign in again: ready") == "请重新登录：ready"
        assert in_words("something new") == "something new"
        assert why("stale_page", "something new") == advice("stale_page")
        assert why("stale_page", "已经是中文") == "已经是中文"
    with speaking(FIRST):
        assert in_words("nobody is signed in") == "nobody is signed in"
        assert why("stale_page", "something new") == "something new"


def test_no_sentence_is_told_twice():
    seen: dict[str, str] = {}
    for file in sorted(FOLDER.glob(f"*.{CHINESE}.json")):
        pairs = json.loads(file.read_text("utf-8"), object_pairs_hook=list)
        for said, translated in pairs:
            assert seen.setdefault(said, file.name) == file.name, f"{said} stands in {seen[said]} and {file.name}"
            assert {*re.findall(r"{(\w+)}", translated)} <= {*re.findall(r"{(\w+)}", said)}, said
        assert len(dict(pairs)) == len(pairs), f"{file.name}: a sentence twice"
