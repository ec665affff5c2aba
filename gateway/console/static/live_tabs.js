// The browser's tabs and the address of the one in front, with its whole origin: one must see where one types a password.
export class TabStrip {
  constructor({ root, send, words, inControl }) {
    this.strip = root.querySelector("[data-tabs-of-browser]");
    this.address = root.querySelector("[data-address] input");
    this.origin = root.querySelector("[data-origin]");
    this.cross = root.querySelector("[data-cross]");
    this.send = send;
    this.words = words;
    this.inControl = inControl;
    this.strip.addEventListener("click", (event) => this.pressed(event));
    this.strip.addEventListener("keydown", (event) => this.moved(event));
  }

  show({ tabs, active }) {
    const focused = this.strip.contains(document.activeElement) ? document.activeElement.dataset.tab : null;
    this.strip.replaceChildren(...tabs.map((tab, place) => this.tab(tab, tab.id === active, place > 0)));
    if (focused) this.strip.querySelector(`[role=tab][data-tab="${focused}"]`)?.focus();
    const front = tabs.find((tab) => tab.id === active);
    let url = null;
    try {
      url = front ? new URL(front.url) : null;
    } catch {
      url = null;
    }
    const web = url !== null && /^https?:$/.test(url.protocol);
    this.origin.querySelector(".live-lock").hidden = url?.protocol !== "https:";
    this.origin.querySelector(".live-open").hidden = url?.protocol !== "http:";
    this.origin.querySelector("bdi").textContent = web ? url.host : "";
    if (document.activeElement !== this.address) this.address.value = front && front.url !== "about:blank" ? front.url : "";
  }

  tab({ id, title, url }, active, closable) {
    const item = document.createElement("span");
    item.className = "live-tab";
    item.role = "presentation";
    const name = document.createElement("button");
    Object.assign(name, { type: "button", role: "tab", textContent: title || hostOf(url) || this.words("untitled") });
    name.dataset.tab = id;
    name.title = title || url;
    name.setAttribute("aria-selected", String(active));
    name.tabIndex = active ? 0 : -1;
    item.append(name);
    if (closable) {
      const close = document.createElement("button");
      close.type = "button";
      close.dataset.close = id;
      close.setAttribute("aria-label", `${this.words("close_tab")}: ${name.textContent}`);
      close.append(this.cross.content.cloneNode(true));
      item.append(close);
    }
    return item;
  }

  pressed(event) {
    const { tab, close } = event.target.closest("button")?.dataset ?? {};
    if (close) this.send({ type: "tab", t: "close", id: Number(close) });
    else if (tab) this.send({ type: "tab", t: "select", id: Number(tab) });
  }

  moved(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const all = [...this.strip.querySelectorAll("[role=tab]")];
    const here = all.indexOf(event.target);
    if (!step || here < 0) return;
    event.preventDefault();
    const next = all[(here + step + all.length) % all.length];
    next.focus();
    next.click();
  }
}

function hostOf(url) {
  try {
    return new URL(url).host;
  } catch {
    return "";
  }
}
