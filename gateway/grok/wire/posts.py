"""Media posts: ``/rest/media/post/{create,get,list}`` (captured 2026-02 to 2026-07; g1 asks for videos under one)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.errors import UpstreamDrifted
from gateway.grok.wire.fields import Json, mapping, moment, objects, text, truth


@dataclass(frozen=True, slots=True)
class MediaPost:
    """One post. url: of its video or picture, '' while it is being made. raw: everything the site said."""

    id: str
    user_id: str
    prompt: str
    media_type: str
    url: str
    hd_url: str
    thumbnail: str
    moderated: bool
    mode: str
    model: str
    original_post_id: str
    created_at: datetime | None
    children: tuple[MediaPost, ...]
    raw: Json

    @property
    def is_video(self) -> bool:
        return "VIDEO" in self.media_type.upper()

    def videos(self) -> list[MediaPost]:
        """Return the finished videos of this post: itself, then those listed below it, each address once."""
        found: list[MediaPost] = []
        for post in (self, *self.children):
            if post.is_video and post.url and all(post.url != other.url for other in found):
                found.append(post)
        return found


@dataclass(frozen=True, slots=True)
class PostList:
    posts: tuple[MediaPost, ...]
    next_cursor: str = ""


def read_post(value: Json) -> MediaPost:
    """Read ``{"post": {…}}`` or the post itself. Raises UpstreamDrifted (``post.id``) when it has no id."""
    post = _post(mapping(value, "post") or value)
    if not post.id:
        raise UpstreamDrifted("the site's media post has no id", field="post.id")
    return post


def read_posts(value: Json) -> PostList:
    """Raises UpstreamDrifted (``posts``) when there is no list."""
    if not isinstance(value.get("posts"), list):
        raise UpstreamDrifted("the site's list of media posts has no field 'posts'", field="posts")
    return PostList(tuple(_post(entry) for entry in objects(value, "posts")), text(value, "nextCursor"))


def _post(value: Json, *, depth: int = 2) -> MediaPost:
    below = [*objects(value, "videos"), *objects(value, "childPosts")] if depth else []
    return MediaPost(
        id=text(value, "id", "postId"),
        user_id=text(value, "userId"),
        prompt=text(value, "originalPrompt", "prompt"),
        media_type=text(value, "mediaType"),
        url=text(value, "mediaUrl"),
        hd_url=text(value, "hdMediaUrl"),
        thumbnail=text(value, "thumbnailImageUrl"),
        moderated=truth(value, "moderated"),
        mode=text(value, "mode"),
        model=text(value, "modelName"),
        original_post_id=text(value, "originalPostId"),
        created_at=moment(value.get("createTime")),
        children=tuple(_post(entry, depth=depth - 1) for entry in below),
        raw=value,
    )
