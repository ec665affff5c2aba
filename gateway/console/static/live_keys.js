// Keys. Characters come as text out of a hidden text area, whatever the layout; named keys and shortcuts as keys; an input
// method's composition as such. Nothing stays pressed when the focus goes.
const MAC = /Mac|iPhone|iPad/.test(navigator.platform);
const MODIFIERS = { Shift: "Shift", Control: "Control", Alt: "Alt", Meta: "Control" };
const FILLING = "\u200b\u200b"; // so that a phone's Backspace has something to delete
const NOT_KEYS = new Set(["Dead", "Process", "Unidentified", "CapsLock", "NumLock", "AltGraph", "Fn"]);

export class Keys {
  constructor({ sink, send, inControl, leave }) {
    Object.assign(this, { sink, send, inControl, leave });
    this.held = new Map();
    this.composing = false;
    this.composed = null;
    this.committed = null;
    sink.addEventListener("keydown", (event) => this.down(event));
    sink.addEventListener("keyup", (event) => this.up(event));
    sink.addEventListener("compositionstart", () => (this.composing = true));
    sink.addEventListener("compositionupdate", (event) => this.compose(event.data));
    sink.addEventListener("compositionend", (event) => this.commit(event.data));
    sink.addEventListener("beforeinput", (event) => this.before(event));
    sink.addEventListener("input", (event) => this.input(event));
    sink.addEventListener("paste", (event) => this.paste(event));
    sink.addEventListener("copy", (event) => this.copy(event));
    sink.addEventListener("cut", (event) => this.cut(event));
    sink.addEventListener("blur", () => this.letGo());
    sink.addEventListener("focus", () => this.fill());
    window.addEventListener("blur", () => this.letGo());
    this.fill();
  }

  modifiers(event) {
    return ["Shift", "Control", "Alt", "Meta"].filter((name) => event.getModifierState(name) && this.counts(name, event));
  }

  press(key, code = key) {
    if (!this.inControl()) return;
    this.send({ type: "key", t: "down", key, code });
    this.send({ type: "key", t: "up", key, code });
  }

  shortcut(key, code) {
    if (!this.inControl()) return;
    this.send({ type: "key", t: "down", key: "Control", code: "ControlLeft" });
    this.press(key, code);
    this.send({ type: "key", t: "up", key: "Control", code: "ControlLeft" });
  }

  down(event) {
    if (!this.inControl() || event.isComposing || this.composing || NOT_KEYS.has(event.key)) {
      if (event.key === "AltGraph") this.letGoOf("Control", "Alt"); // Windows says AltGr as Ctrl+Alt
      return;
    }
    if (event.key === "Escape" && event.shiftKey) {
      event.preventDefault();
      this.letGo();
      this.leave();
      return;
    }
    if (this.isText(event)) {
      if (this.isThirdLevel(event)) this.letGoOf("Control", "Alt"); // the page must not see a shortcut in it
      return; // comes as input
    }
    if (this.isClipboard(event)) {
      if (MAC) this.letGoOf("Control");
      return; // comes as paste, copy or cut
    }
    event.preventDefault();
    if (event.key in MODIFIERS) {
      if (!this.counts(event.key, event)) return;
    }
    const name = event.code || event.key;
    this.held.set(name, { key: event.key, code: event.code });
    this.send({ type: "key", t: "down", key: event.key, code: event.code });
    // A Mac tells of no other key's release while ⌘ is down.
    if (event.metaKey && event.key !== "Meta") this.release(name);
  }

  up(event) {
    const name = event.code || event.key;
    if (event.key === "Meta") for (const other of [...this.held.keys()]) this.release(other);
    if (this.held.has(name)) {
      event.preventDefault();
      this.release(name);
    }
  }

  // Characters are text; with Alt only where the layout makes characters of it.
  isText(event) {
    if ([...event.key].length !== 1) return false;
    if (this.isThirdLevel(event)) return true;
    if (event.ctrlKey || event.metaKey) return false;
    return !event.altKey || MAC;
  }

  // What AltGr makes of a key (@ € { ą); on Windows Ctrl and Alt together are AltGr, and not every browser says so.
  isThirdLevel(event) {
    return event.getModifierState("AltGraph") || (!MAC && event.ctrlKey && event.altKey && /^[^a-z0-9 ]$/iu.test(event.key));
  }

  // By the letter, or where the layout has no Latin ones by the place of the key.
  isClipboard(event) {
    if (event.key === "Insert") return event.shiftKey !== event.ctrlKey && !event.altKey;
    const letter = /^[ -~]$/.test(event.key) ? event.key.toLowerCase() : /^Key([A-Z])$/.exec(event.code)?.[1].toLowerCase();
    const shifted = event.shiftKey && letter !== "v"; // Ctrl+Shift+V pastes, too
    return (event.ctrlKey || event.metaKey) && !event.altKey && !shifted && ["v", "c", "x"].includes(letter);
  }

  // Option on a Mac and AltGr elsewhere make characters: the page must not see them held.
  counts(name, event) {
    if (name === "Alt" && MAC) return false;
    return !(event.getModifierState("AltGraph") && (name === "Control" || name === "Alt"));
  }

  release(name) {
    const key = this.held.get(name);
    if (!key) return;
    this.held.delete(name);
    this.send({ type: "key", t: "up", ...key });
  }

  letGoOf(...keys) {
    for (const [name, { key }] of [...this.held]) if (keys.includes(MODIFIERS[key] ?? key)) this.release(name);
  }

  letGo() {
    for (const name of [...this.held.keys()]) this.release(name);
    if (this.inControl()) this.send({ type: "blur" });
  }

  forget() {
    this.held.clear();
  }

  compose(text) {
    if (this.inControl() && text !== this.composed) {
      this.composed = text;
      this.send({ type: "ime", t: "update", s: text });
    }
  }

  commit(text) {
    this.composing = false;
    this.composed = null;
    if (this.inControl()) this.send(text ? { type: "ime", t: "commit", s: text } : { type: "ime", t: "update", s: "" });
    this.committed = text;
    setTimeout(() => ((this.committed = null), this.fill()));
  }

  before(event) {
    if (!this.inControl() || this.composing) return;
    const key = { deleteContentBackward: "Backspace", deleteContentForward: "Delete", insertLineBreak: "Enter" }[event.inputType];
    if (key) {
      event.preventDefault();
      this.press(key);
    }
  }

  input(event) {
    if (this.composing || event.isComposing) return;
    // Some browsers tell of a committed composition once more; what follows it at once is text like any other.
    const again = /Composition/.test(event.inputType) || event.data === this.committed;
    const text = event.inputType?.startsWith("insert") && !again ? (event.data ?? "") : "";
    if (text && this.inControl()) this.send({ type: "text", s: text });
    this.fill();
  }

  paste(event) {
    event.preventDefault();
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (text && this.inControl()) this.send({ type: "paste", s: text });
  }

  copy(event) {
    event.preventDefault();
    if (this.inControl()) this.send({ type: "copy" });
  }

  cut(event) {
    event.preventDefault();
    if (!this.inControl()) return;
    this.send({ type: "copy" });
    this.press("Delete");
  }

  fill() {
    if (this.composing) return;
    this.sink.value = FILLING;
    this.sink.setSelectionRange(FILLING.length, FILLING.length);
  }
}
