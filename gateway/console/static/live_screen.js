// The picture: frames as they come, the newest first, and where on the page a point of the picture lies.
const HEADER_BYTES = 17;
const FRAME = 1;

export class Screen {
  constructor(box, canvas) {
    this.box = box;
    this.canvas = canvas;
    this.shown = false;
    this.width = canvas.width;
    this.height = canvas.height;
    this.drawing = false;
    this.next = null;
    this.tab = null;
    this.context = canvas.getContext("2d", { alpha: false });
  }

  // Only frames of this tab are drawn: of the one before, some may still be on their way.
  expect(tab) {
    this.tab = tab;
  }

  clear() {
    this.shown = false;
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  show(buffer) {
    this.next = buffer;
    if (!this.drawing) this.draw();
  }

  async draw() {
    this.drawing = true;
    while (this.next) {
      const buffer = this.next;
      this.next = null;
      const head = new DataView(buffer, 0, HEADER_BYTES);
      if (head.getUint8(0) !== FRAME || (this.tab !== null && head.getUint32(1) !== this.tab)) continue;
      try {
        const picture = await createImageBitmap(new Blob([new Uint8Array(buffer, HEADER_BYTES)], { type: "image/jpeg" }));
        this.width = head.getUint16(5);
        this.height = head.getUint16(7);
        if (this.canvas.width !== picture.width || this.canvas.height !== picture.height) {
          this.canvas.width = picture.width;
          this.canvas.height = picture.height;
          this.box.style.setProperty("--ratio", this.width / this.height);
        }
        this.context.drawImage(picture, 0, 0);
        picture.close();
        if (!this.shown) {
          this.shown = true;
          this.box.querySelector("[data-empty]").hidden = true;
        }
      } catch {
        // a picture that cannot be read is left out; the next one comes
      }
    }
    this.drawing = false;
  }

  // How large a page may be to be seen here as large as it is: what is as wide as the box, and not higher than the window.
  room() {
    const { clientWidth } = this.box;
    return { w: Math.max(clientWidth, 280), h: Math.max(Math.min(Math.round(innerHeight * 0.6), clientWidth * 2), 280) };
  }

  // From a pointer event to the page's own CSS pixels.
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const within = (value, size) => Math.min(Math.max(value, 0), size - 1);
    return {
      x: within(((event.clientX - box.left) / box.width) * this.width, this.width),
      y: within(((event.clientY - box.top) / box.height) * this.height, this.height),
    };
  }

  // From the page's pixels to those of the box that the picture lies in.
  scale() {
    const box = this.canvas.getBoundingClientRect();
    const around = this.box.getBoundingClientRect();
    return {
      x: box.width / this.width,
      y: box.height / this.height,
      left: box.left - around.left + this.box.scrollLeft,
      top: box.top - around.top + this.box.scrollTop,
      width: around.width,
      height: around.height,
    };
  }
}
