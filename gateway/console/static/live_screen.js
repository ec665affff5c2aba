// The picture: frames as they come, the newest first, and where on the page a point of the picture lies.
const HEADER_BYTES = 17;
const FRAME = 1;

export class Screen {
  constructor(box, canvas) {
    this.box = box;
    this.canvas = canvas;
    this.shown = false; // whether there is a picture, and
    this.fresh = false; // whether it came over the line that is open now
    this.drawn = () => {}; // called with the first one
    this.lines = 0;
    this.width = canvas.width;
    this.height = canvas.height;
    this.drawing = false;
    this.next = null;
    this.tab = null;
    this.context = canvas.getContext("2d", { alpha: false });
  }

  // Only frames of this tab are drawn: of the one before, some may still be on their way.
  expect(tab) {
    if (tab !== this.tab) this.age();
    this.tab = tab;
  }

  // Another line, or another browser: what is to be seen is an old picture until the next one comes.
  age() {
    this.fresh = false;
    this.next = null;
    this.lines += 1;
  }

  clear() {
    this.age();
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
      const wanted = () => this.tab === null || head.getUint32(1) === this.tab;
      if (head.getUint8(0) !== FRAME || !wanted()) continue;
      const { lines } = this;
      try {
        const picture = await createImageBitmap(new Blob([new Uint8Array(buffer, HEADER_BYTES)], { type: "image/jpeg" }));
        if (!wanted() || lines !== this.lines) continue; // meanwhile something else is to be seen
        this.width = head.getUint16(5);
        this.height = head.getUint16(7);
        if (this.canvas.width !== picture.width || this.canvas.height !== picture.height) {
          this.canvas.width = picture.width;
          this.canvas.height = picture.height;
          this.box.style.setProperty("--ratio", this.width / this.height);
        }
        this.context.drawImage(picture, 0, 0);
        picture.close();
        if (!this.fresh) {
          this.shown = this.fresh = true;
          this.drawn();
        }
      } catch {
        // a picture that cannot be read is left out; the next one comes
      }
    }
    this.drawing = false;
  }

  // How large a page may be to be seen here whole and as large as it is.
  room() {
    const { clientWidth, clientHeight } = this.box;
    return { w: Math.max(clientWidth, 280), h: Math.max(Math.min(clientHeight, clientWidth * 2), 280) };
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
