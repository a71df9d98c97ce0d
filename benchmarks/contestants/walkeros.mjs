// walkerOS' collector behind a plain node http server, with four API destinations; each asks for its consent.
//
//     node walkeros.mjs PORT VENDOR_PORT
import { createServer } from 'node:http';
import { startFlow } from '@walkeros/collector';
import { destinationAPI } from '@walkeros/server-destination-api';

const [port, vendorPort] = process.argv.slice(2).map(Number);
const base = `http://127.0.0.1:${vendorPort}`;
const PERSONAL = new Set(['customer_note', 'plan_mail', 'internal_note']);

const destination = (path, purpose, key) => ({
  code: destinationAPI,
  config: {
    consent: { [purpose]: true },
    settings: {
      url: base + path,
      headers: { 'content-type': 'application/json' },
      transform: (event) => {
        const params = {};
        for (const name of Object.keys(event.data)) if (!PERSONAL.has(name)) params[name] = event.data[name];
        return JSON.stringify({ [key]: [{ name: event.name, params }] });
      },
    },
  },
});

const { elb } = await startFlow({
  consent: {},
  destinations: {
    ga4: destination('/mp/collect?measurement_id=G-BENCH&api_secret=bench', 'analytics', 'events'),
    meta: destination('/v23.0/123/events?access_token=bench', 'marketing', 'data'),
    tiktok: destination('/open_api/v1.3/event/track/', 'marketing', 'data'),
    own: destination('/own', 'analytics', 'events'),
  },
});

const server = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', async () => {
    const event = JSON.parse(Buffer.concat(parts));
    const { analytics, marketing } = event.consent;
    // A name of two words is what walkerOS takes: an entity and an action.
    await elb({ name: 'order complete', data: event.data, consent: { analytics, marketing } });
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"accepted":true}');
  });
});
server.keepAliveTimeout = 60_000;
server.listen(port, '127.0.0.1');
