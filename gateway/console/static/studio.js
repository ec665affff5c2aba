// What the Studio's forms share: pictures by drop and paste, growing text, Ctrl+Enter, the plan and the code beside the form.
import { say, words } from "./say.js";

const PLAN_AFTER_MS = 220;

// Returns {form, files, problem, body}. *changed*: told when the form is not what it was; *extra*: further fields of the plan.
export function startMaker({ onSend, planBody }) {
  const form = document.querySelector("[data-maker]");
  const mac = /Mac|iP(hone|ad)/.test(navigator.platform);
  for (const keys of form.querySelectorAll("[data-keys]")) if (mac) keys.textContent = "⌘↵";
  for (const area of form.querySelectorAll("[data-grows]")) {
    area.addEventListener("input", () => grow(area));
    grow(area);
  }
  startDrops(form);
  document.addEventListener("click", (event) => {
    const example = event.target.closest("[data-fill]");
    if (example) fill(form.elements[example.dataset.fill], example.dataset.with);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    onSend();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  const plan = later(() => askPlan(form, planBody), PLAN_AFTER_MS);
  form.addEventListener("input", plan);
  form.addEventListener("change", plan);
  return form;
}

export const problem = (sentence) => (document.getElementById("problem").textContent = sentence ?? "");

function fill(field, words) {
  field.value = words;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
}

function grow(area) {
  // field-sizing does it alone where it is known
  if (CSS.supports("field-sizing", "content")) return;
  area.rows = Math.min(14, Math.max(3, area.value.split("\n").length + Math.floor(area.value.length / 90)));
}

export function later(work, ms) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, ms);
  };
}

// -- the plan: what would really be made, and the same call as code
let planned = 0;

export async function askPlan(form, planBody) {
  const number = ++planned;
  const body = planBody ? planBody(form) : namesOnly(form);
  let answer;
  try {
    const response = await fetch(form.dataset.plan, { method: "POST", body, headers: { "x-console": "1" } });
    answer = await response.json();
  } catch {
    return; // the page says that the gateway is away
  }
  if (number !== planned) return; // typed on meanwhile
  const line = document.getElementById("line");
  if (line && answer.line !== undefined) line.textContent = answer.line;
  const waits = document.getElementById("waits");
  if (waits) waits.textContent = answer.waits ?? "";
  if (answer.problem !== undefined) problem(answer.problem);
  for (const [place, code] of (answer.samples ?? []).entries()) {
    const shown = document.getElementById(`sample-code-${place + 1}`);
    if (shown && shown.textContent !== code) shown.textContent = code;
  }
}

// The form with the names of its files instead of them.
function namesOnly(form) {
  const body = new FormData();
  for (const [name, value] of new FormData(form)) {
    if (!(value instanceof File)) body.append(name, value);
    else if (value.name) body.append(name, value.name);
  }
  return body;
}

// -- pictures
function startDrops(form) {
  const drops = [...form.querySelectorAll("[data-drop]")];
  for (const drop of drops) {
    const input = drop.querySelector("input[type=file]");
    input.addEventListener("change", () => show(form, drop));
    drop.addEventListener("dragover", (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
    drop.addEventListener("dragleave", () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      drop.classList.remove("over");
      add(form, drop, event.dataTransfer.files);
    });
  }
  if (!drops.length) return;
  // Dropped anywhere else in the form, or pasted: into the first place.
  form.addEventListener("dragover", (event) => event.preventDefault());
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    add(form, drops[0], event.dataTransfer.files);
  });
  form.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) {
      event.preventDefault();
      add(form, drops[0], event.clipboardData.files);
    }
  });
}

function add(form, drop, files) {
  const input = drop.querySelector("input[type=file]");
  const pictures = [...files].filter((file) => file.type.startsWith("image/"));
  if (!pictures.length) return;
  const all = input.multiple ? [...input.files, ...pictures] : [pictures[0]];
  put(input, all.slice(0, Number(drop.dataset.most)));
  show(form, drop);
}

function put(input, files) {
  const holder = new DataTransfer();
  for (const file of files) holder.items.add(file);
  input.files = holder.files;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

function show(form, drop) {
  const input = drop.querySelector("input[type=file]");
  const list = drop.querySelector("[data-previews]");
  for (const picture of list.querySelectorAll("img")) URL.revokeObjectURL(picture.src);
  list.replaceChildren(
    ...[...input.files].map((file, place) => {
      const item = drop.querySelector("template").content.firstElementChild.cloneNode(true);
      const picture = item.querySelector("img");
      picture.src = URL.createObjectURL(file);
      picture.alt = file.name;
      item.querySelector("button").addEventListener("click", () => {
        put(input, [...input.files].filter((_, other) => other !== place));
        show(form, drop);
        input.focus();
      });
      return item;
    }),
  );
  form.dispatchEvent(new CustomEvent("studio:pictures", { bubbles: true }));
}

export function clearPictures(form) {
  for (const drop of form.querySelectorAll("[data-drop]")) {
    put(drop.querySelector("input[type=file]"), []);
    show(form, drop);
  }
}

// -- answers that come in pieces: yields what each event says, raises what went wrong before the first
export async function* events(response) {
  if (!response.ok) {
    const told = await response.json().catch(() => ({}));
    throw new Error(told.error?.message ?? words("failed"));
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const data = part
        .split("\n")
        .filter((line) => line.startsWith("data: "))
        .map((line) => line.slice(6))
        .join("\n");
      if (data) yield JSON.parse(data);
    }
  }
}

// -- films that play while looked at
export function startHover() {
  const of = (target) => target.closest?.("[data-hover]")?.querySelector("video");
  const play = (event) => of(event.target)?.play().catch(() => {});
  const stop = (event) => {
    const film = of(event.target);
    if (!film || of(event.relatedTarget ?? document.body) === film) return;
    film.pause();
    film.load(); // the preview again, and nothing more is fetched
  };
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
    document.addEventListener("mouseover", play);
    document.addEventListener("mouseout", stop);
  }
  document.addEventListener("focusin", play);
  document.addEventListener("focusout", stop);
}

export { say, words };
