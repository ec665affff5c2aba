// The chat tab: the conversation lives in this page and, until the browser's tab is closed, in its session storage.
import { prose } from "./prose.js";
import { askPlan, clearPictures, events, problem, startMaker } from "./studio.js";

const KEY = "gateway-studio-chat";
const turns = document.getElementById("turns");
const stop = document.getElementById("stop");
const fresh = document.getElementById("new-chat");
let history = read();
let work = null;

const form = startMaker({ onSend: send, planBody });
const text = form.elements.prompt;
for (const turn of history) draw(turn);
seen();

stop.addEventListener("click", () => work?.abort());
document.addEventListener("keydown", (event) => event.key === "Escape" && work?.abort());
fresh.addEventListener("click", () => {
  work?.abort();
  history = [];
  save();
  turns.replaceChildren();
  seen();
  text.focus();
});

async function send() {
  if (work) return;
  const said = text.value.trim();
  const files = [...form.elements.pictures.files];
  if (!said && !files.length) return text.focus();
  work = new AbortController();
  busy(true);
  problem("");
  let asked = null;
  let item = null;
  const answer = { role: "assistant", text: "", reasoning: "", sources: [], images: [], model: form.elements.model.value };
  try {
    asked = { role: "user", text: said, images: await uploaded(files) };
    const messages = [...history, asked].map(({ role, text: words, images }) => ({ role, text: words, images: role === "user" ? images : [] }));
    const response = await fetch(form.action, {
      method: "POST",
      body: JSON.stringify({ ...options(), messages }),
      headers: { "content-type": "application/json", "x-console": "1" },
      signal: work.signal,
    });
    if (response.ok) {
      history.push(asked);
      draw(asked);
      text.value = "";
      clearPictures(form);
      item = draw(answer);
      item.querySelector(".said").textContent = form.dataset.waits;
      item.classList.add("coming");
      seen();
    }
    for await (const event of events(response)) hear(event, answer, item);
  } catch (error) {
    if (error.name === "AbortError") answer.note = form.dataset.stopped;
    else if (item) answer.note = error.message;
    else problem(error.message);
  } finally {
    if (item) {
      history.push(answer);
      item.classList.remove("coming");
      show(item, answer);
      save();
    }
    work = null;
    busy(false);
    text.focus();
    askPlan(form, planBody);
  }
}

function hear(event, answer, item) {
  if (event.type === "text") answer.text += event.text;
  else if (event.type === "reasoning") answer.reasoning += event.title ? `\n**${event.text}**\n\n` : event.text;
  else if (event.type === "citation") answer.sources.push(event);
  else if (event.type === "picture") answer.images.push(event.id);
  else if (event.type === "refused") answer.note = `${form.dataset.refused} ${event.message}`;
  else if (event.type === "done") {
    answer.text = event.text || answer.text;
    answer.sources.push(...event.sources);
    if (event.reason === "length") answer.note = form.dataset.cut;
  } else if (event.type === "error") throw new Error(event.message);
  item.classList.remove("coming");
  show(item, answer);
}

const waiting = new Map();

// Painted once per frame, however fast the pieces come.
function show(item, turn) {
  if (waiting.has(item)) return;
  waiting.set(item, requestAnimationFrame(() => {
    waiting.delete(item);
    paint(item, turn);
  }));
}

function paint(item, turn) {
  const low = window.innerHeight + window.scrollY >= document.body.scrollHeight - 160;
  item.querySelector(".said").replaceChildren(prose(turn.text));
  const reasoning = item.querySelector(".reasoning");
  reasoning.hidden = !turn.reasoning;
  if (turn.reasoning) reasoning.querySelector("div").replaceChildren(prose(turn.reasoning));
  const pictures = item.querySelector(".turn-pictures");
  for (const id of (turn.images ?? []).slice(pictures.children.length)) {
    const picture = document.createElement("img");
    picture.src = `/console/media/${id}`;
    picture.alt = "";
    const place = document.createElement("li");
    place.append(picture);
    pictures.append(place);
  }
  const sources = item.querySelector(".sources");
  const known = [...new Map((turn.sources ?? []).filter((one) => /^https?:/.test(one.url)).map((one) => [one.url, one])).values()];
  sources.hidden = !known.length;
  sources.replaceChildren(
    ...known.map(({ url, title }) => {
      const place = document.createElement("li");
      const link = document.createElement("a");
      Object.assign(link, { href: url, textContent: title || new URL(url).host, target: "_blank", rel: "noopener noreferrer" });
      place.append(link);
      return place;
    }),
  );
  const note = item.querySelector(".note-line");
  note.hidden = !turn.note;
  note.textContent = turn.note ?? "";
  const tools = item.querySelector(".tools");
  tools.hidden = !turn.text || turn.role === "user";
  tools.querySelector("[data-copy]").dataset.copy = turn.text;
  if (low && work) item.scrollIntoView({ block: "end" });
}

function draw(turn) {
  const item = document.getElementById("turn-template").content.firstElementChild.cloneNode(true);
  item.classList.add(turn.role);
  item.querySelector(".who").textContent = turn.role === "user" ? form.dataset.you : turn.model;
  turns.append(item);
  paint(item, turn);
  return item;
}

async function uploaded(files) {
  const ids = [];
  for (const file of files) {
    const body = new FormData();
    body.append("file", file);
    const response = await fetch(form.dataset.upload, { method: "POST", body, headers: { "x-console": "1" }, signal: work.signal });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error?.message);
    ids.push(answer.id);
  }
  return ids;
}

const options = () => ({
  model: form.elements.model.value,
  thinking: form.elements.thinking.value,
  search: form.elements.search.checked,
});

function planBody() {
  const now = { role: "user", text: text.value.trim() };
  const messages = [...history.map(({ role, text: words }) => ({ role, text: words })), ...(now.text ? [now] : [])];
  return JSON.stringify({ ...options(), messages });
}

function busy(now) {
  stop.hidden = !now;
  form.querySelector("[data-send]").disabled = now;
}

function seen() {
  document.getElementById("hello").hidden = history.length > 0 || turns.children.length > 0;
  fresh.hidden = !history.length;
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? [];
  } catch {
    return [];
  }
}

function save() {
  seen();
  try {
    sessionStorage.setItem(KEY, JSON.stringify(history));
  } catch {
    // full, or not allowed: the page itself still has it
  }
}
