// What the site's own script does to `fetch` in its page: calls to the protected endpoints get a signature.
// It is bound to this page load, to method and path.
(() => {
  const seed = document.querySelector("meta[name=page-seed]").content;
  const original = window.fetch;
  const guarded = [/^\/rest\/app-chat\//, /^\/http\/upload-file/, /^\/rest\/media\//];
  let count = 0;

  const digest = (text) => {
    let one = 0xdeadbeef, two = 0x41c6ce57;
    for (let i = 0; i < text.length; i++) {
      one = Math.imul(one ^ text.charCodeAt(i), 2654435761);
      two = Math.imul(two ^ text.charCodeAt(i), 1597334677);
    }
    const first = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(two ^ (two >>> 13), 3266489909);
    const second = Math.imul(two ^ (two >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909);
    return (4294967296 * (2097151 & second) + (first >>> 0)).toString(16);
  };

  window.fetch = function fetch(input, init) {
    const url = new URL(input instanceof Request ? input.url : String(input), location.href);
    if (url.origin !== location.origin || !guarded.some((path) => path.test(url.pathname))) return original.call(this, input, init);
    const request = new Request(input, init);
    const stamp = `${Date.now().toString(36)}-${(count++).toString(36)}`;
    request.headers.set("x-statsig-id", `${seed}.${stamp}.${digest(`${seed}|${request.method}|${url.pathname}|${stamp}`)}`);
    request.headers.set("x-xai-request-id", crypto.randomUUID());
    return original.call(this, request);
  };
})();
