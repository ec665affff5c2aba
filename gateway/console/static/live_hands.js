// The operator's hands: pointer, wheel, touch and keys on the picture become gestures on the page.
import { Keys } from "./live_keys.js";

const MOVE_GAP_MS = 33;
const WHEEL_GAP_MS = 33;
const TAP_PX = 10;
const LONG_PRESS_MS = 500;
const BUTTONS = ["left", "middle", "right"];
const LINE_PX = 20;

export class Hands {
  constructor({ screen, sink, send, inControl, leave }) {
    this.screen = screen;
    this.sink = sink;
    this.send = send;
    this.inControl = inControl;
    this.keys = new Keys({ sink, send, inControl, leave });
    this.last = null; // a move that was not sent yet
    this.sentAt = 0;
    this.turn = null;
    this.touch = null;
    const canvas = screen.canvas;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", (event) => this.cancel(event));
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("contextmenu", (event) => this.inControl() && event.preventDefault());
    canvas.addEventListener("dragstart", (event) => event.preventDefault());
  }

  // Control came or went.
  changed() {
    const mine = this.inControl();
    this.sink.disabled = !mine;
    if (!mine) {
      this.screen.canvas.style.cursor = "";
      this.touch = null;
      this.keys.forget();
    }
  }

  // quietly: do not bring up a phone's keyboard.
  focus({ quietly = false } = {}) {
    if (this.inControl() && !(quietly && matchMedia("(pointer: coarse)").matches)) this.sink.focus({ preventScroll: true });
  }

  spot({ cursor, editable, pressed }) {
    // Of a list the last is a plain word; a picture of the page's own is not fetched.
    const shape = cursor.split(",").at(-1).trim();
    this.screen.canvas.style.cursor = shape === "auto" ? "default" : shape;
    if (pressed && editable && this.touched) this.focus();
  }

  press(key) {
    this.keys.press(key);
  }

  shortcut(key, code) {
    this.keys.shortcut(key, code);
  }

  down(event) {
    if (!this.inControl()) return;
    event.preventDefault();
    this.touched = event.pointerType === "touch";
    if (this.touched) {
      this.touchDown(event);
      return;
    }
    this.focus();
    this.followWith(event);
    if (event.button >= BUTTONS.length) return;
    this.screen.canvas.setPointerCapture(event.pointerId);
    this.flush();
    this.mouse("down", event);
  }

  move(event) {
    if (!this.inControl()) return;
    if (event.pointerType === "touch") {
      this.touchMove(event);
      return;
    }
    this.later(event);
  }

  up(event) {
    if (!this.inControl()) return;
    if (event.pointerType === "touch") {
      this.touchUp(event);
      return;
    }
    if (event.button >= BUTTONS.length) return;
    this.flush();
    this.mouse("up", event);
  }

  cancel(event) {
    if (event.pointerType === "touch") {
      clearTimeout(this.touch?.timer);
      if (this.touch?.dragging) this.mouse("up", event);
      this.touch = null;
    } else if (this.inControl()) {
      this.mouse("up", event);
    }
  }

  wheel(event) {
    if (!this.inControl() || event.ctrlKey) return;
    event.preventDefault();
    const unit = event.deltaMode === 1 ? LINE_PX : event.deltaMode === 2 ? this.screen.height : 1;
    this.scroll(event, event.deltaX * unit, event.deltaY * unit);
  }

  scroll(event, dx, dy) {
    const place = this.screen.place(event);
    if (this.turn) {
      this.turn.dx += dx;
      this.turn.dy += dy;
      return;
    }
    this.turn = { type: "wheel", ...place, dx, dy };
    setTimeout(() => {
      this.send(this.turn);
      this.turn = null;
    }, WHEEL_GAP_MS);
  }

  // One finger: a tap clicks, a stroke scrolls what of a large picture is seen and then the page, a long press drags.
  // A tap with two is one of the right button.
  touchDown(event) {
    if (!event.isPrimary) {
      clearTimeout(this.touch?.timer);
      if (this.touch) this.touch.two = true;
      return;
    }
    this.screen.canvas.setPointerCapture(event.pointerId);
    this.followWith(event);
    this.touch = { x: event.clientX, y: event.clientY, moved: false, dragging: false };
    this.touch.timer = setTimeout(() => {
      if (!this.touch || this.touch.moved) return;
      this.touch.dragging = true;
      navigator.vibrate?.(10);
      this.mouse("down", event);
    }, LONG_PRESS_MS);
  }

  touchMove(event) {
    const touch = this.touch;
    if (!touch || !event.isPrimary) return;
    const dx = event.clientX - touch.x;
    const dy = event.clientY - touch.y;
    if (touch.dragging) {
      this.later(event);
      return;
    }
    if (!touch.moved && Math.hypot(dx, dy) < TAP_PX) return;
    touch.moved = true;
    clearTimeout(touch.timer);
    const { box } = this.screen;
    const { scrollLeft, scrollTop } = box;
    if (box.classList.contains("zoomed")) box.scrollBy(-dx, -dy);
    const restX = -dx - (box.scrollLeft - scrollLeft);
    const restY = -dy - (box.scrollTop - scrollTop);
    const scale = this.screen.scale();
    if (Math.hypot(restX, restY) >= 1) this.scroll(event, restX / scale.x, restY / scale.y);
    touch.x = event.clientX;
    touch.y = event.clientY;
  }

  touchUp(event) {
    const touch = this.touch;
    if (!touch || !event.isPrimary) return;
    clearTimeout(touch.timer);
    this.touch = null;
    if (touch.dragging) {
      this.flush();
      this.mouse("up", event);
    } else if (!touch.moved) {
      const b = touch.two ? "right" : "left";
      for (const t of ["down", "up"]) this.send({ ...this.message(t, event), b });
    }
  }

  // Moves are sent thirty times a second, and the last one always before anything else happens.
  later(event) {
    const wait = this.sentAt + MOVE_GAP_MS - performance.now();
    const pending = this.last !== null;
    this.last = this.message("move", event);
    if (wait <= 0) this.flush();
    else if (!pending) setTimeout(() => this.flush(), wait);
  }

  flush() {
    if (this.last === null) return;
    this.send(this.last);
    this.last = null;
    this.sentAt = performance.now();
  }

  mouse(t, event) {
    this.send(this.message(t, event));
  }

  message(t, event) {
    const message = { type: "mouse", t, ...this.screen.place(event), mods: this.keys.modifiers(event) };
    if (t !== "move") {
      message.b = BUTTONS[Math.max(0, event.button)] ?? "left";
      message.clicks = this.clicks(t, event);
    }
    return message;
  }

  // Pointer events do not count clicks; two that are close in time and place are a double one.
  clicks(t, event) {
    const now = performance.now();
    const before = this.clicked;
    if (t === "up") return before?.count ?? 1;
    const again = before && now - before.at < 450 && Math.hypot(event.clientX - before.x, event.clientY - before.y) < 6;
    this.clicked = { at: now, x: event.clientX, y: event.clientY, count: again ? Math.min(before.count + 1, 3) : 1 };
    return this.clicked.count;
  }

  followWith(event) {
    const box = this.screen.box.getBoundingClientRect();
    const { scrollLeft, scrollTop } = this.screen.box;
    this.sink.style.left = `${scrollLeft + Math.min(Math.max(event.clientX - box.left, 0), box.width - 8)}px`;
    this.sink.style.top = `${scrollTop + Math.min(Math.max(event.clientY - box.top, 0), box.height - 24)}px`;
  }
}
