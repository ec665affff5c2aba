"""A client of the double that is no browser, for the double's own tests: curl_cffi over HTTP/2."""

from __future__ import annotations

import json
from typing import Any

from curl_cffi import AsyncSession, CurlOpt, Response
from curl_cffi.requests.exceptions import RequestException

from tests.simulator.client import Simulator
from tests.simulator.wire.certificate import HOSTS

NEW = "/rest/app-chat/conversations/new"


def objects(text: str) -> list[dict[str, Any]]:
    """All complete JSON objects in *text*, whatever stands between them."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while (at := text.find("{", at)) >= 0:
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError:
            break
        found.append(value)
    return found


def video_g2(prompt: str, **changes: Any) -> dict[str, Any]:
    given = {"prompt": prompt, "aspectRatio": "16:9", "duration": 6, "resolutionName": "480p"} | changes
    kind = "imageToVideo" if "inputAssets" in given else "textToVideo"
    return {
        "modelName": "imagine-video-gen",
        "message": f"{prompt} --mode=custom",
        "enableImageStreaming": True,
        "enableSideBySide": True,
        "sendFinalMetadata": True,
        "responseMetadata": {"experiments": [], "modelConfigOverride": {"modelMap": {}}},
        "mediaGenInput": {kind: given},
        "kind": "CONVERSATION_KIND_IMAGINE",
    }


def video_g1(prompt: str, parent: str, **changes: Any) -> dict[str, Any]:
    config = {"parentPostId": parent, "aspectRatio": "16:9", "videoLength": 6, "resolutionName": "480p"} | changes
    return {
        "temporary": True,
        "modelName": "grok-3",
        "message": f"{prompt} --mode=custom",
        "toolOverrides": {"videoGen": True},
        "enableSideBySide": True,
        "responseMetadata": {
            "experiments": [],
            "modelConfigOverride": {"modelMap": {"videoGenModelConfig": config}},
        },
    }


class Direct:
    def __init__(self, sim: Simulator, storage_state: dict[str, Any]) -> None:
        self.port = sim.port
        cookies = "; ".join(f"{one['name']}={one['value']}" for one in storage_state["cookies"])
        self.session: AsyncSession[Response] = AsyncSession(
            verify=False,
            max_clients=120,
            headers={"cookie": cookies, "origin": "https://grok.com"},
            curl_options={CurlOpt.RESOLVE: [f"{host}:{sim.port}:127.0.0.1" for host in HOSTS]},
        )

    def url(self, path: str, host: str = "grok.com") -> str:
        return f"https://{host}:{self.port}{path}"

    async def get(self, path: str, host: str = "grok.com", **options: Any) -> Response:
        return await self.session.get(self.url(path, host), **options)

    async def post(self, path: str, body: dict[str, Any], **options: Any) -> Response:
        return await self.session.post(self.url(path), json=body, **options)

    async def submit(self, body: dict[str, Any], path: str = NEW) -> list[dict[str, Any]]:
        """The frames of a submit that is answered with 200."""
        answer = await self.post(path, body)
        assert answer.status_code == 200, answer.text
        return objects(answer.text)

    async def pull(self, body: dict[str, Any], *, timeout_s: float = 30) -> tuple[list[bytes], Exception | None]:
        """What came of an answer, and what ended it early. At the time's end curl resets the stream."""
        received: list[bytes] = []

        def take(chunk: bytes) -> int:
            received.append(chunk)
            return len(chunk)

        try:
            await self.session.post(self.url(NEW), json=body, content_callback=take, timeout=timeout_s)
        except RequestException as error:
            return received, error
        return received, None

    async def asset(self, key: str, **options: Any) -> Response:
        return await self.get("/" + key, "assets.grok.com", **options)


def last_video(frames: list[dict[str, Any]]) -> dict[str, Any]:
    """The last `streamingVideoGenerationResponse`; empty if there is none."""
    found: dict[str, Any] = {}
    for frame in frames:
        response = (frame.get("result") or {}).get("response") or {}
        found = response.get("streamingVideoGenerationResponse") or found
    return found


def text_of(frames: list[dict[str, Any]]) -> str:
    responses = [(frame.get("result") or {}).get("response") or frame.get("result") or {} for frame in frames]
    return "".join(
        one["token"]
        for one in responses
        if "token" in one and not one.get("isThinking") and one.get("messageTag", "final") == "final"
    )
