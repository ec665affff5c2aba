// Toasts: what was done or went wrong, for eyes and screen readers, gone after a while.
const SHOWN_MS = 5000;

export function say(sentence, { bad = false } = {}) {
  if (!sentence) return;
  const toast = document.createElement("div");
  toast.className = bad ? "toast bad" : "toast";
  toast.textContent = sentence;
  const place = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  const toasts = document.getElementById("toasts");
  // A modal dialog covers the rest of the page, also for screen readers: speak from within it.
  place.append(toasts);
  toasts.append(toast);
  let timer = setTimeout(() => toast.remove(), SHOWN_MS);
  toast.addEventListener("pointerenter", () => clearTimeout(timer));
  toast.addEventListener("pointerleave", () => (timer = setTimeout(() => toast.remove(), 1500)));
}

export const words = (name) => document.body.dataset[`say${name[0].toUpperCase()}${name.slice(1)}`] ?? "";
