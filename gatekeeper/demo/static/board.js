// The board: asks the demo every second what arrived, and shows it. Data is only ever set as text.

import { bases, causes, events as names, kinds, lawNames, places, reasons, shapes, statuses } from "/words.js";

const $ = (id) => document.getElementById(id);
const shown = new Map(); // request id -> { element, text }
const announced = new Set();
const narrow = matchMedia("(max-width: 40rem)"); // there the vendors' JSON waits behind a tap
let first = true;

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children); // strings become text nodes
  return element;
}

function badge(status, title) {
  const [mark, word] = statuses[status] ?? ["?", status];
  const said = title ? `${title}: ${word.toLowerCase()}` : word;
  return make("span", { class: `badge ${status}` }, make("span", { "aria-hidden": "true" }, mark), ` ${said}`);
}

const coded = (words, code) => (words[code] ? [words[code] + " ", make("code", {}, code)] : [make("code", {}, code)]);

function strippedFields(delivery, purpose) {
  const words = causes(purpose);
  const rows = Object.entries(delivery.stripped_because).map(([field, cause]) => [field, ...coded(words, cause)]);
  for (const [field, found] of Object.entries(delivery.scrubbed)) {
    rows.push([field, `sent without ${found.map((shape) => shapes[shape] ?? shape).join(", ")}`]);
  }
  if (!rows.length) return make("p", {}, "Nothing: all of it is needed and allowed.");
  const list = make("dl", { class: "stripped" });
  for (const [field, ...why] of rows) {
    const gone = field in delivery.stripped_because;
    list.append(make("dt", {}, make(gone ? "del" : "span", {}, field)), make("dd", {}, ...why));
  }
  return list;
}

function received(delivery, arrivals) {
  const fields = [...delivery.fields_sent, ...delivery.fields_derived.map((field) => `${field} (derived)`)];
  const list = make("ul", { class: "fields" }, ...fields.map((field) => make("li", {}, field)));
  if (!arrivals.length) return [list, make("p", {}, "Not here yet.")];
  return [list, ...arrivals.flatMap(({ to, body, objections }) => [
    make("details", narrow.matches ? {} : { open: "" }, make("summary", {}, make("code", {}, to)), make("pre", {}, body)),
    make("p", { class: "verdict" }, objections.length ? `! The vendor objects: ${objections.join("; ")}` : "✓ Valid for this vendor"),
  ])];
}

function card(destination, delivery, arrivals) {
  const status = delivery?.status ?? "unasked";
  const head = make("header", {},
    make("h4", {}, destination.title.replace(/ \(.*\)/, "")),
    make("p", { class: "needs" }, destination.purpose === "necessary" ? "necessary: always on" : `needs ${destination.purpose}`),
    badge(status));
  const body = make("article", { class: `card ${status}` }, head);
  if (!delivery) {
    body.append(make("p", {}, "Events of this kind do not go here."));
  } else if (status === "blocked") {
    body.append(
      make("p", { class: "why" }, ...coded(reasons, delivery.reason)),
      make("h5", {}, "Stripped"),
      make("p", {}, "Everything."),
      make("h5", {}, "Received"),
      make("p", {}, arrivals.length ? "Something arrived that should not have." : "Nothing. No request was made."));
  } else {
    if (delivery.reason) body.append(make("p", { class: "why" }, ...coded(reasons, delivery.reason)));
    body.append(
      make("h5", {}, "Stripped"), strippedFields(delivery, destination.purpose),
      make("h5", {}, "Received"), ...received(delivery, arrivals));
  }
  return body;
}

function shortName(name, destinations) {
  const to = destinations.find((one) => one.name === name);
  return kinds[to?.kind] ?? to?.title ?? name;
}

function summary({ number, record }, destinations) {
  const state = record.consent_state;
  const word = (purpose) => `${purpose} ${state[purpose] ? "yes" : "no"}`;
  const time = new Date(record.timestamp);
  const facts = [time.toLocaleTimeString(), word("analytics"), word("marketing")];
  if (record.gpc.detected) facts.push("Sec-GPC: 1");
  const badges = record.deliveries.map((one) =>
    badge(one.status, shortName(one.destination, destinations)));
  return make("summary", {},
    make("h3", {}, `${number}. ${names[record.event_type] ?? record.event_type}`),
    make("span", { class: "facts" }, facts.join(" · ")),
    make("span", { class: "badges" }, ...badges));
}

function render(event, destinations) {
  const { record, arrived } = event;
  const cards = destinations.map((destination) =>
    card(destination, record.deliveries.find((one) => one.destination === destination.name), arrived[destination.name] ?? []));
  return make("details", { class: "event", "data-request": record.request_id },
    summary(event, destinations),
    make("div", { class: "cards" }, ...cards),
    make("section", { class: "audit" },
      make("h4", {}, "The audit record, in words"),
      ...told(record, destinations).map((sentence) => make("p", {}, sentence)),
      make("details", {},
        make("summary", {}, "The record as JSON"),
        make("p", {}, "Names of fields, never their values. In the terminal: ", make("code", {}, `gatekeeper audit show ${record.request_id} --config var/demo/gatekeeper.toml`)),
        make("pre", { tabindex: "0", role: "region", "aria-label": `Audit record of event ${event.number}` }, JSON.stringify(record, null, 2)))));
}

const listed = (words) => words.join(", ").replace(/, ([^,]*)$/, " and $1");

// What the line of the log says, for who does not read JSON.
function told(record, destinations) {
  const { country, region, laws } = record.jurisdiction;
  const place = places[region ? `${country}-${region}` : country] ?? country ?? "an unknown place";
  const law = listed(laws.map((id) => lawNames[id] ?? id.toUpperCase()));
  const may = ["analytics", "marketing"].filter((purpose) => record.consent_state[purpose]);
  const gpc = record.gpc.detected ? ` The browser sent Sec-GPC: 1, which was ${record.gpc.honoured ? "honoured" : "not binding there"}.` : "";
  const held = record.inputs.held ? " The page had held it until the visitor answered." : "";
  const sentences = [
    `At ${new Date(record.timestamp).toLocaleTimeString()}: ${(names[record.event_type] ?? record.event_type).toLowerCase()} of a visitor in ${place}. Law: ${law || "none"}.${held}`,
    `Allowed besides what is necessary: ${may.length ? listed(may) : "nothing"}.${gpc}`,
  ];
  for (const one of record.deliveries) {
    const name = shortName(one.destination, destinations);
    if (one.status === "blocked") sentences.push(`${name} got nothing. ${reasons[one.reason] ?? one.reason}`);
    else {
      const gone = one.fields_stripped.length;
      const basis = bases[one.consent_basis] ?? one.consent_basis;
      sentences.push(`${name}: ${(statuses[one.status]?.[1] ?? one.status).toLowerCase()}, ${one.fields_sent.length} fields, ${basis}; ${gone ? `${gone} left out (${listed(one.fields_stripped)})` : "none left out"}.`);
    }
  }
  return [...sentences, `Line ${record.n} of the log, under policy “${record.policy.version}”.`];
}

function announce({ number, record }, destinations) {
  if (announced.has(record.request_id) || record.deliveries.some((one) => one.status === "pending")) return;
  announced.add(record.request_id);
  if (first) return;
  const what = record.deliveries.map((one) =>
    `${shortName(one.destination, destinations)} ${(statuses[one.status] ?? ["", one.status])[1].toLowerCase()}`);
  const title = `${names[record.event_type] ?? record.event_type} ${number}`;
  say(`${title}: ${what.join(", ")}.`, record.deliveries.map((one) => answer(one, destinations)));
}

function answer(one, destinations) {
  const name = shortName(one.destination, destinations);
  const why = one.status === "blocked" ? reasons[one.reason] ?? one.reason : `${one.fields_sent?.length ?? 0} fields`;
  return make("li", { class: one.status }, badge(one.status, name), make("span", {}, why));
}

// One sentence, which screen readers hear, and a line for each destination.
export function say(sentence, lines = []) {
  $("news").textContent = sentence;
  $("answer").replaceChildren(...lines);
}

function show({ destinations, events }) {
  const list = $("events");
  const current = new Set(events.map(({ record }) => record.request_id));
  for (const [id, { element }] of shown) {
    if (!current.has(id)) {
      element.remove();
      shown.delete(id);
    }
  }
  for (const event of [...events].reverse()) { // oldest first, each put before the one shown so far
    const id = event.record.request_id;
    const text = JSON.stringify(event);
    const before = shown.get(id);
    if (before?.text !== text) {
      const element = render(event, destinations);
      if (before) {
        element.open = before.element.open;
        const focused = before.element.contains(document.activeElement);
        before.element.replaceWith(element);
        if (focused) element.querySelector("summary").focus();
      } else {
        for (const older of shown.values()) older.element.open = false;
        element.open = true;
        list.prepend(element);
      }
      shown.set(id, { element, text });
    }
    announce(event, destinations);
  }
  $("empty").hidden = events.length > 0;
  first = false;
}

export async function refresh() {
  try {
    const answer = await fetch("/demo/board");
    if (!answer.ok) throw new Error(answer.statusText);
    show(await answer.json());
    $("connection").hidden = true;
  } catch {
    $("connection").hidden = false;
  }
}

async function watch() {
  if (!document.hidden) await refresh();
  setTimeout(watch, 1000);
}

document.addEventListener("visibilitychange", () => document.hidden || refresh());
watch();
