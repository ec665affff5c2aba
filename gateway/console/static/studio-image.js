// The image tab: pictures in frames of their shape, first as previews, then as they are.
import { events, problem, startMaker } from "./studio.js";

const form = startMaker({ onSend: send });
const made = document.getElementById("made");
const stop = document.getElementById("stop");
let work = null;

form.addEventListener("studio:pictures", () => {
  const auto = form.querySelector('input[name=ratio][value="auto"]');
  if (form.elements.pictures?.files?.length) auto.checked = true;
});
stop.addEventListener("click", () => work?.abort());

async function send() {
  if (work) return;
  work = new AbortController();
  problem("");
  stop.hidden = false;
  form.querySelector("[data-send]").disabled = true;
  const data = new FormData(form);
  const frames = [...Array(Number(data.get("n")))].map(() => emptyFrame(data.get("ratio"), data.get("prompt")));
  made.prepend(...frames);
  document.getElementById("nothing")?.remove();
  const finished = new Set();
  try {
    const response = await fetch(form.action, { method: "POST", body: data, headers: { "x-console": "1" }, signal: work.signal });
    for await (const event of events(response)) {
      if (event.type === "preview") preview(frames[event.index], event);
      else if (event.type === "picture") keep(frames, finished, event);
      else if (event.type === "refused") refuse(frames[event.index], finished, event);
      else if (event.type === "error") throw new Error(event.message);
    }
  } catch (error) {
    if (error.name !== "AbortError") problem(error.message);
  } finally {
    for (const frame of frames) if (!finished.has(frame)) frame.remove();
    work = null;
    stop.hidden = true;
    form.querySelector("[data-send]").disabled = false;
  }
}

function emptyFrame(ratio, prompt) {
  const item = document.getElementById("made-template").content.firstElementChild.cloneNode(true);
  const [width, height] = /^[\d.]+:[\d.]+$/.test(ratio) ? ratio.split(":") : [1, 1];
  item.querySelector(".frame").setAttribute("viewBox", `0 0 ${width} ${height}`);
  item.querySelector(".shot").classList.add("coming");
  item.querySelector(".over-frame").textContent = made.dataset.drawing;
  item.querySelector(".prompt").textContent = prompt;
  return item;
}

function picture(item, address) {
  const image = item.querySelector("img");
  image.src = address;
  image.hidden = false;
  item.querySelector(".frame").setAttribute("hidden", "");
  return image;
}

function preview(item, event) {
  if (!item || item.dataset.id) return;
  picture(item, event.url);
  item.querySelector(".over-frame").textContent = `${event.percent} %`;
}

// A finished picture takes its preview's place where that is known, else the first frame that is left.
function keep(frames, finished, event) {
  const item = frames.find((frame) => !finished.has(frame) && !frame.querySelector("img").hidden) ?? frames.find((frame) => !finished.has(frame));
  if (!item) return;
  finished.add(item);
  item.dataset.id = event.id;
  const image = picture(item, `/console/media/${event.id}`);
  image.width = event.width;
  image.height = event.height;
  image.alt = item.querySelector(".prompt").textContent;
  const shot = item.querySelector(".shot");
  shot.classList.remove("coming");
  shot.href = image.src;
  item.querySelector(".over-frame").remove();
  const tools = item.querySelector(".tools");
  tools.hidden = false;
  tools.querySelector("[data-tool=download]").href = `/console/media/${event.id}?download`;
  tools.querySelector("form").action = `/console/studio/picture/${event.id}/code`;
  tools.querySelector("[data-tool=video]").href = `/console/studio?picture=${event.id}`;
  tools.querySelector("[data-tool=edit]").href = `/console/studio/image?edit=${event.id}`;
}

function refuse(item, finished, event) {
  if (!item) return;
  finished.add(item);
  item.querySelector(".shot").classList.remove("coming");
  item.querySelector(".over-frame").textContent = `${made.dataset.refused} ${event.message}`;
}
