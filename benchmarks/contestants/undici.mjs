// A proxy for vendor calls on node's http server and undici, with the same consent filter and a line per call.
//
//     node undici.mjs PORT VENDOR_PORT
import { createWriteStream } from 'node:fs';
import { createServer } from 'node:http';
import { Pool } from 'undici';

const [port, vendorPort] = process.argv.slice(2).map(Number);
const PERSONAL = new Set(['customer_note', 'plan_mail', 'internal_note']);
const PREFIX = /^\/gk\/to\/[^/]+/;
const pool = new Pool(`http://127.0.0.1:${vendorPort}`, { connections: 64 });
const log = createWriteStream('undici.jsonl', { flags: 'a' });

const record = (vendor, verdict) => log.write(JSON.stringify({ at: Date.now() / 1000, vendor, verdict }) + '\n');

function allowed(vendor, headers) {
  if (vendor === 'meta_capi' && headers['sec-gpc'] === '1') return false;
  const cookie = headers.cookie ?? '';
  const start = cookie.indexOf('cookieyes-consent=');
  if (start < 0) return false;
  const end = cookie.indexOf(';', start);
  const choice = cookie.slice(start, end < 0 ? undefined : end);
  return choice.includes('action:yes') && choice.includes(vendor === 'ga4' ? 'analytics:yes' : 'advertisement:yes');
}

function without(value) {
  if (Array.isArray(value)) return value.map(without);
  if (value === null || typeof value !== 'object') return value;
  const kept = {};
  for (const key of Object.keys(value)) if (!PERSONAL.has(key)) kept[key] = without(value[key]);
  return kept;
}

const server = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', async () => {
    const path = request.url.replace(PREFIX, '');
    const vendor = path.split('?', 1)[0].endsWith('/collect') ? 'ga4' : 'meta_capi';
    if (!allowed(vendor, request.headers)) {
      record(vendor, 'blocked');
      response.writeHead(204).end();
      return;
    }
    try {
      const body = JSON.stringify(without(JSON.parse(Buffer.concat(parts))));
      record(vendor, 'sent');
      const answer = await pool.request({
        path, method: 'POST', body, headers: { 'content-type': 'application/json' },
      });
      const content = Buffer.from(await answer.body.arrayBuffer());
      response.writeHead(answer.statusCode).end(answer.statusCode === 204 ? undefined : content);
    } catch {
      response.writeHead(502).end();
    }
  });
});
server.keepAliveTimeout = 60_000;
server.listen(port, '127.0.0.1');
