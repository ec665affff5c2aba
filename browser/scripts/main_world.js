// Runs in the site's own world at the start of every document, before any script of the site. It leaves nothing
// behind that the site could see: no global, no attribute, no node in the tree. It performs `fetch` for the isolated
// world (bridge.js) with whatever `window.fetch` is at the moment of the call.
//
// The two worlds share one detached node: this side makes it and hands it over as `relatedTarget` of an event on the
// document; from then on both talk by events on the node, synchronously. Text and bytes travel as the `detail` of a
// CustomEvent (copied between worlds by the browser), file inputs as `relatedTarget` (the same node for both sides).
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
  const signalOf = Object.getOwnPropertyDescriptor(AbortController.prototype, 'signal').get;
  const filesOf = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'files').get;
  const detailOf = Object.getOwnPropertyDescriptor(CustomEvent.prototype, 'detail').get;
  const relatedOf = Object.getOwnPropertyDescriptor(MouseEvent.prototype, 'relatedTarget').get;

  const wire = document.createElement('i');
  const exchanges = { __proto__: null };   // id → { controller, reader }
  let input = null;                        // handed over just before the request that sends its file

  const tell = (type, detail) => apply(dispatchEvent, wire, [new CustomEventHere(type, { detail })]);
  const fail = (id, error) => {
    delete exchanges[id];
    tell('fail', [id, `${(error && error.message) || error}`]);
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
    try {
      const controller = new AbortControllerHere();
      exchanges[id] = { controller, reader: null };
      const init = { method: request.method, headers: request.headers, credentials: request.credentials };
      const body = bodyOf(request);
      if (body !== undefined) init.body = body;
      init.signal = apply(signalOf, controller, []);
      const response = await window.fetch(request.url, init);
      const headers = [];
      response.headers.forEach((value, name) => { headers[headers.length] = [name, value]; });
      if (!exchanges[id]) return;
      exchanges[id].reader = response.body ? response.body.getReader() : null;
      tell('head', stringify([id, response.status, headers, response.url]));
    } catch (error) {
      fail(id, error);
    }
  }

  async function pull(id) {
    try {
      const reader = exchanges[id] && exchanges[id].reader;
      const { done, value } = reader ? await reader.read() : { done: true };
      if (done) delete exchanges[id];
      tell('piece', [id, done ? null : value]);
    } catch (error) {
      fail(id, error);
    }
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
  wire.addEventListener('pull', (event) => { pull(apply(detailOf, event, [])); });
  wire.addEventListener('drop', (event) => { drop(apply(detailOf, event, [])); });
  document.dispatchEvent(new MouseEvent(token, { relatedTarget: wire }));
}
