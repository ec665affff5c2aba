"""Pages that are hard to work with from afar: frames of another origin, menus, drags, windows, pickers, questions."""

from __future__ import annotations

from playwright.async_api import BrowserContext, Route

HARD = """<!doctype html><meta charset=utf-8><title>Hard</title>
<style>body { margin: 0 } body > * { position: absolute; box-sizing: border-box; margin: 0 }</style>
<p id=said style="left:10px;top:760px"></p>
<div id=own style="left:10px;top:10px;width:200px;height:40px;background:#ccc">own menu</div>
<div id=plain style="left:220px;top:10px;width:200px;height:40px;background:#ddd">no menu</div>
<a id=blank href="/second" target=_blank style="left:430px;top:10px;width:200px;height:40px">another tab</a>
<div id=thing draggable=true style="left:10px;top:60px;width:80px;height:40px;background:#c88">drag</div>
<div id=hole style="left:300px;top:60px;width:200px;height:40px;background:#8c8">drop</div>
<button id=alert style="left:10px;top:110px;width:100px;height:30px" onclick="alert('Look out'); say('alerted')">alert</button>
<button id=sure style="left:120px;top:110px;width:100px;height:30px" onclick="say(confirm('Sure?'))">confirm</button>
<button id=keep style="left:230px;top:110px;width:100px;height:30px"
 onclick="onbeforeunload = e => e.preventDefault(); say('kept')">keep</button>
<input id=time type=time style="left:10px;top:150px;width:200px;height:30px">
<input id=color type=color style="left:220px;top:150px;width:200px;height:30px">
<input id=many type=file multiple style="left:430px;top:150px;width:200px;height:30px">
<input id=secret type=password value="hush hush" style="left:10px;top:190px;width:200px;height:30px">
<input id=mail type=email value="ann@example.com" style="left:220px;top:190px;width:200px;height:30px">
<select id=keys style="left:430px;top:190px;width:200px;height:30px"><option>one<option>two<option>three</select>
<input id=words style="left:650px;top:190px;width:200px;height:30px">
<a id=save href="data:text/plain,kept" download="kept.txt" style="left:860px;top:10px;width:100px;height:40px">save</a>
<button id=print style="left:860px;top:60px;width:100px;height:30px" onclick="print(); say('went on')">print</button>
<button id=where style="left:970px;top:10px;width:100px;height:30px"
 onclick="navigator.geolocation.getCurrentPosition(() => say('found'), e => say('refused ' + e.code))">where</button>
<button id=tell style="left:970px;top:50px;width:100px;height:30px"
 onclick="Notification.requestPermission().then(answer => say('notices ' + answer))">tell</button>
<button id=read style="left:970px;top:90px;width:100px;height:30px"
 onclick="navigator.clipboard.readText().then(say, e => say('clipboard ' + e.name))">read</button>
<button id=passkey style="left:1080px;top:10px;width:100px;height:30px"
 onclick="navigator.credentials.get({ publicKey: { challenge: new Uint8Array(16) } }).catch(e => say('passkey ' + e.name))">passkey</button>
<div id=box style="left:650px;top:10px;width:200px;height:120px;overflow:auto"><div style="height:2000px">long</div></div>
<iframe id=frame src="https://frames.example/inner"
 style="left:10px;top:240px;width:500px;height:300px;border:3px solid red"></iframe>
<script>
 const say = text => said.textContent = text;
 own.oncontextmenu = e => { e.preventDefault(); say('menu ' + e.button) };
 plain.oncontextmenu = e => say('asked');
 thing.ondragstart = e => e.dataTransfer.setData('text/plain', 'thing');
 hole.ondragover = e => e.preventDefault();
 hole.ondrop = e => { e.preventDefault(); say('dropped ' + e.dataTransfer.getData('text/plain')) };
 color.onchange = () => say('color ' + color.value);
 time.onchange = () => say('time ' + time.value);
 keys.onchange = () => say('keys ' + keys.value);
 many.onchange = () => say('files ' + [...many.files].map(f => f.name + ':' + f.size + ':' + f.type).join(' '));
 addEventListener('message', e => say(e.data));
</script>"""

INNER = """<!doctype html><meta charset=utf-8><title>Inner</title><style>body { margin: 0; height: 3000px }</style>
<input id=text style="position:absolute;left:10px;top:10px;width:200px;height:30px">
<select id=pick style="position:absolute;left:10px;top:60px;width:200px;height:30px">
<option value=a>Apple<option value=b>Banana</select>
<p id=prose style="position:absolute;left:10px;top:120px">words in a frame</p>
<script>pick.onchange = () => parent.postMessage('picked ' + pick.value, '*')
onscroll = () => parent.postMessage('scrolled', '*')</script>"""

SECOND = """<!doctype html><title>Second</title><h1>second</h1>
<button id=press style="position:absolute;left:10px;top:100px;width:200px;height:50px"
 onclick="this.textContent='pressed'">press</button>"""

PAGES = {
    "https://grok.com/hard": HARD,
    "https://grok.com/second": SECOND,
    "https://frames.example/inner": INNER,
}


async def serve(context: BrowserContext) -> None:
    """Have the browser find these pages."""

    async def answer(route: Route) -> None:
        await route.fulfill(body=PAGES[route.request.url], content_type="text/html; charset=utf-8")

    for address in PAGES:
        await context.route(address, answer)
