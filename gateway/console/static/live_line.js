// The line to the gateway: opened again by itself for as long as somebody is let in, and known to be broken when it only seems open.
const PROTOCOL = "gw.live.v1";
const NOT_WELCOME = 4401;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 4000;
const PING_EVERY_MS = 5000;
const ANSWER_WITHIN_MS = 15000;

export class Line {
  // opened, heard(message), lost({ refused }) are set by whoever uses it.
  constructor(address) {
    this.url = new URL(address, location.href);
    this.url.protocol = this.url.protocol.replace("http", "ws");
    this.socket = null;
    this.pause = FIRST_PAUSE_MS;
    this.unanswered = null; // since when
    setInterval(() => this.listen(), PING_EVERY_MS);
    addEventListener("online", () => this.again());
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  open() {
    clearTimeout(this.timer);
    this.timer = null;
    const socket = new WebSocket(this.url, PROTOCOL);
    this.socket = socket;
    this.unanswered = null;
    let opened = false;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      opened = true;
      this.pause = FIRST_PAUSE_MS;
      this.opened();
    });
    socket.addEventListener("message", (event) => {
      this.unanswered = null;
      if (this.socket === socket) this.heard(event.data);
    });
    socket.addEventListener("close", (event) => this.socket === socket && this.closed(event, opened));
  }

  async closed(event, opened) {
    this.socket = null;
    this.lost({ refused: event.code === NOT_WELCOME });
    if (event.code === NOT_WELCOME) return;
    if (!opened && (await this.refused())) {
      this.lost({ refused: true });
      return;
    }
    this.timer = setTimeout(() => this.open(), this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
  }

  // A computer that was asleep, or a network that went: nobody closes such a line, and its last picture would pass for live.
  listen() {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    if (this.unanswered === null) {
      this.unanswered = performance.now();
      this.send({ type: "ping" });
    } else if (performance.now() - this.unanswered > ANSWER_WITHIN_MS) {
      const silent = this.socket;
      this.closed({ code: 1006 }, true);
      silent.close();
    }
  }

  // The network is back: do not wait for the next try.
  again() {
    if (this.timer) this.open();
  }

  // A WebSocket that was not accepted does not say why: this page, asked for again, does.
  async refused() {
    try {
      const answer = await fetch(location.pathname, { redirect: "manual", headers: { accept: "text/html" } });
      const why = /id="absence" data-why="(\w+)"/.exec(await answer.text())?.[1];
      if (why && why !== "soon") location.reload(); // there is nothing to be seen here, and the page says why
      return answer.type === "opaqueredirect" || [401, 403].includes(answer.status);
    } catch {
      return false; // nobody answers at all
    }
  }
}
