"""A page with everything that is hard to operate from afar, and somebody who watches it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from browser.live.gestures import Key, Move, Press, Release, Text
from browser.live.outbox import Frame
from browser.live.settings import LiveSettings
from browser.live.viewer import Viewer
from browser.live.views import LiveViews
from browser.pool import Pool
from tests.browser.real_pool import real_pool
from tests.browser.tiny_site import TinySite

FORM = """<!doctype html><meta charset=utf-8><title>Form</title>
<style>body{margin:0} body>*{position:absolute;margin:0;box-sizing:border-box}</style>
<input id=name style="left:10px;top:10px;width:300px;height:30px">
<input id=date type=date style="left:10px;top:60px;width:300px;height:30px">
<select id=land style="left:10px;top:110px;width:300px;height:30px">
<option value="">Choose<option value=de>Germany<option value=jp>Japan</select>
<input id=file type=file style="left:10px;top:160px;width:300px;height:30px">
<button id=ask style="left:10px;top:210px;width:300px;height:30px"
 onclick="said.textContent=prompt('How many?','one')">ask</button>
<button id=pop style="left:10px;top:260px;width:300px;height:30px"
 onclick="window.open('/popup','p','popup,width=300,height=300')">pop</button>
<div id=slider style="left:10px;top:310px;width:300px;height:30px;background:#ccc"></div>
<p id=said style="left:10px;top:360px"></p>
<script>
 const events = [];
 let from = null;
 slider.onpointerdown = e => { from = e.clientX; slider.setPointerCapture(e.pointerId) };
 slider.onpointermove = e => { if (from !== null) said.textContent = 'moved ' + (e.clientX - from) };
 slider.onpointerup = e => { from = null; said.textContent += ' done' };
 for (const kind of ['keydown', 'compositionstart', 'compositionend', 'input'])
   document.getElementById('name').addEventListener(kind, e => events.push(kind + ':' + (e.key ?? e.data ?? '')));
 land.onchange = () => said.textContent = 'land ' + land.value;
 date.onchange = () => said.textContent = 'date ' + date.value;
 file.onchange = async () => said.textContent = file.files[0].name + ' ' + await file.files[0].text();
 addEventListener('message', e => said.textContent = 'told ' + e.data);
</script>"""
POPUP = """<!doctype html><title>Popup</title><button style="position:absolute;left:0;top:0;width:200px;height:50px"
 onclick="opener.postMessage('hello', location.origin); window.close()">finish</button>"""
MOVING = """<!doctype html><title>Moving</title><div id=box style="position:absolute;width:200px;height:200px"></div>
<script>let n = 0; (function turn(){ n++; box.style.left = n % 900 + 'px';
 box.style.background = `hsl(${n % 360} 80% 50%)`; requestAnimationFrame(turn) })()</script>"""
#: Every frame is large: what a slow line cannot carry.
NOISY = """<!doctype html><title>Noisy</title><canvas id=c width=640 height=400></canvas>
<script>const pen = c.getContext('2d'); const dots = pen.createImageData(640, 400);
const words = new Uint32Array(dots.data.buffer);
(function turn(){ for (let i = 0; i < words.length; i++) words[i] = Math.random() * 0xffffffff | 0xff000000;
 pen.putImageData(dots, 0, 0); requestAnimationFrame(turn) })()</script>"""
STILL = "<!doctype html><title>Still</title><h1>Nothing moves</h1>"


class Watcher:
    """A viewer who takes everything that comes, and remembers the latest of each kind."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self.frames: list[Frame] = []
        self.words: list[dict[str, Any]] = []
        self._news = asyncio.Condition()

    async def run(self) -> None:
        while (item := await self.viewer.outbox.take()) is not None:
            async with self._news:
                if isinstance(item, Frame):
                    self.frames.append(item)
                else:
                    self.words.append(dict(item))
                self._news.notify_all()

    async def until(self, condition: Callable[[], Any], *, within_s: float = 60) -> Any:
        async with asyncio.timeout(within_s), self._news:
            while not (found := condition()):
                await self._news.wait()
            return found

    def last(self, kind: str) -> dict[str, Any]:
        return next((word for word in reversed(self.words) if word["type"] == kind), {})

    async def heard(self, kind: str, /, **values: Any) -> dict[str, Any]:
        """Wait for a word of this kind with these values."""
        return await self.until(
            lambda: next((w for w in self.words if w["type"] == kind and values.items() <= w.items()), None)
        )

    async def take(self) -> None:
        self.viewer.view.take(self.viewer)
        await self.until(lambda: self.last("control").get("state") == "held" and self.frames)

    def do(self, *gestures: Any) -> None:
        for gesture in gestures:
            self.viewer.view.do(self.viewer, gesture)

    def click(self, x: float, y: float) -> None:
        self.do(Move(x, y), Press(x, y), Release(x, y))

    def press(self, key: str, code: str = "") -> None:
        self.do(Key(True, key, code), Key(False, key, code))

    def type(self, text: str) -> None:
        self.do(*(Text(character) for character in text))


class Live:
    """A pool with one profile, its live views, and its page as the test looks at it directly."""

    def __init__(self, pool: Pool, views: LiveViews, group: asyncio.TaskGroup) -> None:
        self.pool = pool
        self.views = views
        self._group = group

    @property
    def page(self) -> Any:
        context = self.pool.context("work")
        assert context is not None
        return context.page

    @asynccontextmanager
    async def watch(self, who: str = "ann", *, may_control: bool = True) -> AsyncIterator[Watcher]:
        async with self.views.join("work", who=who, may_control=may_control) as viewer:
            watcher = Watcher(viewer)
            self._group.create_task(watcher.run())
            yield watcher

    async def said(self, text: str, *, within_s: float = 60) -> None:
        """Wait until the page says so."""
        await self.page.wait_for_function(
            "text => document.getElementById('said').textContent === text", arg=text, timeout=within_s * 1000
        )


@asynccontextmanager
async def live(folder: Path, site: TinySite, **settings: Any) -> AsyncIterator[Live]:
    site.pages |= {"/form": FORM, "/popup": POPUP, "/moving": MOVING, "/still": STILL}
    async with real_pool(folder, site) as pool:
        await pool.check("work")
        async with LiveViews(pool, LiveSettings(**settings)) as views, asyncio.TaskGroup() as group:
            yield Live(pool, views, group)
