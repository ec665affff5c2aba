"""Request bodies, letter by letter as upstream.md 2.6 shows them."""

from __future__ import annotations

from dataclasses import replace

from gateway.grok.bodies import SourceVideo, g1_post, g1_video, g2_video, message
from gateway.tasks.model import Preset, VideoMode, VideoSpec

TEXT = VideoSpec(prompt="a bird", seconds=6, resolution="480p", aspect_ratio="16:9", preset=Preset.CUSTOM)
IMAGE = replace(TEXT, mode=VideoMode.IMAGE, image_assets=("in0",), aspect_ratio="3:2")
REFERENCES = replace(TEXT, mode=VideoMode.REFERENCES, image_assets=("in0", "in1"))
URL = "https://assets.grok.com/users/U/F/content"


def test_g2_text() -> None:
    assert g2_video(TEXT) == {
        "modelName": "imagine-video-gen",
        "message": "a bird --mode=custom",
        "enableImageStreaming": True,
        "enableSideBySide": True,
        "sendFinalMetadata": True,
        "responseMetadata": {"experiments": [], "modelConfigOverride": {"modelMap": {}}},
        "mediaGenInput": {
            "textToVideo": {"prompt": "a bird", "aspectRatio": "16:9", "duration": 6, "resolutionName": "480p"}
        },
        "kind": "CONVERSATION_KIND_IMAGINE",
    }


def test_g2_image() -> None:
    assert g2_video(IMAGE, file_ids=["F"])["mediaGenInput"] == {
        "imageToVideo": {
            "prompt": "a bird",
            "inputAssets": ["F"],
            "aspectRatio": "3:2",
            "duration": 6,
            "resolutionName": "480p",
            "mode": "custom",
        }
    }


def test_g2_image_without_a_prompt() -> None:
    body = g2_video(replace(IMAGE, prompt="", preset=Preset.NORMAL), file_ids=["F"])
    assert body["message"] == "--mode=normal"
    assert body["mediaGenInput"]["imageToVideo"]["mode"] == "normal"
    assert "prompt" not in body["mediaGenInput"]["imageToVideo"]


def test_g2_references() -> None:
    asked = g2_video(REFERENCES, file_ids=["F", "G"])["mediaGenInput"]
    assert asked["imageToVideo"]["inputAssets"] == ["F", "G"]
    assert list(g2_video(REFERENCES, file_ids=["F", "G"], reference_kind=True)["mediaGenInput"]) == ["referenceToVideo"]


def test_g1_text() -> None:
    assert g1_post(TEXT) == {"mediaType": "MEDIA_POST_TYPE_VIDEO", "prompt": "a bird"}
    assert g1_video(TEXT, post_id="P") == {
        "temporary": True,
        "modelName": "grok-3",
        "message": "a bird --mode=custom",
        "toolOverrides": {"videoGen": True},
        "enableSideBySide": True,
        "responseMetadata": {
            "experiments": [],
            "modelConfigOverride": {
                "modelMap": {
                    "videoGenModelConfig": {
                        "parentPostId": "P",
                        "aspectRatio": "16:9",
                        "videoLength": 6,
                        "resolutionName": "480p",
                    }
                }
            },
        },
    }


def test_g1_image() -> None:
    assert g1_post(IMAGE, image_url=URL) == {"mediaType": "MEDIA_POST_TYPE_IMAGE", "mediaUrl": URL}
    assert g1_video(IMAGE, post_id="P", image_urls=[URL])["message"] == f"{URL}  a bird --mode=custom"


def test_g1_references() -> None:
    assert g1_post(REFERENCES, image_url=URL)["mediaType"] == "MEDIA_POST_TYPE_VIDEO"
    config = _config(g1_video(REFERENCES, post_id="P", image_urls=[URL, URL + "2"]))
    assert (config["isVideoEdit"], config["isReferenceToVideo"]) == (False, True)
    assert config["imageReferences"] == [URL, URL + "2"]


def test_g1_extension() -> None:
    spec = replace(TEXT, mode=VideoMode.EXTEND, source_task_id="t0", start_s=6.0)
    config = _config(g1_video(spec, post_id="V", source=SourceVideo("V", "a bird before", "P")))
    assert config == {
        "parentPostId": "V",
        "aspectRatio": "16:9",
        "videoLength": 6,
        "resolutionName": "480p",
        "isVideoExtension": True,
        "videoExtensionStartTime": 6.0,
        "extendPostId": "V",
        "stitchWithExtendPostId": True,
        "originalPrompt": "a bird before",
        "originalPostId": "P",
        "originalRefType": "ORIGINAL_REF_TYPE_VIDEO_EXTENSION",
        "mode": "custom",
    }


def test_modes() -> None:
    assert [message(replace(TEXT, preset=preset)) for preset in Preset] == [
        "a bird --mode=normal",
        "a bird --mode=extremely-crazy",
        "a bird --mode=custom",
        "a bird --mode=extremely-spicy-or-crazy",
    ]


def _config(body: dict) -> dict:
    return body["responseMetadata"]["modelConfigOverride"]["modelMap"]["videoGenModelConfig"]
