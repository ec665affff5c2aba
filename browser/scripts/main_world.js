// Runs in the site's own world at the start of every document, before any script of the site. It leaves nothing
// behind that the site could see: no global, no attribute, no node in the tree. It performs `fetch` for the isolated
// world (bridge.js) with whatever `window.fetch` is at the moment of the call.
//
// The two worlds share one detached node: this side makes it and hands it over as `relatedTarget` of an event on the
// document; from then on both talk by events on the node, synchronously. What they tell travels as the `detail` of a
// CustomEvent, always a string or a number (an object would be copied from world to world, piece by piece of every
// stream), file inputs as `relatedTarget` (the same node for both sides).
//
// `ask` is answered by `head` and then, by itself, by the body: all of it in the head when its length is bounded by
// `limit`, else by `piece`s, for as many bytes as were `grant`ed, and `end`. `fail` may come at any time; `drop` ends it.
//
// Everything this code needs itself is taken now, because the site may replace it later; only `fetch` and the
// methods of the response it returns are looked up at the time of the call, because that is the point.
function install({ token }) {
  if (window !== window.top) return;
  const { apply } = Reflect;
  const { parse, stringify } = JSON;
  const dispatchEvent = EventTarget.prototype.dispatchEvent;
  const CustomEventHere = CustomEvent;
  const AbortControllerHere = AbortController;
  const FormDataHere = FormData;
  const append = FormData.prototype.append;
  const abort = AbortController.prototype.abort;
  const TextDecoderHere = TextDecoder;
  const decode = TextDecoder.prototype.decode;
  const signalOf = Object.getOwnPropertyDescriptor(AbortController.prototype, 'signal').get;
  const filesOf = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'files').get;
  const detailOf = Object.getOwnPropertyDescriptor(CustomEvent.prototype, 'detail').get;
  const sizeOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'byteLength').get;
  const relatedOf = Object.getOwnPropertyDescriptor(MouseEvent.prototype, 'relatedTarget').get;

  const wire = document.createElement('i');
  const exchanges = { __proto__: null };   // id → { controller, reader, decoder, granted, reading }
  let input = null;                        // handed over just before the request that sends its file

  const tell = (type, detail) => apply(dispatchEvent, wire, [new CustomEventHere(type, { detail })]);
  const fail = (id, error) => {
    if (!exchanges[id]) return;
    delete exchanges[id];
    tell('fail', stringify([id, `${(error && error.message) || error}`]));
  };

  function bodyOf(request) {
    if (request.form) {
      const form = new FormDataHere();
      for (let i = 0; i < request.form.length; i++) apply(append, form, request.form[i]);
      apply(append, form, [request.field, apply(filesOf, input, [])[0], request.fileName]);
      return form;
    }
    return request.file ? apply(filesOf, input, [])[0] : request.body;
  }

  async function ask(text) {
    const request = parse(text);
    const { id } = request;
    const exchange = exchanges[id] = {
      controller: new AbortControllerHere(), decoder: new TextDecoderHere(), reader: null, granted: request.grant, reading: false,
    };
    try {
      const init = { method: request.method, headers: request.headers, credentials: request.credentials };
      const body = bodyOf(request);
      if (body !== undefined) init.body = body;
      init.signal = apply(signalOf, exchange.controller, []);
      const response = await window.fetch(request.url, init);
      if (response.body) exchange.reader = response.body.getReader();
      if (!exchanges[id]) {   // dropped, and whatever wraps fetch did not pass the signal on
        if (exchange.reader) await exchange.reader.cancel();
        return;
      }
      const headers = [];
      response.headers.forEach((value, name) => { headers[headers.length] = [name, value]; });
      const head = stringify([id, response.status, headers, response.url]);
      if (request.limit === undefined) {
        tell('head', head);
        read(id, exchange);
        return;
      }
      const whole = await readWhole(id, exchange, request.limit);
      if (whole === null) return;
      delete exchanges[id];
      tell('head', `${head}\n${whole}`);
    } catch (error) {
      fail(id, error);
    }
  }

  // All of the body; null when it was dropped, or is longer than `limit` bytes, which is told here.
  async function readWhole(id, exchange, limit) {
    let text = '';
    let bytes = 0;
    for (;;) {
      const { done, value } = await next(exchange);
      if (!exchanges[id]) return null;
      if (done) return text + apply(decode, exchange.decoder, []);
      bytes += apply(sizeOf, value, []);
      if (bytes > limit) {
        tell('long', id);   // answered by a drop
        return null;
      }
      text += apply(decode, exchange.decoder, [value, { stream: true }]);
    }
  }

  async function read(id, exchange) {
    if (exchange.reading) return;
    exchange.reading = true;
    try {
      while (exchange.granted > 0) {
        const { done, value } = await next(exchange);
        if (!exchanges[id]) return;
        if (done) {
          delete exchanges[id];
          tell('end', `${id} 0 ${apply(decode, exchange.decoder, [])}`);
          return;
        }
        const size = apply(sizeOf, value, []);
        exchange.granted -= size;
        tell('piece', `${id} ${size} ${apply(decode, exchange.decoder, [value, { stream: true }])}`);
      }
    } catch (error) {
      fail(id, error);
    } finally {
      exchange.reading = false;
    }
  }

  function next({ reader }) {
    return reader ? reader.read() : { done: true };
  }

  function grant(text) {
    const [id, bytes] = parse(text);
    const exchange = exchanges[id];
    if (!exchange) return;
    exchange.granted += bytes;
    read(id, exchange);
  }

  async function drop(id) {
    const exchange = exchanges[id];
    if (!exchange) return;
    delete exchanges[id];
    apply(abort, exchange.controller, []);
    try {
      if (exchange.reader) await exchange.reader.cancel();   // for a wrapper that did not pass the signal on
    } catch { /* it was aborted, as intended */ }
  }

  wire.addEventListener('file', (event) => { input = apply(relatedOf, event, []); });
  wire.addEventListener('ask', (event) => { ask(apply(detailOf, event, [])); input = null; });
  wire.addEventListener('grant', (event) => { grant(apply(detailOf, event, [])); });
  wire.addEventListener('drop', (event) => { drop(apply(detailOf, event, [])); });
  document.dispatchEvent(new MouseEvent(token, { relatedTarget: wire }));
}
