"""The page shell of grok.com and its static files."""

from __future__ import annotations

from pathlib import Path

from .routes import ACCOUNTS, SITE, routes
from .visit import Reply, Visit, problem, reply_html

PAGES = Path(__file__).parent.parent / "pages"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; frame-ancestors 'none'; "
    "connect-src 'self' wss://grok.com https://assets.grok.com https://imagine-public.x.ai; "
    "img-src 'self' data: blob: https://assets.grok.com https://imagine-public.x.ai; "
    "media-src 'self' blob: https://assets.grok.com"
)


def page(name: str, **values: str) -> str:
    text = (PAGES / name).read_text()
    for key, value in values.items():
        text = text.replace("{{" + key + "}}", value)
    return text


async def shell(visit: Visit) -> Reply:
    """Any page of the site: its script gets a seed of its own, so that an old page can be told from a new one."""
    loaded = visit.world.load_page()
    generation = "g1" if visit.world.settings.generation == "g1" else "g2"
    text = page("shell.html", SEED=loaded.seed, GENERATION=generation)
    return reply_html(text, 200, content_security_policy=CSP, cache_control="no-store")


for path in ("/", "/imagine", "/imagine/post/{id}", "/c/{id}"):
    routes.add("GET", path, "navigation", login=False)(shell)


@routes.add("GET", "/_sim/moving", "static", login=False, cleared=False)
async def moving(visit: Visit) -> Reply:
    """Not a page of the site: one that moves, or with ?still changes where it is pressed, to be measured."""
    return reply_html(page("moving.html"))


async def static(visit: Visit) -> Reply:
    file = PAGES / Path(visit.params["name"]).name
    if file.suffix not in TYPES or not file.is_file():
        return problem(404, 5, "Not Found")
    return Reply(200, file.read_bytes(), {"content-type": TYPES[file.suffix], "cache-control": "max-age=60"})


for host in (SITE, ACCOUNTS):
    routes.add("GET", "/_sim/{name}", "static", host=host, login=False, cleared=False)(static)


@routes.add("GET", "/favicon.ico", "static", login=False, cleared=False)
async def icon(visit: Visit) -> Reply:
    return Reply(204, b"", {"cache-control": "max-age=86400"})
