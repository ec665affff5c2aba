// A site to measure against, of the kind the targets were found with: Node's HTTP/2 over TLS, in a process of its own.
// Arguments: certificate file, key file, home page file. Prints the port it listens at. See fast_site.py.
const crypto = require('node:crypto');
const fs = require('node:fs');
const http2 = require('node:http2');

const [certificate, key, homePage] = process.argv.slice(2).map((name) => fs.readFileSync(name));
const files = new Map();   // MB → bytes, made once: a site has its files ready

function fileOf(mb) {
  if (!files.has(mb)) files.set(mb, crypto.randomBytes(Math.floor(mb * 1024 * 1024)));
  return files.get(mb);
}

// The clock of Python's time.monotonic(), in seconds.
function monotonic() {
  return Number(process.hrtime.bigint()) / 1e9;
}

function answer(stream, body, type, more = {}) {
  stream.respond({ ':status': 200, 'content-type': type, 'content-length': body.length, ...more });
  stream.end(body);
}

const paths = {
  '/echo': (stream) => {
    const parts = [];
    stream.on('data', (part) => parts.push(part));
    stream.on('end', () => answer(stream, Buffer.concat(parts), 'application/json'));
  },
  // Any body; only its size is said, since a sum over it would be timed as well.
  '/digest': (stream) => {
    let size = 0;
    stream.on('data', (part) => { size += part.length; });
    stream.on('end', () => answer(stream, Buffer.from(JSON.stringify({ size })), 'application/json'));
  },
  // `n` NDJSON lines of `size` bytes, `gap` seconds apart, each with the moment it was written.
  '/lines': (stream, query) => {
    const [size, gap, count] = [['size', 200], ['gap', 0.05], ['n', 10]].map(([name, usual]) => Number(query.get(name) ?? usual));
    stream.respond({ ':status': 200, 'content-type': 'application/x-ndjson' });
    let due = monotonic();
    let number = 0;
    const write = () => {
      if (stream.destroyed) return;
      if (number === count) {
        stream.end();
        return;
      }
      const line = JSON.stringify({ n: number, at: monotonic(), pad: '' });
      stream.write(`${line.slice(0, -2)}${'p'.repeat(Math.max(0, size - line.length - 1))}"}\n`);
      number += 1;
      due += gap;
      setTimeout(write, Math.max(0, (due - monotonic()) * 1000));
    };
    write();
  },
  // A file of `mb` MB for whoever has the session cookie.
  '/asset': (stream, query, headers) => {
    if (!(headers.cookie ?? '').includes('session=abc')) {
      stream.respond({ ':status': 403 });
      stream.end('no session');
      return;
    }
    const file = fileOf(Number(query.get('mb') ?? 1));
    if (headers.range === 'bytes=0-0') {
      stream.respond({ ':status': 206, 'content-type': 'video/mp4', 'content-length': 1, 'content-range': `bytes 0-0/${file.length}` });
      stream.end(file.subarray(0, 1));
      return;
    }
    answer(stream, file, 'video/mp4', { 'accept-ranges': 'bytes' });
  },
};

function home(stream) {
  answer(stream, homePage, 'text/html', { 'set-cookie': 'session=abc; Domain=.grok.com; Secure; Path=/; SameSite=Lax' });
}

const server = http2.createSecureServer({ cert: certificate, key, allowHTTP1: true, settings: { initialWindowSize: 16 * 1024 * 1024 } });
server.on('stream', (stream, headers) => {
  stream.on('error', () => {});   // who leaves early is expected
  const { pathname, searchParams } = new URL(headers[':path'], 'https://grok.com');
  (paths[pathname] ?? home)(stream, searchParams, headers);
});
// `n` text frames of `size` bytes at once (RFC 6455); then it waits for the other side to close.
server.on('upgrade', (request, socket) => {
  socket.on('error', () => {});
  const query = new URL(request.url, 'https://grok.com').searchParams;
  const size = Number(query.get('size'));
  const accept = crypto.createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  const head = Buffer.alloc(10);
  head[0] = 0x81;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(size), 2);
  for (let number = 0; number < Number(query.get('n') ?? 0); number++) {
    socket.write(Buffer.concat([head, Buffer.from(String(number).padStart(8, '0').padEnd(size, 'w'))]));
  }
  socket.on('data', (frame) => { if ((frame[0] & 0x0f) === 8) socket.end(Buffer.from([0x88, 0])); });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
