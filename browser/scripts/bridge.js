// Runs in our isolated world of every document of the page, at its start. The site's scripts cannot see this world or
// change its builtins; requests made here carry the same cookies and use the same network stack as the site's own.
//
// Towards the gateway: functions of the global `transport`, called by Runtime.evaluate, and one binding (named by
// `token`) that takes batches of messages [exchange id, kind, ...]. A batch leaves on the next macrotask, so that all
// that arrives in one turn of the event loop is one call; but not sooner than `batchGapMs` after the one before it, so
// that much traffic goes in few calls and little traffic at once. Towards the site's world: see main_world.js.
function install({ token, creditBytes, batchChars, batchGapMs, sliceChars }) {
  if (window !== window.top) return;
  const exchanges = new Map();   // id → Exchange under way
  const rests = new Map();       // id → text of an answer not fetched by the gateway yet
  const inputs = new Map();      // id → detached <input type=file>
  const sockets = new Map();     // id → WebSocket
  const expected = new Map();    // id → what to do with what the main world tells: { head, piece, end, fail }
  let wire = null;               // the node shared with the main world

  // ---------------------------------------------------------------------------------------------- messages out
  const outbox = [];
  const plenty = batchChars / 4;   // worth a call of its own, whenever the last one was
  const { port1, port2 } = new MessageChannel();
  let chars = 0;                   // of text in the outbox
  let timer = 0;
  let posted = false;
  let sentAt = -Infinity;
  port1.onmessage = send;
  function send() {
    clearTimeout(timer);
    timer = 0;
    posted = false;
    if (!outbox.length) return;
    sentAt = performance.now();
    let count = 0;
    for (let size = 0; count < outbox.length && size < batchChars; count++) size += outbox[count][2]?.length ?? 0;
    const batch = outbox.splice(0, count);
    for (const message of batch) chars -= message[2]?.length ?? 0;
    globalThis[token](JSON.stringify(batch));
    if (outbox.length) schedule();
  }
  function schedule() {
    if (posted) return;
    const early = sentAt + batchGapMs - performance.now();
    if (early > 0 && chars < plenty) {
      timer ||= setTimeout(send, early);
    } else {
      posted = true;
      port2.postMessage(0);
    }
  }
  function say(...message) {
    outbox.push(message);
    chars += message[2]?.length ?? 0;
    schedule();
  }

  // ---------------------------------------------------------------------------------------------- the main world
  document.addEventListener(token, (event) => {
    wire = event.relatedTarget;
    const last = (id) => {
      const owed = expected.get(id);
      expected.delete(id);
      return owed;
    };
    const numbered = (act) => ({ detail }) => {   // "id bytes text"
      const first = detail.indexOf(' ');
      const second = detail.indexOf(' ', first + 1);
      act(Number(detail.slice(0, first)), detail.slice(second + 1), Number(detail.slice(first + 1, second)));
    };
    wire.addEventListener('head', ({ detail }) => {   // JSON, and after a line break all of the body when it was asked for
      const line = detail.indexOf('\n');
      const whole = line >= 0;
      const [id, status, headers, url] = JSON.parse(whole ? detail.slice(0, line) : detail);
      const owed = whole ? last(id) : expected.get(id);
      owed?.head({ status, headers: Object.fromEntries(headers), url, text: whole ? detail.slice(line + 1) : '' });
    });
    wire.addEventListener('piece', numbered((id, text, bytes) => expected.get(id)?.piece(text, bytes)));
    wire.addEventListener('end', numbered((id, text) => last(id)?.end(text)));
    wire.addEventListener('long', ({ detail }) => exchanges.get(detail)?.end('too_large'));
    wire.addEventListener('fail', ({ detail }) => {
      const [id, message] = JSON.parse(detail);
      last(id)?.fail(new TypeError(message));
    });
  }, { once: true });

  function tellMain(type, detail) {
    wire.dispatchEvent(new CustomEvent(type, { detail }));
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

    async prepare() {
      const { request } = this;
      request.credentials = sameSite(request.url) ? 'include' : 'same-origin';
      const input = inputs.get(request.input);
      if (input && !input.files.length) {   // the browser is about to put the file in
        await new Promise((go) => { input.onchange = this.wake = go; });
        if (this.ended) throw new TypeError(this.ended);
      }
      if (request.form) relabel(input, [input.files[0]], request.fileName, request.mediaType);
      if (request.base64) await wrapBase64(input, request);
      if (this.ended) throw new TypeError(this.ended);
      return input;
    }

    // Performs it in this world: { status, headers, url, reader }, without a reader when the answer has no body.
    async here() {
      const input = await this.prepare();
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
      const { status, headers, url, body } = response;
      return { status, headers: Object.fromEntries(headers), url, reader: body?.getReader() };
    }

    // Has the main world perform it, which tells *owed* what comes.
    async inMain(owed) {
      const input = await this.prepare();
      if (!wire) throw new TypeError('the main world of this document is not reachable');
      expected.set(this.id, owed);
      if (input) wire.dispatchEvent(new MouseEvent('file', { relatedTarget: input }));
      tellMain('ask', JSON.stringify(this.request));
    }

    end(why) {
      if (this.ended) return;
      this.ended = why;
      exchanges.delete(this.id);
      this.controller.abort();
      if (wire) tellMain('drop', this.id);
      const owed = expected.get(this.id);
      expected.delete(this.id);
      owed?.fail(new TypeError(why));
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
  async function wholeHere(exchange) {
    const { request } = exchange;
    const { reader, ...answer } = await exchange.here();
    if (request.probe && answer.status < 400) {   // its headers were all that is wanted
      exchange.end('abort');
      return { ...answer, text: '' };
    }
    const decoder = new TextDecoder();
    let bytes = 0;
    let text = '';
    for (;;) {
      const { done, value } = reader ? await reader.read() : { done: true };
      if (done) return { ...answer, text: text + decoder.decode() };
      bytes += value.byteLength;
      if (bytes > request.limit) {
        exchange.end('too_large');
        throw new TypeError('too_large');
      }
      text += decoder.decode(value, { stream: true });
    }
  }

  function wholeInMain(exchange) {
    return new Promise((head, fail) => { exchange.inMain({ head, fail }).catch(fail); });
  }

  // → JSON: ['ok', status, headers, url, text, length of the whole text] or ['fail', kind, message]
  async function perform(request) {
    const exchange = new Exchange(request);
    const timer = setTimeout(() => exchange.end('timeout'), request.timeoutMs);
    try {
      const { status, headers, url, text } = await (request.main ? wholeInMain(exchange) : wholeHere(exchange));
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
  function open(request) {
    const exchange = new Exchange(request);
    const { id } = exchange;
    const told = {
      head: ({ status, headers, url }) => say(id, 'head', '', status, headers, url),
      piece: (text, bytes) => say(id, 'text', text, bytes),
      end: (text) => {
        say(id, 'end', text);
        exchange.close();
      },
      fail: (error) => {
        if (!exchange.ended) say(id, 'fail', String(error?.message ?? error), 'network');
        exchange.close();
      },
    };
    if (request.main) {
      request.grant = creditBytes;
      exchange.inMain(told).catch(told.fail);
    } else {
      streamHere(exchange, told).catch(told.fail);
    }
  }

  async function streamHere(exchange, told) {
    const { reader, ...answer } = await exchange.here();
    told.head(answer);
    const decoder = new TextDecoder();
    for (;;) {
      if (exchange.unread >= creditBytes) await new Promise((resolve) => { exchange.wake = resolve; });
      if (exchange.ended) return;
      const { done, value } = reader ? await reader.read() : { done: true };
      if (done) break;
      exchange.unread += value.byteLength;
      told.piece(decoder.decode(value, { stream: true }), value.byteLength);
    }
    told.end(decoder.decode());
  }

  function ack(id, bytes) {
    const exchange = exchanges.get(id);
    if (!exchange) return;
    if (exchange.request.main) {
      tellMain('grant', JSON.stringify([id, bytes]));
      return;
    }
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
    open,
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
