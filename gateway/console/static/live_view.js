// The live view of one profile: connects, says how things stand, and joins the picture with the hands and the overlays.
import { Screen } from "./live_screen.js";
import { Hands } from "./live_hands.js";
import { Line } from "./live_line.js";
import { Overlays } from "./live_overlays.js";
import { keepInSight } from "./live_sight.js";
import { statusOf } from "./live_status.js";
import { TabStrip } from "./live_tabs.js";
import { say } from "./say.js";

const root = document.getElementById("live");
const texts = JSON.parse(root.dataset.texts);
const words = (key, values = {}) =>
  (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
const find = (selector) => root.querySelector(selector);

const state = { me: null, status: {}, control: { state: "free" }, connected: false, refused: false, tasks: null };
let wanted = false; // we had control when the line broke

const THRIFT = { type: "quality", jpeg: 35, fps: 8 };
const pressed = (name) => find(`[data-do=${name}]`)?.getAttribute("aria-pressed") === "true";
const toggle = (name) => {
  const on = !pressed(name);
  find(`[data-do=${name}]`).setAttribute("aria-pressed", String(on));
  return on;
};

const line = new Line(root.dataset.socket);
const send = (message) => line.send(message);
const inControl = () => state.connected && state.control.state === "held" && state.control.holder === state.me;

const screen = new Screen(find("[data-screen]"), find("canvas"));
const hands = new Hands({ screen, sink: find("[data-sink]"), send, inControl, leave: () => find("[data-do=done]")?.focus() });
const overlays = new Overlays({ root, screen, send, words, say, focus: () => hands.focus(), inControl });
const tabs = new TabStrip({ root, send, words, inControl });

const heard = {
  hello: (word) => {
    state.me = word.you;
    overlays.forget();
  },
  status: (word) => {
    if (word.clearance === null) return location.reload(); // removed, or moved away: the page says which
    if (!word.running) screen.age();
    state.status = word;
  },
  control: (word) => {
    state.control = word;
    if (word.state === "held" && word.holder === null && wanted) send({ type: "control", t: "take" });
    if (word.state === "free" || (word.holder !== null && word.holder !== state.me)) wanted = false;
    if (inControl()) wanted = true;
    else if (pressed("fit")) toggle("fit"); // the page has its usual size again
    overlays.show();
    hands.changed();
  },
  tabs: (word) => {
    tabs.show(word);
    screen.expect(word.active);
    if (!word.tabs.length) overlays.forget(); // the browser is gone, and what its pages asked with it
  },
  spot: (word) => hands.spot(word),
  select: (word) => overlays.field(word),
  dialog: (word) => overlays.ask(word),
  filechooser: (word) => overlays.ask(word),
  login: (word) => overlays.ask(word),
  clipboard: (word) => overlays.copied(word.text),
  notice: (word) => say(words(word.code) === word.code ? word.message : words(word.code, word), { bad: true }),
};

line.opened = () => {
  state.connected = true;
  state.refused = false;
  screen.age();
  send({ type: "visible", on: !document.hidden });
  if (pressed("thrift")) send(THRIFT);
  show();
};
line.heard = (message) => {
  if (typeof message !== "string") {
    screen.show(message);
    return;
  }
  const word = JSON.parse(message);
  heard[word.type]?.(word);
  show();
};
line.lost = ({ refused }) => {
  state.connected = false;
  state.refused = refused;
  hands.changed();
  overlays.show();
  show();
};
screen.drawn = show;

function show() {
  const mine = inControl();
  const { kind, text } = statusOf(state, words, root.dataset.mayControl === "yes");
  const status = find(".live-status");
  status.dataset.kind = kind;
  const shown = status.querySelector("span");
  if (shown.textContent !== text) shown.textContent = text;
  const take = find("[data-do=take]");
  const done = find("[data-do=done]");
  const had = document.activeElement;
  if (take) {
    take.hidden = mine;
    const { clearance, released } = state.status;
    take.disabled = !state.connected || state.control.state === "waiting" || !clearance || clearance === "disabled" || released;
    take.setAttribute("aria-busy", String(state.control.state === "waiting"));
    done.hidden = !mine;
    if (had === take && mine) hands.focus();
    if (had === done && !mine) take.focus();
  }
  root.classList.toggle("mine", mine);
  for (const part of root.querySelectorAll("[data-in-control]")) part.disabled = !mine;
  const { state: held, why, tasks } = state.control;
  const next = held === "free" && why === "signed_in" ? (tasks ? "tasks" : "video") : "";
  for (const link of root.querySelectorAll("[data-next]")) link.hidden = link.dataset.next !== next;
  find("[data-address] input").readOnly = !mine;
  find("[data-screen]").classList.toggle("in-control", mine);
  const seen = state.connected && state.status.running !== false && screen.fresh;
  find("[data-screen]").classList.toggle("stale", !seen);
  find("[data-screen]").classList.toggle("blank", !screen.shown);
  const empty = find("[data-empty]");
  const waits = state.connected && state.status.running && !screen.fresh;
  empty.hidden = seen;
  const instead = waits ? words("picture_comes") : text;
  if (empty.firstElementChild.textContent !== instead) empty.firstElementChild.textContent = instead;
  for (const remedy of empty.querySelectorAll("[data-remedy]")) remedy.hidden = remedy.dataset.remedy !== state.status.clearance;
}

const doings = {
  take: () => send({ type: "control", t: "take" }),
  done: () => ((wanted = false), send({ type: "control", t: "release" })),
  all: () => hands.shortcut("a", "KeyA"),
  copy: () => send({ type: "copy" }),
  keyboard: () => hands.focus(),
  zoom: () => find("[data-screen]").classList.toggle("zoomed", toggle("zoom")),
  fit: () => send({ type: "viewport", ...(toggle("fit") ? screen.room() : {}) }),
  thrift: () => send(toggle("thrift") ? THRIFT : { type: "quality" }),
};
root.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !root.contains(button)) return;
  if (button.dataset.do) doings[button.dataset.do]();
  if (button.dataset.key) hands.press(button.dataset.key);
  if (button.dataset.nav) send({ type: "nav", to: button.dataset.nav });
  if (button.dataset.do === "all" || button.dataset.key || button.dataset.nav) hands.focus({ quietly: true });
});
find("[data-address]").addEventListener("submit", (event) => {
  event.preventDefault();
  const typed = event.target.elements.url.value.trim();
  if (typed && inControl()) send({ type: "nav", to: typed });
  hands.focus({ quietly: true });
});
document.querySelector("[data-paste]")?.addEventListener("submit", (event) => {
  const { text, typed } = event.target.elements;
  if (text.value) send({ type: "paste", s: text.value, typed: typed.checked });
  event.target.reset();
  setTimeout(() => hands.focus());
});
document.addEventListener("visibilitychange", () => send({ type: "visible", on: !document.hidden }));
if (navigator.connection?.saveData) toggle("thrift");
keepInSight(root);
line.open();
show();
