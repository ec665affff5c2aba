"""What has been seen of one generation: the site's ids, its state, its outcome. Stored in the task's ``submit`` step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from gateway.grok.wire.assets import AssetFacts
from gateway.grok.wire.frames import Frame, VideoFrame
from gateway.grok.wire.posts import MediaPost
from gateway.grok.wire.turns import Turn


@dataclass(slots=True)
class Sighting:
    """Grows as frames and lookups reveal more; a field once known is kept.

    url: key below the assets host or absolute address of the finished video. moderated is sticky: a later attachment of a
    moderated video does not turn it into a success (#789). answered: the site closed its answer; text: its words.
    attachments: ids or paths the closing answer names. failed: the error the site's answer broke with, as it came;
    failed_status: of its HTTP exchange, None inside a stream. drifted: what of the stream could not be read. due_since: when
    it was first finished without an address (ISO 8601, our clock).
    """

    conversation_id: str = ""
    response_id: str = ""
    video_id: str = ""
    post_id: str = ""
    user_id: str = ""
    url: str = ""
    thumbnail: str = ""
    prompt: str = ""
    model: str = ""
    width: int | None = None
    height: int | None = None
    moderated: bool = False
    rejection: str = ""
    answered: bool = False
    text: str = ""
    attachments: tuple[str, ...] = ()
    failed: str = ""
    failed_status: int | None = None
    drifted: str = ""
    due_since: str = ""
    progress: int = field(default=0, compare=False)
    video_seen: bool = field(default=False, compare=False)

    @classmethod
    def from_stored(cls, *stored: Mapping[str, Any]) -> Sighting:
        """Read what `stored` wrote; later mappings win. Unknown keys (of other versions) are ignored."""
        known = {f.name for f in fields(cls)}
        merged = {key: value for part in stored for key, value in part.items() if key in known and value}
        merged["attachments"] = tuple(merged.get("attachments", ()))
        return cls(**merged)

    def stored(self) -> dict[str, Any]:
        """Return what is worth keeping in the step, as plain JSON."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items() if value}

    @property
    def accepted(self) -> bool:
        """Whether the site is known to have taken the request."""
        return bool(self.conversation_id or self.response_id or self.video_id)

    @property
    def ids(self) -> list[str]:
        """The ids that are this generation's alone (a post may be shared by several)."""
        return [found for found in (self.conversation_id, self.video_id) if found]

    @property
    def complete(self) -> bool:
        """Whether the video itself is settled: there is an address, or it was moderated."""
        return self.moderated or bool(self.url)

    def blame(self, status: int | None, words: str) -> None:
        """Keep the error that the site's answer broke with."""
        self.failed, self.failed_status = words[:4000] or "{}", status

    def see(self, frame: Frame) -> None:
        """Take in one frame of the stream."""
        self.conversation_id = self.conversation_id or frame.conversation_id
        if frame.video is not None:
            self.response_id = self.response_id or frame.response_id
            self._see_video(frame.video)
        if frame.token and not frame.thinking and frame.tag in {"", "final"}:
            self.text = (self.text + frame.token)[:4000]
        if frame.answer is not None:
            self.response_id = frame.answer.response_id or self.response_id
            self.text = frame.answer.message[:4000] or self.text
            self.attachments = frame.answer.attachments
            if not frame.answer.partial:
                self.answered = True
                self._use_attached_path()

    def see_turns(self, turns: Iterable[Turn]) -> None:
        """Take in what the conversation holds: only assistant turns, and of those only assets of their own."""
        for turn in turns:
            if turn.human or (self.response_id and turn.response_id and turn.response_id != self.response_id):
                continue
            self.response_id = self.response_id or turn.response_id
            self.prompt = self.prompt or turn.echo.prompt
            self.model = self.model or turn.echo.model
            for asset in turn.own_assets():
                if asset.is_video and asset.id not in {turn.parent_id} | set(turn.echo.inputs):
                    self.see_asset(asset)
            self.attachments = turn.attachments or self.attachments
            self.text = turn.message[:4000] or self.text
            if not turn.partial and (turn.message or turn.attachments or self.complete):
                self.answered = True
                self._use_attached_path()

    def see_asset(self, asset: AssetFacts) -> None:
        """Take in a video file that belongs to this generation."""
        self.video_seen = True
        self.moderated = self.moderated or asset.moderated
        if self.video_id and asset.id and asset.id != self.video_id and self.url:
            return  # the other one of two side by side
        self.video_id = self.video_id or asset.id
        self.conversation_id = self.conversation_id or asset.conversation_id
        if not asset.deleted:
            self.url = self.url or asset.key
        self.thumbnail = self.thumbnail or asset.thumbnail
        self.width, self.height = self.width or asset.width, self.height or asset.height

    def see_post(self, post: MediaPost) -> None:
        """Take in the media post the video was asked under (g1)."""
        self.user_id = self.user_id or post.user_id
        self.moderated = self.moderated or post.moderated
        for video in post.videos():
            self.video_seen = True
            self.moderated = self.moderated or video.moderated
            self.video_id = self.video_id or video.id
            self.url = self.url or video.url
            self.thumbnail = self.thumbnail or video.thumbnail

    def _see_video(self, video: VideoFrame) -> None:
        self.video_seen = True
        self.progress = max(self.progress, min(100, video.progress or 0))
        sibling = bool(self.video_id and video.video_id and video.video_id != self.video_id)
        if sibling and (self.url or not video.url or video.moderated):
            return  # two side by side: the first that is finished counts
        if sibling:
            self.moderated = False  # that was the other one's; this one is finished and was not refused
        self.video_id = video.video_id or self.video_id
        self.moderated = self.moderated or video.moderated
        self.rejection = self.rejection or video.rejection
        self.post_id = self.post_id or video.post_id
        self.url = self.url or video.url
        self.thumbnail = self.thumbnail or video.thumbnail
        self.prompt = video.prompt or self.prompt
        self.model = self.model or video.model
        self.width, self.height = video.width or self.width, video.height or self.height

    def _use_attached_path(self) -> None:
        """``fileAttachments`` may hold the id or a path of the file; neither counts for a moderated video."""
        for attached in self.attachments:
            if self.moderated:
                return
            if ".mp4" in attached:
                self.url = self.url or attached
            elif not self.video_id:
                self.video_id = attached
