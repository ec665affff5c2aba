"""Media posts: what `/imagine` shows, and the first step of a video in generation g1."""

from __future__ import annotations

from tests.simulator.state.library import ASSETS_ORIGIN, Post

from .routes import routes
from .visit import Reply, Visit, problem, reply_json

IMAGE, VIDEO = "MEDIA_POST_TYPE_IMAGE", "MEDIA_POST_TYPE_VIDEO"


def _classify(visit: Visit) -> str:
    visit.prompt = str(visit.json.get("prompt") or "")
    visit.entry.params = {key: visit.json[key] for key in ("mediaType", "mediaUrl") if key in visit.json}
    return "post_create"


def _post(visit: Visit, key: str = "id") -> Post | None:
    post = visit.world.library.posts.get(str(visit.json.get(key, "")))
    return post if post is not None and post.owner == visit.owner.id else None


NOT_FOUND = (404, 5, "Media post not found")


@routes.add("POST", "/rest/media/post/create", "post_create", protected=True, classify=_classify)
async def create(visit: Visit) -> Reply:
    library, owner = visit.world.library, visit.owner
    media_type = visit.json.get("mediaType")
    if media_type not in (IMAGE, VIDEO):
        return problem(400, 3, "Invalid media type")
    post = Post(owner.id, media_type, prompt=visit.prompt)
    if media_type == IMAGE:
        url = str(visit.json.get("mediaUrl") or "")
        asset = library.input_asset(url, owner.id)
        if asset is None:
            return problem(400, 3, "Invalid media URL")
        post.media_url, post.mime, post.mode = ASSETS_ORIGIN + asset.key, asset.mime, "image"
        post.thumbnail_url, post.width, post.height = post.media_url, asset.width, asset.height
    library.add_post(post)
    visit.entry.params["postId"] = post.id
    return reply_json({"post": post.as_json()})


@routes.add("POST", "/rest/media/post/get", "follow", protected=True)
async def get(visit: Visit) -> Reply:
    post = _post(visit)
    return reply_json({"post": post.as_json()}) if post else problem(*NOT_FOUND)


@routes.add("POST", "/rest/media/post/list", "list", protected=True)
async def list_posts(visit: Visit) -> Reply:
    """Newest first; the cursor is the creation time in milliseconds of the last post given."""
    wanted = visit.json.get("filter") or {}
    source = str(wanted.get("source") or "MEDIA_POST_SOURCE_OWNED").removeprefix("MEDIA_POST_SOURCE_")
    if source not in ("LIKED", "OWNED", "PUBLIC", "CHARACTER_MENTIONED"):
        return problem(400, 3, "Invalid source")
    limit = min(int(visit.json.get("limit") or 40), 100)
    cursor = float(visit.json.get("cursor") or 1e15) / 1000
    posts = [
        post
        for post in visit.world.library.posts.values()
        if post.owner == visit.owner.id
        and post.media_url
        and source in ("LIKED", "OWNED")
        and (source == "OWNED" or post.liked)
        and wanted.get("mediaType") in (None, "", post.media_type)
        and post.created < cursor
    ]
    posts.sort(key=lambda post: -post.created)
    page, rest = posts[:limit], posts[limit:]
    answer = {"posts": [post.as_json() for post in page]}
    return reply_json(answer | ({"nextCursor": f"{page[-1].created * 1000:.3f}"} if rest else {}))


@routes.add("POST", "/rest/media/post/like", "like", protected=True)
async def like(visit: Visit) -> Reply:
    return _set_liked(visit, True)


@routes.add("POST", "/rest/media/post/unlike", "like", protected=True)
async def unlike(visit: Visit) -> Reply:
    return _set_liked(visit, False)


def _set_liked(visit: Visit, liked: bool) -> Reply:
    post = _post(visit)
    if post is None:
        return problem(*NOT_FOUND)
    post.liked = liked
    return reply_json({})


@routes.add("POST", "/rest/media/post/delete", "delete", protected=True)
async def delete(visit: Visit) -> Reply:
    post = _post(visit)
    if post is None:
        return problem(*NOT_FOUND)
    del visit.world.library.posts[post.id]
    return reply_json({})


@routes.add("POST", "/rest/media/post/create-link", "share", protected=True)
async def create_link(visit: Visit) -> Reply:
    post = _post(visit, "postId")
    if post is None:
        return problem(*NOT_FOUND)
    return reply_json({"shareLink": f"https://grok.com/imagine/post/{post.id}"})


@routes.add("POST", "/rest/media/video/upscale", "upscale", protected=True)
async def upscale(visit: Visit) -> Reply:
    """The HD file is the same film under a second name; it is the answer's shape that matters."""
    library, owner = visit.world.library, visit.owner
    asset = library.input_asset(str(visit.json.get("videoId", "")), owner.id)
    if asset is None or asset.mime != "video/mp4":
        return problem(404, 5, "Video not found")
    target = str(visit.json.get("targetResolution") or "")
    name = "generated_video_1080_hd.mp4" if target.startswith("1080") else "generated_video_hd.mp4"
    key = asset.key.rpartition("/")[0] + "/" + name
    library.by_key[key] = asset
    if post := library.posts.get(asset.id):
        post.hd_url = ASSETS_ORIGIN + key
    return reply_json({"hdMediaUrl": ASSETS_ORIGIN + key})
