// Small behaviour of the parts: copying, tabs of code, theme, times that stay current, the setup link.
import { say, words } from "./say.js";

export function startParts() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (button) copy(button);
    const tab = event.target.closest("[role=tab]");
    if (tab) choose(tab);
  });
  document.addEventListener("keydown", moveBetweenTabs);
  document.addEventListener("submit", switchTheme);
  document.addEventListener("console:shown", (event) => dress(event.target));
  document.addEventListener("console:patched", (event) => dress(event.target));
  dress(document);
  readSetupLink();
  setInterval(() => dressTimes(document), 15000);
  setInterval(() => document.hidden || tick(), 1000);
  document.addEventListener("pointerover", preview);
}

function dress(root) {
  for (const tabs of root.querySelectorAll("[data-tabs]")) {
    if ("dressed" in tabs.dataset) continue;
    tabs.dataset.dressed = "";
    choose(tabs.querySelector("[aria-selected=true]"));
  }
  dressTimes(root);
}

async function copy(button) {
  const from = button.dataset.copyFrom;
  const text = from ? document.getElementById(from).textContent : button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Plain HTTP under another name than localhost has no clipboard: select and copy as of old.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    button.after(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  say(words("copied"));
}

function choose(tab) {
  for (const one of tab.closest("[role=tablist]").querySelectorAll("[role=tab]")) {
    const chosen = one === tab;
    one.setAttribute("aria-selected", String(chosen));
    one.tabIndex = chosen ? 0 : -1;
    const panel = document.getElementById(one.getAttribute("aria-controls"));
    if (panel) panel.hidden = !chosen;
  }
}

function moveBetweenTabs(event) {
  const tab = event.target.closest?.("[role=tab]");
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!tab || !step) return;
  const all = [...tab.closest("[role=tablist]").querySelectorAll("[role=tab]")];
  const next = all[(all.indexOf(tab) + step + all.length) % all.length];
  event.preventDefault();
  choose(next);
  next.focus();
}

// Without a script the gateway sets the cookie and the page is loaded again; with one nothing moves.
function switchTheme(event) {
  if (!event.target.matches("[data-theme-switch]")) return;
  event.preventDefault();
  const order = ["auto", "light", "dark"];
  const theme = order[(order.indexOf(document.documentElement.dataset.theme) + 1) % order.length];
  document.documentElement.dataset.theme = theme;
  fetch(event.target.action, { method: "POST", body: new URLSearchParams({ theme }), redirect: "manual" }).catch(() => {});
  for (const form of document.querySelectorAll("[data-theme-switch]")) {
    const button = form.querySelector("button");
    const said = button.dataset[`say${theme[0].toUpperCase()}${theme.slice(1)}`];
    button.value = order[(order.indexOf(theme) + 1) % order.length];
    button.title = said;
    button.setAttribute("aria-label", said);
  }
}

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function dressTimes(root) {
  const language = document.documentElement.lang;
  const relative = new Intl.RelativeTimeFormat(language);
  for (const time of root.querySelectorAll("time[data-when]")) {
    const at = new Date(time.dateTime);
    const seconds = (at - Date.now()) / 1000;
    const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
    time.title = at.toLocaleString(language);
    if (unit === "second" && Math.abs(seconds) < 5) continue;
    const shown = relative.format(Math.trunc(seconds / length), unit);
    if (time.textContent !== shown) time.textContent = shown;
  }
  for (const time of root.querySelectorAll("time[data-clock]")) {
    time.textContent = new Date(time.dateTime).toLocaleTimeString(language, { hour12: false });
  }
  for (const time of root.querySelectorAll("time[data-moment]")) {
    time.textContent = new Date(time.dateTime).toLocaleString(language);
  }
}

function tick() {
  for (const time of document.querySelectorAll("time[data-since]")) {
    const seconds = Math.max(0, Math.floor((Date.now() - new Date(time.dateTime)) / 1000));
    const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(String);
    time.textContent = seconds < 3600 ? `${m}:${s.padStart(2, "0")}` : `${h}:${m.padStart(2, "0")}:${s.padStart(2, "0")}`;
  }
}

// A film plays, muted, while the pointer rests on its picture.
function preview(event) {
  const link = event.target.closest?.("[data-preview]");
  if (!link || link.querySelector("video") || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const video = Object.assign(document.createElement("video"), { src: link.dataset.preview, muted: true, loop: true, playsInline: true });
  video.setAttribute("aria-hidden", "true");
  video.tabIndex = -1;
  link.append(video);
  video.play().catch(() => {});
  link.addEventListener("pointerleave", () => video.remove(), { once: true });
}

// The secret of a setup link stands in the fragment: no server, proxy or log ever sees it there.
function readSetupLink() {
  const form = document.querySelector("[data-setup]");
  const secret = location.hash.slice(1);
  if (!form || !secret) return;
  form.elements.token.value = secret;
  form.querySelector("[data-setup-code]").hidden = true;
  history.replaceState(null, "", location.pathname);
  form.elements.password.focus();
}
