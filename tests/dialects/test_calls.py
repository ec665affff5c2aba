"""Chat, responses, images and models: every error and every shape as it goes over the wire; parameters; limits."""

import json
from dataclasses import replace

import pytest

from gateway.calls.cutting import Cutter
from gateway.calls.image_limits import ASPECT_RATIOS
from gateway.calls.image_shapes import quality_of, ratio_for
from gateway.calls.model import Citation, Ended, ImageRequest, Picture, PicturePreview, PictureRefused, Role
from gateway.calls.tokens import ends, estimate
from gateway.dialects.chat import parameters as chat_parameters
from gateway.dialects.chat import translate as chat
from gateway.dialects.chat.answer import Answer
from gateway.dialects.chat.protocol import ChatCreate
from gateway.dialects.images import parameters as image_parameters
from gateway.dialects.images import translate as images
from gateway.dialects.images.protocol import ImageCreate
from gateway.dialects.models import translate as models
from gateway.dialects.responses import parameters as response_parameters
from gateway.dialects.responses import translate as responses
from gateway.dialects.responses.answer import Answer as ResponseAnswer
from gateway.dialects.responses.protocol import ResponseCreate
from gateway.errors import AnswerCut, InvalidRequest, ModelNotFound, RateLimited, UnsupportedParameter
from gateway.models import MODELS, ModelKind, find
from gateway.web.call_errors import to_error
from gateway.web.conversations import Draft
from gateway.web.parameters import judge
from tests.dialects.errors import every_error, sample
from tests.dialects.golden import Golden

HEAD = chat.Head("chatcmpl-0", 1_770_000_000, "grok-4")
ASKED = chat.Asked((Draft(Role.USER, "你好，请介绍一下你自己"),), include_usage=True)
RESPONSE_HEAD = responses.Head("resp_0", 1_770_000_000, "grok-4", {"instructions": "Be brief."})
RESPONSE_ASKED = responses.Asked((Draft(Role.USER, "hi"),), None, None)
MADE = images.Made("https://gw.example/media/x.s/img.jpg", "aGk=", 1024, 576, "image/jpeg", "a lighthouse at dusk")
IMAGES = images.Asked(ImageRequest("a lighthouse", aspect_ratio="16:9"), images.Wanted.URL)


@pytest.fixture(scope="module")
def golden(request):
    golden = Golden("calls", update=request.config.getoption("--update-golden"))
    yield golden
    if request.session.testsfailed == 0 and not request.config.option.keyword:
        assert golden.stale() == [], "no test asks for these"


# -- errors


def test_every_error(golden):
    answers = {cls.__name__: to_error(sample(cls)) for cls in every_error()}
    golden.check("errors", {
        name: {"status": answer.status, "headers": dict(answer.headers), "body": answer.body} for name, answer in answers.items()
    })  # fmt: skip
    for name, answer in answers.items():
        assert answer.body["error"].keys() == {"message", "type", "param", "code"}, name
        # litellm chooses its class by these words, whatever the status says
        if "invalid_request_error" in json.dumps(answer.body):
            assert answer.status in {400, 404, 409}, name
    assert (to_error(ModelNotFound("x")).status, to_error(ModelNotFound("x")).body["error"]["type"]) == (
        404,
        "invalid_request_error",
    )


def test_repeating_is_discouraged_where_it_cannot_help():
    assert to_error(RateLimited("x", retry_after_s=3600)).headers == {"retry-after": "3600", "x-should-retry": "false"}
    assert to_error(RateLimited("x", retry_after_s=30)).headers == {"retry-after": "30"}


# -- parameters


@pytest.mark.parametrize(
    ("rules", "wire"),
    [
        (chat_parameters.RULES, ChatCreate), (response_parameters.RULES, ResponseCreate), (image_parameters.RULES, ImageCreate),
    ],
)  # fmt: skip
def test_every_field_that_is_read_is_honoured(rules, wire):
    assert {name for name in wire.model_fields if not rules[name].honoured} == set()
    for example in wire.model_config["json_schema_extra"]["examples"]:
        assert judge(example, rules) == {}


def test_judging():
    assert judge(
        {"temperature": "1.0", "top_p": None, "seed": 0, "model": "x", "not a name": 1}, chat_parameters.RULES
    ) == {"x-gateway-ignored": "seed"}
    with pytest.raises(UnsupportedParameter, match="'n'") as refused:
        judge({"n": "2"}, chat_parameters.RULES)
    assert refused.value.param == "n"
    assert judge({"n": "1", "logprobs": "false", "tools": []}, chat_parameters.RULES) == {}


# -- chat


def full_answer():
    answer = Answer()
    answer.think("Plan", title=True)
    answer.say("So it is")
    answer.cite(Citation("https://a.example/x", "A", 8, 8))
    answer.picture(Picture("img", 64, 48, "image/jpeg", "a cat"), "https://gw.example/media/x.s/img.jpg")
    answer.say("Done.")
    answer.refuse(PictureRefused(1, "content_moderated", "withheld"))
    answer.end(Ended("stop", "So it isDone.", (Citation("https://b.example/"),)))
    return answer


def test_a_completion(golden):
    plain = Answer()
    plain.end(Ended("stop", "你好！我是 Grok"))
    golden.check("chat_plain", chat.to_completion(HEAD, plain, ASKED))
    golden.check("chat_full", chat.to_completion(HEAD, full_answer(), ASKED))


def test_chunks(golden):
    frames = [
        chat.to_first(HEAD, {}),
        chat.to_chunk(HEAD, Answer().say("你好")),
        *chat.to_last(HEAD, full_answer(), ASKED),
    ]
    golden.check("chat_chunks", [frame.data for frame in frames])
    golden.check("chat_error", [frame.data for frame in chat.tell(AnswerCut("It broke off."))])


# -- responses


def heard(events=()):
    answer = ResponseAnswer(RESPONSE_HEAD, RESPONSE_ASKED, "0")
    found = answer.begin()
    found += answer.think("hm")
    found += answer.say("So.")
    found += answer.cite(Citation("https://a.example/x", "A", 2, 3))
    return answer, found


def test_events_of_a_response(golden):
    answer, found = heard()
    found += answer.end(Ended("stop", "So."))
    found += answer.finish(1_770_000_009)
    golden.check("response_events", found)
    golden.check("response", answer.whole(1_770_000_009))
    answer, found = heard()
    golden.check("response_failed", answer.fail(AnswerCut("It broke off.")))


# -- images


@pytest.mark.parametrize("wanted", images.Wanted)
def test_images(golden, wanted):
    asked = replace(IMAGES, wanted=wanted)
    golden.check(f"images_{wanted}", images.to_images(asked, [MADE], [], created=1_770_000_000))


def test_a_picture_that_may_not_be_what_was_asked_for_is_told():
    shown = images.to_images(IMAGES, [MADE, replace(MADE, suspect=True)], [], created=1)
    assert len(shown["data"]) == 2 and "partial" not in shown
    [warning] = shown["warnings"]
    assert (warning["index"], warning["code"]) == (1, "suspect_output")


def test_images_that_are_not_all(golden):
    refused = [PictureRefused(1, "content_moderated", "the site withholds it")]
    golden.check("images_partial", images.to_images(IMAGES, [MADE], refused, created=1_770_000_000))


def test_image_events(golden):
    preview = PicturePreview(0, b"hi", "image/jpeg", 50)
    frames = [
        images.to_preview(IMAGES, preview, number=0, data="aGk=", created=1_770_000_000, action="image_generation")
    ]
    for wanted in (images.Wanted.URL, images.Wanted.B64):
        asked = replace(IMAGES, wanted=wanted)
        frames += images.to_completed(asked, [MADE, MADE], [], created=1_770_000_000, action="image_edit")
    golden.check("image_events", [{"event": frame.event, "data": frame.data} for frame in frames])


def test_every_ratio_is_taken():
    for ratio in ASPECT_RATIOS["quality"]:
        assert ratio_for(None, ratio, "quality", usual="1:1") == ratio
        assert ratio_for(None, ratio, "speed", usual="1:1") in ASPECT_RATIOS["speed"]
    for size, ratio in {"1024x1536": "2:3", "1792X1024": "16:9", "512*512": "1:1", "auto": "auto", "": "9:16"}.items():
        assert ratio_for(size, None, "speed", usual="9:16") == ratio
    for bad in ("0x5", "7:1", "big"):
        with pytest.raises(InvalidRequest):
            ratio_for(bad, None, "speed", usual="1:1")
    assert (quality_of(None, "quality"), quality_of("HD", "speed")) == ("quality", "quality")


# -- models


def test_model_lists(golden):
    golden.check(
        "models",
        models.to_list(
            {
                "mine": MODELS["grok-3"],
                **{name: MODELS[name] for name in ("grok-4", "grok-imagine-1.0", "grok-imagine-video")},
            }
        ),
    )
    golden.check("models_xai", {
        name: models.to_xai(name, MODELS[name], ["b", "a"]) for name in ("grok-4", "grok-imagine-1.0", "grok-imagine-video")
    })  # fmt: skip
    assert find("mine", {"mine": "grok-3"}).id == "grok-3"
    assert models.named({"grok-3-latest"}, set(ModelKind), {}) == {}


# -- text


def test_tokens():
    assert estimate("") == estimate("  \n") == 0
    assert estimate("你好，世界") == 5
    assert 8 <= estimate("The quick brown fox jumps over the lazy dog.") <= 14
    assert ends("abcdefgh, x") == [4, 8, 9, 11]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("limit", [None, 1, 5, 12, 1000])
@pytest.mark.parametrize("stop", [(), ("END",), ("\n\n", "ENDING")])
def test_an_answer_is_cut_at_the_same_place_however_it_comes(size, limit, stop):
    text = "One E two EN three words of text, 你好.\nAnd\n\nEND of it."
    whole = Cutter(stop, limit)
    expected = whole.feed(text) + whole.finish()
    cutter = Cutter(stop, limit)
    pieces = [cutter.feed(text[at : at + size]) for at in range(0, len(text), size)]
    assert ("".join(pieces) + cutter.finish()).rstrip() == expected.rstrip()
    assert cutter.ended == whole.ended
    assert text.startswith(expected)
    if limit:
        assert estimate(expected) <= limit
    for sequence in stop:
        assert sequence not in expected
