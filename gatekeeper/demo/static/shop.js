// The shop: what a visitor does here. Events and choices go through /gk/gatekeeper.js, as on any site.

import { refresh, say } from "/board.js";
import { asked, lawNames } from "/words.js";

const $ = (id) => document.getElementById(id);
const session = "s_" + crypto.getRandomValues(new Uint32Array(1))[0].toString(16);
let waiting; // what was bought before the visitor answered

const address = () =>
  "https://shop.example/checkout/confirmation?utm_source=newsletter&fbclid=IwAR2F4-demo&email=" +
  encodeURIComponent($("email").value);

const purchase = () => ({
  page_url: address(),
  order_value: 149.0,
  currency: "EUR",
  transaction_id: `T-${Date.now().toString(36)}`,
  email: $("email").value,
  session_id: session,
  scroll_depth: 80,
});

const failure = (error) => ({
  page_url: address(),
  error_type: error.name,
  error_message: error.message,
  error_stack: error.stack,
  email: $("email").value,
  session_id: session,
});

// What the page knows of an event, to be laid beside what leaves it.
const known = new Map();

async function track(event, data, options) {
  known.set(event, data);
  gatekeeper.track(event, data, options);
  const { decided, effective } = gatekeeper.consent();
  if (!options && !decided && !Object.values(effective).some(Boolean)) {
    waiting = event;
    say("Held in this page’s memory: nothing has left it, and nothing will before you answer.");
    return;
  }
  await gatekeeper.flush();
  await refresh();
}

// What leaves for the gate, as it leaves.
const { fetch } = window;
window.fetch = (path, options) => {
  if (options?.body && String(path).endsWith("/gk/collect")) JSON.parse(options.body).events.forEach(showPosted);
  return fetch(path, options);
};

function showPosted(event) {
  const { held, ...rest } = event;
  $("posted").textContent = JSON.stringify(held ? { ...rest, held: held.slice(0, 12) + "…" } : rest, null, 2);
  const stayed = Object.keys(known.get(event.event) ?? {}).filter((name) => !(name in event.data));
  $("stayed").textContent = stayed.length
    ? `Sent to /gk/collect. Stayed in the page, because no granted purpose covers them: ${stayed.join(", ")}.`
    : "Sent to /gk/collect, with all fields: the choice covers them.";
}

// ---- the visitor

function show(state) {
  const { laws, country } = state.jurisdiction;
  const law = laws.map((id) => lawNames[id] ?? id.toUpperCase()).join(", ");
  $("law").textContent = `${country ? "Law" : "Unknown place"}: ${law || "none that is known"}. ${asked[state.ask]}`;
  $("law").title = JSON.stringify(state.jurisdiction);
  const words = state.purposes.map(({ title, effective }) => `${title} ${effective ? "on" : "off"}`);
  const chosen = state.purposes.some(({ choice }) => choice);
  const { honoured } = state.signals.gpc;
  $("choice").textContent = [chosen ? "Chosen" : "Not chosen", ...words, ...(honoured ? ["GPC honoured"] : [])].join(" · ");
}

async function choose(visitor) {
  await fetch("/demo/visitor", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(visitor),
  });
  await gatekeeper.refresh();
}

async function start() {
  const visitor = await (await fetch("/demo/visitor")).json();
  $("place").replaceChildren(...visitor.places.map(({ id, title }) => new Option(title, id, false, id === visitor.place)));
  $("gpc").checked = visitor.gpc || navigator.globalPrivacyControl === true;
  $("gpc").disabled = navigator.globalPrivacyControl === true; // the browser's own header counts
  await gatekeeper.ready;
  if (!gatekeeper.consent().state) await gatekeeper.refresh(); // the page shows the law, whatever was answered
}

gatekeeper.on("state", (state) => {
  show(state);
  if (!waiting || !gatekeeper.consent().decided) return;
  if (!Object.values(gatekeeper.consent().effective).some(Boolean))
    say("You refused: what was held has ended with your answer, and never left. Buy again to see what is blocked.");
  else gatekeeper.flush().then(refresh);
  waiting = undefined;
});
$("place").addEventListener("change", () => choose({ place: $("place").value }));
$("gpc").addEventListener("change", () => choose({ gpc: $("gpc").checked }));
$("forget").addEventListener("click", async () => {
  await fetch("/demo/visitor", { method: "DELETE" });
  location.reload();
});

$("order").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  track("purchase", purchase());
});
$("fail").addEventListener("click", () => {
  throw new TypeError("The payment service did not answer");
});
// What an error monitor's script does: hear of every uncaught error. The shop needs that to work.
window.addEventListener("error", ({ error }) => error && track("error", failure(error), { purposes: ["necessary"] }));

start();
