// What the page asks in windows of the browser, which are in no picture: drop-downs, dates, dialogs, file choosers.
export class Overlays {
  constructor({ root, screen, send, words, say, focus, inControl }) {
    Object.assign(this, { root, screen, send, words, say, focus, inControl });
    this.over = root.querySelector("[data-over]");
    this.asked = document.getElementById("asked");
    this.chooser = document.getElementById("files");
    this.login = document.getElementById("login");
    this.open = { dialog: new Map(), filechooser: new Map(), login: new Map() }; // what pages ask, also while somebody else is to answer
    this.question = null;
    this.choosing = null;
    this.entering = null;
    this.login?.addEventListener("close", () => this.entered());
    this.asked?.addEventListener("close", () => this.answered());
    this.chooser?.addEventListener("close", () => this.chosen());
    this.over.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.done(null);
    });
    this.over.addEventListener("focusout", (event) => {
      if (this.field_open && !this.over.contains(event.relatedTarget)) setTimeout(() => this.lostFocus());
    });
  }

  // A page asks, or asks no more.
  ask(told) {
    const open = this.open[told.type];
    if (told.open) open.set(told.id, told);
    else open.delete(told.id);
    this.show();
  }

  // The browser, or the line to it, is another one: it tells again what is asked.
  forget() {
    for (const open of Object.values(this.open)) open.clear();
    this.show();
  }

  // Shows the oldest question of each kind to whoever is in control, and to nobody else.
  show() {
    if (!this.asked) return;
    const mine = this.inControl();
    if (!mine) this.done(null, { silently: true });
    const oldest = (open) => (mine && open.values().next().value) || null;
    const dialog = oldest(this.open.dialog);
    const chooser = oldest(this.open.filechooser);
    if (this.question && this.question !== dialog) this.hide("question", this.asked);
    if (this.choosing && this.choosing !== chooser) this.hide("choosing", this.chooser);
    const login = oldest(this.open.login);
    if (this.entering && this.entering !== login) this.hide("entering", this.login);
    if (login && !this.entering) this.enter(login);
    if (dialog && !this.question) this.dialog(dialog);
    if (chooser && !this.choosing) this.files(chooser);
  }

  hide(what, dialog) {
    this[what] = null;
    if (dialog.open) dialog.close();
  }

  // A drop-down or a picker of the page, as one of the operator's own browser.
  field(told) {
    this.done(null, { silently: true });
    const label = document.createElement("label");
    label.htmlFor = "live-field";
    label.textContent = told.name || this.words("choose");
    const control = told.kind === "select" ? this.list(told) : this.picker(told);
    control.id = "live-field";
    const row = document.createElement("div");
    row.className = "row";
    const button = (text, act, kind = "") => {
      const one = document.createElement("button");
      one.type = "button";
      one.className = `button ${kind}`;
      one.textContent = text;
      one.addEventListener("click", act);
      row.append(one);
    };
    if (told.kind !== "select") button(this.words("set"), () => this.done(control.value), "primary");
    button(this.words("cancel"), () => this.done(null));
    this.over.replaceChildren(label, control, row);
    this.over.hidden = false;
    this.place(told.box);
    this.field_open = true;
    control.focus({ preventScroll: true });
    if (told.kind !== "select") {
      try {
        control.showPicker?.();
      } catch {
        // only allowed right after a press; the field itself will do
      }
    }
  }

  list({ options, selected }) {
    const list = document.createElement("select");
    list.size = Math.min(Math.max(options.length, 2), 8);
    let group = null;
    for (const option of options) {
      const item = new Option(option.label || "\u00a0", option.index, false, option.index === selected);
      item.disabled = option.disabled;
      if (option.group && group?.label !== option.group) {
        group = document.createElement("optgroup");
        group.label = option.group;
        list.append(group);
      }
      (option.group ? group : list).append(item);
    }
    const take = () => list.value !== "" && this.done(Number(list.value));
    list.addEventListener("click", (event) => event.target.closest("option") && take());
    enters(list, take);
    if (matchMedia("(pointer: coarse)").matches) {
      list.size = 1;
      list.addEventListener("change", take);
    }
    return list;
  }

  picker({ kind, value, min, max, step }) {
    const input = document.createElement("input");
    input.type = kind;
    input.value = value;
    for (const [name, said] of Object.entries({ min, max, step })) if (said) input[name] = said;
    enters(input, () => this.done(input.value));
    return input;
  }

  place({ x, y, width, height }) {
    const scale = this.screen.scale();
    this.over.style.minWidth = `${Math.min(Math.max(width * scale.x, 160), scale.width)}px`;
    // Within what is seen of the picture, which may be scrolled.
    const { scrollLeft, scrollTop } = this.screen.box;
    const rightmost = Math.max(scrollLeft + scale.width - this.over.offsetWidth, 0);
    const left = Math.min(Math.max(scale.left + x * scale.x, scrollLeft), rightmost);
    const below = scale.top + (y + height) * scale.y;
    const above = scale.top + y * scale.y - this.over.offsetHeight;
    this.over.style.left = `${left}px`;
    const fits = below + this.over.offsetHeight <= scrollTop + scale.height;
    this.over.style.top = `${fits ? below : Math.max(above, scrollTop)}px`;
  }

  lostFocus() {
    if (this.field_open && document.hasFocus() && !this.over.contains(document.activeElement)) this.done(null);
  }

  done(answer, { silently = false } = {}) {
    if (!this.field_open) return;
    this.field_open = false;
    this.over.hidden = true;
    this.over.replaceChildren();
    this.send({ type: "select", answer });
    if (!silently) this.focus();
  }

  dialog(told) {
    this.question = told;
    const unload = told.kind === "beforeunload";
    this.asked.querySelector("[data-message]").textContent = unload ? this.words("leave_page") : told.message;
    this.asked.querySelector("[data-answer]").hidden = told.kind !== "prompt";
    this.asked.querySelector("[data-cancel]").hidden = told.kind === "alert";
    this.asked.querySelector("input").value = told.value ?? "";
    this.asked.returnValue = "";
    if (!this.asked.open) this.asked.showModal();
    this.asked.querySelector(told.kind === "prompt" ? "input" : "[value=ok]").focus();
  }

  answered() {
    const told = this.question;
    if (!told || this.asked.open) return; // open again: it asks something else by now
    this.open.dialog.delete(told.id);
    this.question = null;
    const ok = this.asked.returnValue === "ok" || told.kind === "alert";
    this.send({ type: "dialog", id: told.id, ok, text: told.kind === "prompt" ? this.asked.querySelector("input").value : "" });
    this.focus();
    this.show();
  }

  // A server asks who is there before it shows its page.
  enter(told) {
    this.entering = told;
    this.login.querySelector("[data-message]").textContent = this.words(told.realm ? "login_realm" : "login_plain", told);
    this.login.querySelector("[data-again]").hidden = !told.again;
    this.login.querySelector("form").reset();
    this.login.returnValue = "";
    if (!this.login.open) this.login.showModal();
    this.login.querySelector("input").focus();
  }

  entered() {
    const told = this.entering;
    if (!told || this.login.open) return;
    this.open.login.delete(told.id);
    this.entering = null;
    const [user, password] = [...this.login.querySelectorAll("input")].map((input) => input.value);
    this.login.querySelector("form").reset();
    this.send({ type: "login", id: told.id, ok: this.login.returnValue === "ok", user, password });
    this.focus();
    this.show();
  }

  files(told) {
    this.choosing = told;
    const input = this.chooser.querySelector("input");
    input.value = "";
    input.multiple = told.multiple;
    this.chooser.returnValue = "";
    if (!this.chooser.open) this.chooser.showModal();
  }

  async chosen() {
    const told = this.choosing;
    if (!told || this.chooser.open) return;
    this.open.filechooser.delete(told.id);
    this.choosing = null;
    const files = this.chooser.returnValue === "ok" ? [...this.chooser.querySelector("input").files].slice(0, 8) : [];
    const uploads = [];
    for (const file of files) {
      if (file.size > Number(this.root.dataset.limit)) {
        this.say(this.words("too_large"), { bad: true });
        continue;
      }
      try {
        const answer = await fetch(`${this.root.dataset.files}?name=${encodeURIComponent(file.name)}`, {
          method: "POST",
          headers: { "content-type": file.type || "application/octet-stream", "x-console": "1" },
          body: file,
        });
        if (!answer.ok) throw new Error(String(answer.status));
        uploads.push((await answer.json()).id);
      } catch {
        this.say(this.words("upload_failed"), { bad: true });
      }
    }
    this.send({ type: "files", id: told.id, uploads });
    this.focus();
    this.show();
  }

  async copied(text) {
    if (!text) {
      this.say(this.words("nothing_selected"));
      return;
    }
    try {
      await navigator.clipboard.writeText(text);
      this.say(document.body.dataset.sayCopied);
    } catch {
      const dialog = document.getElementById("copied");
      const area = dialog.querySelector("textarea");
      area.value = text;
      dialog.showModal();
      area.select();
    }
  }
}

// Enter answers; it goes no further, to where the focus is by then.
function enters(control, act) {
  control.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    act();
  });
}
