// Keeps a page as things are: hears which areas changed, fetches the page again, and patches the marked parts in place.
//
//   <section id="running" data-live="tasks profiles">            from this very address
//   <section id="rows" data-live="tasks" data-from="/console/…"> from another one that has an element of that id
import { patch } from "./patch.js";
import { say, words } from "./say.js";

const marked = () => [...document.querySelectorAll("[data-live]")];
let source = null;
let address = "";
let away = false;
let waiting = new Set();
let fetching = null;

export function startLive(from) {
  if (!from) return;
  address = from;
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
  // Nothing moves between pressing and letting go: the click would land on something else.
  document.addEventListener("pointerdown", () => (pressed = true), true);
  for (const end of ["pointerup", "pointercancel"]) {
    document.addEventListener(end, () => ((pressed = false), setTimeout(flush)), true);
  }
  // What changes without a hint, as nodes' signs of life do: data-every="3", seconds.
  for (const part of document.querySelectorAll("[data-every]")) {
    setInterval(() => document.hidden || away || changed([part.dataset.live.split(" ")[0]]), part.dataset.every * 1000);
  }
  if (!document.hidden) start();
}

let pressed = false;
let seen = false;

function start() {
  if (source) return;
  source = new EventSource(address);
  source.addEventListener("hello", (event) => {
    lost(false);
    const { version } = JSON.parse(event.data);
    if (!document.body.dataset.version.includes(version)) return location.reload();
    if (seen) changed(["*"]);
    seen = true;
  });
  source.addEventListener("changed", (event) => changed(JSON.parse(event.data).areas));
  source.addEventListener("signed-out", () => location.reload());
  source.addEventListener("error", () => {
    lost(true);
    // An answer that is no stream ends an EventSource for good: signed out, or a proxy without its gateway.
    if (source?.readyState === EventSource.CLOSED) {
      stop();
      refresh().finally(() => setTimeout(() => document.hidden || start(), 3000)); // it notices when it is led to the sign-in
    }
  });
}

function stop() {
  source?.close();
  source = null;
}

function lost(now) {
  if (now === away) return;
  away = now;
  const line = document.getElementById("lost");
  if (line) line.hidden = !now;
  if (!now) say(words("back"));
}

function changed(areas) {
  for (const area of areas) waiting.add(area);
  document.dispatchEvent(new CustomEvent("console:changed", { detail: areas }));
  flush();
}

function flush() {
  if (pressed || fetching || !waiting.size) return;
  const areas = waiting;
  waiting = new Set();
  const wanted = marked().filter(
    (part) => areas.has("*") || part.dataset.live.split(" ").some((area) => area === "*" || areas.has(area)),
  );
  if (wanted.length) fetching = update(wanted).finally(() => ((fetching = null), flush()));
}

// Fetch every marked part now; after an action that changed something.
export async function refresh() {
  await fetching;
  const parts = marked();
  await (parts.length ? update(parts) : updateFrom(location.pathname + location.search, []));
}

async function update(parts) {
  const byAddress = Map.groupBy
    ? Map.groupBy(parts, (part) => part.dataset.from ?? location.pathname + location.search)
    : parts.reduce((map, part) => {
        const key = part.dataset.from ?? location.pathname + location.search;
        return map.set(key, [...(map.get(key) ?? []), part]);
      }, new Map());
  await Promise.all([...byAddress].map(([from, those]) => updateFrom(from, those)));
}

async function updateFrom(from, parts) {
  let response;
  try {
    response = await fetch(from, { headers: { accept: "text/html" } });
  } catch {
    return; // the stream says that the gateway is away; its coming back brings us here again
  }
  if (response.redirected && new URL(response.url).pathname.startsWith("/console/login")) {
    say(words("signedOut"), { bad: true });
    location.reload();
    return;
  }
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of parts) {
    const now = fresh.getElementById(part.id);
    if (now && part.isConnected) patch(part, now);
  }
}
