// Runs in our isolated world of every document of the page, at its start. The site's scripts cannot see this world or
// change its builtins; requests made here carry the same cookies and use the same network stack as the site's own.
//
// Towards the gateway: functions of the global `transport`, called by Runtime.evaluate, and one binding (named by
// `token`) that takes batches of messages [exchange id, kind, ...]. A batch leaves on the next macrotask, so that all
// that arrives in one turn of the event loop is one call. Towards the site's world: see main_world.js.
function install({ token, creditBytes, batchChars, sliceChars }) {
  if (window !== window.top) return;
  const exchanges = new Map();   // id → Exchange under way
  const rests = new Map();       // id → text of an answer not fetched by the gateway yet
  const inputs = new Map();      // id → detached <input type=file>
  const sockets = new Map();     // id → WebSocket
  const expected = new Map();    // id → what the main world owes us: { resolve, reject }
  let wire = null;               // the node shared with the main world

  // ---------------------------------------------------------------------------------------------- messages out
  const outbox = [];
  const { port1, port2 } = new MessageChannel();
  let waiting = false;
  port1.onmessage = () => {
    waiting = false;
    let chars = 0;
    let count = 0;
    while (count < outbox.length && chars < batchChars) chars += outbox[count++][2]?.length ?? 0;
    globalThis[token](JSON.stringify(outbox.splice(0, count)));
    if (outbox.length) schedule();
  };
  function schedule() {
    if (waiting) return;
    waiting = true;
    port2.postMessage(0);
  }
  function say(...message) {
    outbox.push(message);
    schedule();
  }

  // ---------------------------------------------------------------------------------------------- the main world
  document.addEventListener(token, (event) => {
    wire = event.relatedTarget;
    const settle = (id, act) => {
      const owed = expected.get(id);
      expected.delete(id);
      if (owed) act(owed);
    };
    wire.addEventListener('head', ({ detail }) => {
      const head = JSON.parse(detail);
      settle(head[0], ({ resolve }) => resolve(head));
    });
    wire.addEventListener('piece', (event) => {
      const [id, value] = event.detail;
      settle(id, ({ resolve }) => resolve({ done: value === null, value }));
    });
    wire.addEventListener('fail', (event) => {
      const [id, message] = event.detail;
      settle(id, ({ reject }) => reject(new TypeError(message)));
    });
  }, { once: true });

  function tellMain(type, detail) {
    wire.dispatchEvent(new CustomEvent(type, { detail }));
  }
  function owedByMain(id, act) {
    return new Promise((resolve, reject) => {
      expected.set(id, { resolve, reject });
      act();
    });
  }

  // ---------------------------------------------------------------------------------------------- one exchange
  class Exchange {
    constructor(request) {
      this.request = request;
      this.id = request.id;
      this.ended = '';             // why we ended it ourselves: 'timeout', 'too_large', 'abort'
      this.unread = 0;             // bytes told to the gateway and not read there yet
      this.wake = null;
      this.controller = new AbortController();
      exchanges.set(this.id, this);
    }

    async send() {
      const { request } = this;
      request.credentials = sameSite(request.url) ? 'include' : 'same-origin';
      const input = inputs.get(request.input);
      if (request.form) relabel(input, [input.files[0]], request.fileName, request.mediaType);
      if (request.base64) await wrapBase64(input, request);
      if (this.ended) throw new TypeError(this.ended);
      return request.main ? this.sendInMain(input) : this.sendHere(input);
    }

    async sendHere(input) {
      const { request } = this;
      const init = {
        method: request.method, headers: request.headers, credentials: request.credentials,
        signal: this.controller.signal,
      };
      if (request.probe) init.cache = 'no-store';
      if (request.form) {
        init.body = new FormData();
        for (const [name, value] of request.form) init.body.append(name, value);
        init.body.append(request.field, input.files[0], request.fileName);
      } else if (request.file) {
        init.body = input.files[0];
      } else if (request.body !== undefined) {
        init.body = request.body;
      }
      const response = request.probe ? await fetchOrRedirect(request.url, init) : await fetch(request.url, init);
      const reader = response.body ? response.body.getReader() : null;
      this.read = () => (reader ? reader.read() : { done: true });
      return { status: response.status, headers: Object.fromEntries(response.headers), url: response.url };
    }

    async sendInMain(input) {
      if (!wire) throw new TypeError('the main world of this document is not reachable');
      const { id, request } = this;
      const [, status, headers, url] = await owedByMain(id, () => {
        if (input) wire.dispatchEvent(new MouseEvent('file', { relatedTarget: input }));
        tellMain('ask', JSON.stringify(request));
      });
      this.read = () => owedByMain(id, () => tellMain('pull', id));
      return { status, headers: Object.fromEntries(headers), url };
    }

    end(why) {
      if (this.ended) return;
      this.ended = why;
      exchanges.delete(this.id);
      this.controller.abort();
      if (wire) tellMain('drop', this.id);
      const owed = expected.get(this.id);
      expected.delete(this.id);
      owed?.reject(new TypeError(why));
      this.wake?.();
    }

    close() {
      exchanges.delete(this.id);
      inputs.delete(this.request.input);
    }
  }

  // A redirect to another origin fails like a lost connection; asked not to follow it, the browser admits it (status 0).
  async function fetchOrRedirect(url, init) {
    try {
      return await fetch(url, init);
    } catch (error) {
      if (init.signal.aborted) throw error;
      const response = await fetch(url, { ...init, redirect: 'manual' });
      if (response.type !== 'opaqueredirect') throw error;
      return response;
    }
  }

  function sameSite(url) {
    const there = new URL(url, location.href).hostname;
    const here = location.hostname;
    return there === here || there.endsWith(`.${here}`) || here.endsWith(`.${there}`);
  }

  // Puts a file of these parts into the input; the bytes stay where they are.
  function relabel(input, parts, name, type) {
    const carrier = new DataTransfer();
    carrier.items.add(new File(parts, name, { type }));
    input.files = carrier.files;
  }

  async function wrapBase64(input, request) {
    // The body stays a Blob: as a string it would be copied through the browser's inspector, six times slower.
    const [before, after] = request.base64;
    relabel(input, [before, ...(await base64(input.files[0])), after], 'body.json', 'application/json');
  }

  async function base64(file) {
    if (Uint8Array.prototype.toBase64) return [new Uint8Array(await file.arrayBuffer()).toBase64()];
    const parts = [];
    const step = 3 * 1024 * 1024;   // a multiple of three: the parts join without padding
    for (let at = 0; at < file.size; at += step) {
      const reader = new FileReader();
      const loaded = new Promise((resolve, reject) => { reader.onload = resolve; reader.onerror = () => reject(reader.error); });
      reader.readAsDataURL(file.slice(at, at + step));
      await loaded;
      parts.push(reader.result.slice(reader.result.indexOf(',') + 1));
    }
    return parts;
  }

  // ---------------------------------------------------------------------------------------------- calls
  async function readText(exchange, limit) {
    const decoder = new TextDecoder();
    let bytes = 0;
    let text = '';
    for (;;) {
      const { done, value } = await exchange.read();
      if (done) return text + decoder.decode();
      bytes += value.byteLength;
      if (bytes > limit) {
        exchange.end('too_large');
        throw new TypeError('too_large');
      }
      text += decoder.decode(value, { stream: true });
    }
  }

  // → JSON: ['ok', status, headers, url, text, length of the whole text] or ['fail', kind, message]
  async function perform(request) {
    const exchange = new Exchange(request);
    const timer = setTimeout(() => exchange.end('timeout'), request.timeoutMs);
    try {
      const { status, headers, url } = await exchange.send();
      let text = '';
      if (request.probe && status < 400) exchange.end('abort');   // its headers were all that is wanted
      else text = await readText(exchange, request.limit);
      if (text.length > sliceChars) rests.set(exchange.id, text);
      return JSON.stringify(['ok', status, headers, url, slice(text, 0), text.length]);
    } catch (error) {
      return JSON.stringify(['fail', exchange.ended || 'network', String(error?.message ?? error)]);
    } finally {
      clearTimeout(timer);
      exchange.close();
    }
  }

  function more(id, from) {
    const text = rests.get(id) ?? '';
    const part = slice(text, from);
    if (from + part.length >= text.length) rests.delete(id);
    return part;
  }

  // Never cuts a character beyond the first plane in two: half of one does not survive the way out.
  function slice(text, from) {
    const end = from + sliceChars;
    const inside = end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800;
    return text.slice(from, inside ? end - 1 : end);
  }

  // Messages: [id, 'head', '', status, headers, url], [id, 'text', text, bytes], [id, 'end', text], [id, 'fail', message, kind]
  async function stream(exchange) {
    const decoder = new TextDecoder();
    try {
      const { status, headers, url } = await exchange.send();
      say(exchange.id, 'head', '', status, headers, url);
      for (;;) {
        if (exchange.unread >= creditBytes) await new Promise((resolve) => { exchange.wake = resolve; });
        if (exchange.ended) return;
        const { done, value } = await exchange.read();
        if (done) break;
        exchange.unread += value.byteLength;
        say(exchange.id, 'text', decoder.decode(value, { stream: true }), value.byteLength);
      }
      say(exchange.id, 'end', decoder.decode());
    } catch (error) {
      if (!exchange.ended) say(exchange.id, 'fail', String(error?.message ?? error), 'network');
    } finally {
      exchange.close();
    }
  }

  function ack(id, bytes) {
    const exchange = exchanges.get(id);
    if (!exchange) return;
    exchange.unread -= bytes;
    if (exchange.unread < creditBytes) exchange.wake?.();
  }

  // ---------------------------------------------------------------------------------------------- files and facts
  function input(id) {
    const element = document.createElement('input');
    element.type = 'file';
    inputs.set(id, element);
    return element;
  }

  function press(href) {
    const link = document.createElement('a');
    link.href = href;
    link.download = '';
    link.click();
  }

  function facts() {
    const entry = performance.getEntriesByType('navigation')[0];
    const text = document.body?.innerText ?? '';
    const html = document.body?.innerHTML ?? '';
    return JSON.stringify([location.href, entry?.responseStatus ?? 0, document.title, `${text.slice(0, 1024)}\n${html.slice(0, 1024)}`]);
  }

  // ---------------------------------------------------------------------------------------------- WebSockets
  // Messages: [id, 'open'], [id, 'closed', reason, code]
  function openSocket(id, url) {
    const socket = new WebSocket(url);
    sockets.set(id, socket);
    socket.onopen = () => say(id, 'open');
    socket.onclose = ({ code, reason }) => {
      sockets.delete(id);
      say(id, 'closed', reason, code);
    };
  }

  function sendSocket(id, text) {
    const socket = sockets.get(id);
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(text);
    return true;
  }

  globalThis.transport = {
    perform,
    more,
    open: (request) => { stream(new Exchange(request)); },
    ack,
    abort: (id) => { exchanges.get(id)?.end('abort'); rests.delete(id); },
    forget: (id) => { rests.delete(id); inputs.delete(id); },
    input,
    press,
    facts,
    socketAddress: (url) => new URL(url, location.href.replace(/^http/, 'ws')).href,
    openSocket,
    sendSocket,
    closeSocket: (id) => sockets.get(id)?.close(1000),
    forever: new Promise(() => {}),
  };
}
