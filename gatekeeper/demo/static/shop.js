// The shop: what a visitor does here, and the events that the page posts to the gate.

import { refresh } from "/board.js";

const $ = (id) => document.getElementById(id);
const session = "s_" + crypto.getRandomValues(new Uint32Array(1))[0].toString(16);

const address = () =>
  "https://shop.example/checkout/confirmation?utm_source=newsletter&fbclid=IwAR2F4-demo&email=" +
  encodeURIComponent($("email").value);

const purchase = () => ({
  event: "purchase",
  data: {
    page_url: address(),
    order_value: 149.0,
    currency: "EUR",
    transaction_id: `T-${Date.now().toString(36)}`,
    email: $("email").value,
    session_id: session,
    scroll_depth: 80,
  },
});

const failure = (error) => ({
  event: "error",
  data: {
    page_url: address(),
    error_type: error.name,
    error_message: error.message,
    error_stack: error.stack,
    email: $("email").value,
    session_id: session,
  },
});

function send(path, method, value) {
  return fetch(path, {
    method,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(value),
    keepalive: true,
  });
}

// An event goes straight to the gate; only the simulated header needs the demo's server in between.
async function post(event) {
  const simulated = $("gpc").checked && !$("gpc").disabled;
  try {
    await send(simulated ? "/demo/simulated-gpc" : "/gk/collect", "POST", event);
  } finally {
    await refresh();
  }
}

async function choose(choice) {
  await send("/demo/visitor", "POST", choice);
  await showVisitor();
}

async function showVisitor() {
  const { choice, gpc } = await (await fetch("/demo/visitor")).json();
  $("analytics").checked = choice?.analytics ?? false;
  $("marketing").checked = choice?.marketing ?? false;
  const yesNo = (granted) => (granted ? "yes" : "no");
  $("choice").textContent = choice
    ? `Recorded: analytics ${yesNo(choice.analytics)}, marketing ${yesNo(choice.marketing)}.`
    : "You have not chosen yet, so only what is necessary happens.";
  $("forget").hidden = !choice;
  if (gpc) {
    $("gpc").checked = $("gpc").disabled = true;
    $("gpc-hint").textContent = "Your browser sends Sec-GPC: 1 itself, and it is honoured.";
  }
}

function showPosted() {
  $("posted").textContent = JSON.stringify(purchase(), null, 2);
}

$("order").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  post(purchase());
});
$("fail").addEventListener("click", () => {
  throw new TypeError("The payment service did not answer");
});
// What an error monitor's script does: hear of every uncaught error.
window.addEventListener("error", ({ error }) => error && post(failure(error)));

$("consent").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  choose({ analytics: $("analytics").checked, marketing: $("marketing").checked });
});
$("reject").addEventListener("click", () => choose({ analytics: false, marketing: false }));
$("accept").addEventListener("click", () => choose({ analytics: true, marketing: true }));
$("forget").addEventListener("click", async () => {
  await fetch("/demo/visitor", { method: "DELETE" });
  await showVisitor();
  $("analytics").focus(); // the button is gone: do not leave the keyboard nowhere
});
$("email").addEventListener("input", showPosted);

showPosted();
showVisitor();
