// A shop on Node's own http server, which knows nothing of Gatekeeper but where its vendors are: GA4_URL and META_URL
// name the vendors, or the sidecar in front of them. What the visitor's browser said is passed on with each call.

import { createHash } from "node:crypto";
import { createServer } from "node:http";

const GA4 = process.env.GA4_URL ?? "https://www.google-analytics.com";
const META = process.env.META_URL ?? "https://graph.facebook.com";

async function post(url, visitor, body) {
  const headers = { "content-type": "application/json" };
  // The visitor's choice: to the sidecar only, never to a vendor.
  if (process.env.GATE_URL) for (const name of ["cookie", "sec-gpc"]) if (visitor[name]) headers[name] = visitor[name];
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
}

async function buy(order, visitor) {
  const address = visitor["x-forwarded-for"];
  const value = { value: 149.0, currency: "EUR" };
  const params = { transaction_id: order.order, ...value, page_location: order.page, ip: address };
  await post(`${GA4}/mp/collect?measurement_id=G-SHOP&api_secret=${process.env.GA4_API_SECRET}`, visitor, {
    client_id: "1.2", user_id: order.email, events: [{ name: "purchase", params }],
  });
  await post(`${META}/v26.0/123456/events?access_token=${process.env.META_ACCESS_TOKEN}`, visitor, {
    data: [{
      event_name: "Purchase", event_time: Math.floor(Date.now() / 1000), event_id: order.order,
      action_source: "website", event_source_url: order.page,
      user_data: {
        em: [createHash("sha256").update(order.email).digest("hex")],
        client_ip_address: address, client_user_agent: visitor["user-agent"],
      },
      custom_data: { order_id: order.order, ...value },
    }],
  });
}

// Behind the sidecar the page has its scripts, which nginx.conf serves on this host.
const gated = Boolean(process.env.GATE_URL);
const scripts = '<script src="/gk/gatekeeper.js"></script><script src="/gk/banner.js" defer></script>';
const choices = '<a href="/gk/consent?next=/" data-gatekeeper-show="preferences">Privacy choices</a>';
const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Shop</title>${gated ? scripts : ""}</head>
<body><h1>Desk lamp, € 149.00</h1>${gated ? choices : ""}</body></html>`;

const server = createServer(async (request, response) => {
  if (request.method === "GET") {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(page);
    return;
  }
  const parts = [];
  for await (const part of request) parts.push(part);
  try {
    const order = JSON.parse(Buffer.concat(parts).toString());
    await buy(order, request.headers);
    response.end(`Thank you for ${order.order}.`);
  } catch (error) {
    console.error(error);
    response.statusCode = 500;
    response.end("failed");
  }
});
server.listen(Number(process.argv[2] ?? 8000), "127.0.0.1");
process.on("SIGINT", () => process.exit(0));
