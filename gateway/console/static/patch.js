// Makes an element like a newer version of itself, changing only what differs. Left alone: what has the focus, what was
// typed, open dialogs and details, playing films, and whatever is marked data-keep. What is under the pointer stays there.
let pointer = null;
document.addEventListener("pointermove", (event) => (pointer = [event.clientX, event.clientY]), { passive: true });
document.addEventListener("pointerleave", () => (pointer = null));

export function patch(old, fresh) {
  const under = pointer && document.elementFromPoint(...pointer);
  const anchor = under && old.contains(under) ? (under.closest("[data-key]") ?? under) : null;
  const before = anchor?.getBoundingClientRect().top;
  same(old, fresh);
  if (anchor?.isConnected) {
    const moved = anchor.getBoundingClientRect().top - before;
    if (moved) window.scrollBy({ top: moved, behavior: "instant" });
  }
  old.dispatchEvent(new CustomEvent("console:patched", { bubbles: true }));
}

function same(old, fresh) {
  if (keep(old)) return;
  attributes(old, fresh);
  if (old instanceof HTMLTextAreaElement || old instanceof HTMLSelectElement) return;
  children(old, fresh);
}

function keep(element) {
  return (
    element.hasAttribute("data-keep") ||
    (element instanceof HTMLDialogElement && element.open) ||
    (element instanceof HTMLMediaElement && !element.paused) ||
    (element.matches("input, textarea, select") && element === document.activeElement)
  );
}

// Attributes that say what a person did; they are the page's, not the gateway's.
const THEIRS = new Set(["open", "value", "checked", "selected", "aria-selected", "tabindex"]);

function attributes(old, fresh) {
  const theirs = old.matches("details, input, textarea, select, option, [role=tab], [role=tabpanel]");
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(theirs && (THEIRS.has(name) || name === "hidden"))) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (theirs && (THEIRS.has(name) || name === "hidden")) continue;
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset?.key || node.id || "" : "");

function alike(old, fresh) {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);
}

function children(old, fresh) {
  const keyed = new Map([...old.childNodes].filter(keyOf).map((node) => [keyOf(node), node]));
  let here = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const key = keyOf(wanted);
    let found = key ? keyed.get(key) : null;
    if (found && found.nodeName !== wanted.nodeName) found = null;
    if (!found && !key) {
      // Nodes without a key match those in their place; keyed ones that are still wanted are not used up.
      let place = here;
      while (place && keyOf(place)) place = place.nextSibling;
      if (place && alike(place, wanted)) found = place;
    }
    if (!found) {
      old.insertBefore(document.importNode(wanted, true), here);
      continue;
    }
    if (found === here) here = here.nextSibling;
    else old.insertBefore(found, here);
    if (found.nodeType === Node.ELEMENT_NODE) same(found, wanted);
    else if (found.nodeValue !== wanted.nodeValue) found.nodeValue = wanted.nodeValue;
  }
  while (here) {
    const next = here.nextSibling;
    if (!inUse(here)) here.remove();
    here = next;
  }
}

// An open dialog, or a film that plays because the pointer rests on its picture.
const inUse = (node) =>
  node.nodeType === Node.ELEMENT_NODE &&
  (node.matches("dialog[open]") || !!node.querySelector("dialog[open]") || (node instanceof HTMLMediaElement && !node.paused));
