// The browser's side of Gatekeeper. A classic script without dependencies, first in <head>: what it sets precedes every tag.
//
//     cookie `gatekeeper_choice` --+
//     GET <base>consent -----------+--> effective, by purpose --> Google and others, tags, events, listeners
//     a choice on this page -------+
//
// Nothing is stored by this script. What the visitor has not decided about waits in memory and ends with the page.
// The interface: gatekeeper.d.ts. The server puts the policy in, and takes these comments out.
(() => {
  "use strict";
  const policy = /** @type {any} */ (globalThis).__POLICY__;
  const page = window, doc = document, queue = page.gatekeeper;
  // A second copy would declare Google's default again.
  if (queue && !Array.isArray(queue)) return;

  const base = new URL(".", doc.currentScript.src).href;
  const PURPOSES = policy.purposes;
  // Events of a body, and events that wait for a network, at most.
  const BATCH = 10, UNSENT = 200;
  const keys = (names, value) => Object.fromEntries(names.map((name) => [name, value]));
  const later = (run, ms = 0) => setTimeout(run, ms);
  const seconds = () => Date.now() / 1e3;
  const clock = () => performance.now();
  const words = (of) => Object.fromEntries(PURPOSES.map((purpose) => [purpose, of(purpose)]).filter((pair) => pair[1] !== undefined));

  // ---- listeners

  const listeners = {};
  // Each in a task of its own: a slow one holds up neither the click nor the others.
  const emit = (name, value) => (listeners[name] || []).forEach((listen) => later(() => listen(value)));
  function on(name, listen) {
    listeners[name] = [...(listeners[name] || []), listen];
    if (name === "state" && state) later(() => listen(state));
    if (name === "ready") ready.then(listen);
    return () => (listeners[name] = listeners[name].filter((one) => one !== listen));
  }

  // ---- what is known: the newest state, what the cookie says, and `sure`, what is in force until the next state

  let state, asked, askedAt, cookie, said = {}, sure = {}, effective = {}, asking, begin;
  // Writes that began or ended, those on their way, and whether the gate has to be told a refusal again.
  let writes = 0, pending = 0, unheard;
  const ready = new Promise((resolve) => (begin = resolve)).then(() => consent());

  // 2.a+.m-.<seconds>.<notice>; whether it is another one than before.
  function reread() {
    const [value, analytics, marketing, at, notice] =
      /(?:^|; )gatekeeper_choice=2\.a([+-]?)\.m([+-]?)\.(\d+)\.([^;]*)/.exec(doc.cookie) || [];
    const other = value !== cookie;
    cookie = value;
    said = { analytics, marketing, at, notice };
    return other;
  }
  // The visitor answered this notice, lately: the gate need not be asked.
  const fresh = () =>
    PURPOSES.every((purpose) => said[purpose]) && seconds() - said.at < policy.again && policy.notices.includes(said.notice);
  const row = (purpose) => state && state.purposes.find((one) => one.id === purpose);
  const choice = (purpose) => ({ "+": "granted", "-": "refused" })[said[purpose]] || (row(purpose) || said).choice || undefined;
  const gpc = () => !!navigator.globalPrivacyControl;
  // Whether a purpose may be used; undefined: the visitor is to be asked, or it is not known yet.
  function holds(purpose) {
    if (purpose in sure) return sure[purpose];
    const one = row(purpose);
    if (one) return one.effective || (one.choice || one.ask !== "opt_in" ? false : undefined);
    if (gpc() && purpose === "marketing") return false;
    // An old grant is no grant before the gate has said so: what it released would have to be reloaded away.
    return said[purpose] === "-" ? false : (said[purpose] && fresh()) || undefined;
  }
  const undecided = () => PURPOSES.some((purpose) => holds(purpose) === undefined);
  const granted = () => PURPOSES.some(allows);
  // Nothing may be used yet, and an answer is to come.
  const waits = () => undecided() && !granted();
  const allows = (purpose) => purpose === "necessary" || !!effective[purpose];
  const consent = () => ({ decided: !undecided(), choices: words(choice), effective, gpc: gpc(), state: state || null });

  // What is in force now, and all that follows from a change.
  function apply() {
    const before = effective;
    effective = words((purpose) => !!holds(purpose));
    const changed = PURPOSES.filter((purpose) => before[purpose] !== effective[purpose]);
    const lost = changed.filter((purpose) => before[purpose]);
    tell();
    if (lost.length) forget(lost);
    if (changed.some((purpose) => purpose in before)) {
      const detail = { choices: words(choice), effective, changed };
      page.dataLayer.push({ event: "gatekeeper_consent", gatekeeper: effective });
      emit("consent", detail);
      later(() => doc.dispatchEvent(new CustomEvent("gatekeeper:consent", { detail })));
    }
    later(release);
    if (!waits()) settle();
  }

  // ---- the gate

  const send = (path, method, body) =>
    fetch(base + path, { method, body, credentials: "include", keepalive: true, headers: body ? { "Content-Type": "application/json" } : {} });

  const after = (answer) => +answer.headers.get("Retry-After") || undefined;

  const refused = () => PURPOSES.filter((purpose) => sure[purpose] === false);
  function settled() {
    if (!pending && !unheard) sure = {};
    apply();
    restart();
  }
  function take(newer) {
    state = newer;
    settled();
    // What events are held for.
    asked = state;
    askedAt = clock();
    emit("state", state);
    return state;
  }

  // One question at a time; the state, or null. An answer that a choice overtook is not taken.
  const ask = async (language) => {
    const before = writes, answer = await send("consent?language=" + encodeURIComponent(language), "GET");
    const newer = answer.ok ? await answer.json() : null;
    return before !== writes ? ask(language) : newer && take(newer);
  };
  const refresh = async (language = doc.documentElement.lang) =>
    doc.prerendering ? null : (asking = asking || ask(language).catch(() => null).finally(() => (asking = 0)));
  const current = () => (state && seconds() < state.expires ? state : refresh());

  const nothing = (code) => ({ ok: false, status: 0, code });
  // A choice. Refusals are in force at once, grants with the gate's answer.
  async function choose(choices, { method = "api", surface = "page", event, ...more } = {}) {
    const grants = PURPOSES.some((purpose) => choices[purpose]), active = navigator.userActivation;
    if (grants && ((event && !event.isTrusted) || (active && !active.isActive))) return nothing("no_gesture");
    refuse(PURPOSES.filter((purpose) => choices[purpose] === false));
    const shown = grants && (await current());
    return write("consent", "POST", {
      choices, method, surface, ...(shown && { token: shown.token, rendered: shown.notice.hash }), ...more,
    });
  }
  const withdraw = (purpose) => {
    refuse(purpose ? [purpose] : PURPOSES);
    return write("consent" + (purpose ? "?purpose=" + purpose : ""), "DELETE");
  };
  function refuse(purposes) {
    pending++;
    purposes.forEach((purpose) => (sure[purpose] = false));
    apply();
  }
  async function write(path, method, body) {
    let outcome = nothing("offline");
    writes++;
    unheard = 0;
    try {
      const answer = await send(path, method, body && JSON.stringify(body));
      const told = await answer.json();
      outcome = { ...told, ok: answer.ok, status: answer.status, retry: after(answer) };
      writes++;
      pending--;
      reread();
      Object.assign(sure, told.effective);
      if (told.state) take(told.state);
      else {
        apply();
        refresh();
      }
    } catch {
      // A refusal is in force here, and told when there is a network. A grant is not.
      pending--;
      unheard = refused()[0];
    }
    restart();
    return outcome;
  }
  const repeat = () => unheard && (pending++, write("consent", "POST", { choices: keys(refused(), false), method: "withdraw" }));

  // ---- other tabs, Back and Forward, other consent platforms

  let looking;
  function look() {
    if (doc.prerendering) return;
    repeat();
    // Another tab's choice: what was asked here is out of date, its token too.
    if (reread()) {
      state = undefined;
      settled();
      if (!fresh() || listeners.state) refresh();
      // Without a choice of ours another platform may have asked: the gate reads its cookies.
    } else if (!cookie && !asking) {
      clearTimeout(looking);
      looking = later(refresh, 1e3);
    }
  }
  if (page.cookieStore) cookieStore.addEventListener("change", look);
  page.addEventListener("pageshow", (event) => event.persisted && look());
  doc.addEventListener("visibilitychange", () => (doc.hidden ? leave() : look()));
  page.addEventListener("pagehide", leave);
  page.addEventListener("online", () => {
    repeat();
    if (undecided()) refresh();
    flush();
  });

  // ---- events

  const fields = {};
  for (const letters in policy.fields) policy.fields[letters].split(" ").forEach((name) => (fields[name] = letters));
  let held = [], outbox = [], timer, sending, address = doc.referrer;
  const necessary = ({ purposes }) => purposes && purposes.every((purpose) => purpose === "necessary");

  function track(event, data = {}, { purposes = policy.events[event], event_id } = {}) {
    const id = event_id || "e_" + crypto.getRandomValues(new Uint32Array(3)).join("_");
    const one = { event, data: JSON.parse(JSON.stringify(data)), purposes, id, at: clock() };
    waits() && !necessary(one) ? (held = [...held, one].slice(-50)) : put([one]);
  }
  function visit(data) {
    track("page_view", { page_url: location.href, page_title: doc.title, ...(address && { referrer: address }), ...data });
    address = location.href;
  }
  function put(list) {
    outbox = [...outbox, ...list].slice(-UNSENT);
    wait(outbox.length < BATCH ? 2e3 : 0);
  }
  function wait(ms) {
    clearTimeout(timer);
    timer = later(flush, ms);
  }
  // Held events leave after a grant, with their times by the server's clock, not before the token that asked. A refusal
  // ends them, and half an hour. The token is good for a day (gatekeeper/consent/token.py).
  function settle() {
    const list = held.filter(({ at }) => granted() && clock() - at < 18e5);
    held = [];
    for (const one of list)
      if (asked) Object.assign(one, { held: asked.token, time: asked.expires - 86400 + Math.max(0, one.at - askedAt) / 1e3 });
    if (list.length) put(list);
  }
  // The event as it leaves: fields that no granted purpose covers stay here.
  function payload({ event, data, purposes, id, held, time: event_time }) {
    const may = (purposes || ["necessary", ...PURPOSES]).filter(allows);
    const covered = ([name]) => may.some((purpose) => (fields[name.replace(/_hash$/, "")] || "").includes(purpose[0]));
    return {
      event, event_id: id, event_time, held, purposes: may[0] ? may : purposes,
      consent: words((purpose) => (allows(purpose) ? !!choice(purpose) || undefined : false)),
      data: Object.fromEntries(Object.entries(data).filter(covered)),
    };
  }
  // The next body of some events, as many as fit: 60 kB at most, by three bytes a character.
  function batch(most) {
    const list = outbox.slice(0, most), body = JSON.stringify({ events: list.map(payload) });
    if (most > 1 && body.length > 2e4) return batch(most >> 1);
    outbox = outbox.slice(list.length);
    return [list, body];
  }
  function leave() {
    while (outbox.length) {
      const [list, body] = batch(BATCH);
      if (navigator.sendBeacon(base + "collect", new Blob([body], { type: "application/json" }))) continue;
      outbox = [...list, ...outbox];
      return;
    }
  }
  async function flush() {
    if (sending) return;
    sending = true;
    for (let most = BATCH; outbox.length; ) {
      const [list, body] = batch(most);
      const answer = await send("collect", "POST", body).catch(() => 0), status = answer.status || 0;
      if (status > 399) console.warn("gatekeeper", status);
      const again = !status || status === 429 || status > 499;
      // All events of a body are taken or none: the bad one is found alone.
      if (again || (status > 399 && list.length > 1)) outbox = [...list, ...outbox].slice(0, UNSENT);
      most = status > 399 ? 1 : BATCH;
      if (again) {
        wait(((answer && after(answer)) || 5) * 1e3);
        break;
      }
    }
    sending = false;
  }

  // ---- tags: each is run once, in the order of the document

  const TAGS = 'script[type="text/plain"][data-purpose],iframe[data-purpose][data-src]';
  const ran = {};
  let running, trusted, reload;
  const tags = () => [...doc.querySelectorAll(TAGS)];
  const needs = (tag) => tag.dataset.purpose.split(/[\s,]+/);
  const may = (tag) => needs(tag).every(allows);
  // The parser has seen its end.
  const whole = (tag) => tag.nextSibling || doc.readyState !== "loading";
  function find(tag) {
    if (tag.waits || may(tag)) return;
    tag.waits = true;
    emit("blocked", { element: tag, purposes: needs(tag) });
    if (!tag.dataset.placeholder) return;
    // "Load this once": for this frame alone, whatever was chosen.
    const button = doc.createElement("button");
    button.type = "button";
    button.textContent = tag.dataset.placeholder;
    button.onclick = (event) => event.isTrusted && run(tag);
    tag.placeholder = button;
    tag.before(button);
  }
  // Where Trusted Types are enforced, the site allows a policy named `gatekeeper`.
  function vouch(kind, value) {
    try {
      trusted = trusted || trustedTypes.createPolicy("gatekeeper", { createScript: String, createScriptURL: String });
    } catch {}
    return trusted ? trusted[kind](value) : value;
  }
  function run(tag) {
    // Once: it is none of TAGS any more.
    delete tag.dataset.purpose;
    if (tag.placeholder) tag.placeholder.remove();
    const src = tag.dataset.src || tag.getAttribute("src");
    if (tag.localName === "iframe") return void (/^http/.test(new URL(src, base)) && (tag.src = src));
    const copy = doc.createElement("script");
    for (const { name, value } of tag.attributes)
      if (!/^(type|src|nonce|data-(src|type))$/.test(name)) copy.setAttribute(name, value);
    if (tag.dataset.type) copy.type = tag.dataset.type;
    copy.nonce = tag.nonce;
    if (src) copy.src = vouch("createScriptURL", src);
    else copy.text = vouch("createScript", tag.text);
    const done = src && !tag.hasAttribute("async") && new Promise((next) => (copy.onload = copy.onerror = next));
    tag.replaceWith(copy);
    return done;
  }
  async function release() {
    if (running) return;
    running = true;
    for (let tag; (tag = tags().find((one) => may(one) && whole(one))); ) {
      needs(tag).forEach((purpose) => (ran[purpose] = true));
      try {
        await run(tag);
      } catch (error) {
        console.error(error);
      }
    }
    running = false;
  }
  function scan() {
    tags().forEach(find);
    release();
  }

  // ---- withdrawal: first-party cookies that the policy lists, on every level of the domain

  function forget(lost) {
    const labels = location.hostname.split(".");
    if (!granted()) outbox = outbox.filter(necessary);
    for (const part of doc.cookie.split("; ")) {
      const name = part.split("=")[0];
      if (!lost.some((purpose) => (policy.cookies[purpose] || []).some((one) => new RegExp("^" + one + "$").test(name)))) continue;
      for (const domain of ["", ...labels.map((_, n) => "; Domain=" + labels.slice(n).join("."))])
        doc.cookie = name + "=; Max-Age=0; Path=/" + domain;
    }
    reload = reload || lost.some((purpose) => ran[purpose]);
  }

  // A script that ran cannot be undone. Not before the gate's answer, so that the next page has the new cookie.
  function restart() {
    if (!reload || pending || unheard) return;
    reload = false;
    later(() => location.reload(), 50);
  }

  // ---- what vendors' own scripts are told, each once for each change

  const dataLayer = (page.dataLayer = page.dataLayer || []);
  // Google reads `arguments`, not arrays.
  function gtag() {
    dataLayer.push(arguments);
  }
  const ADS = ["ad_storage", "ad_user_data", "ad_personalization"];
  if (!dataLayer.some((one) => one[0] === "consent" && one[1] === "default"))
    gtag("consent", "default", {
      ...keys([...ADS, "analytics_storage", "functionality_storage", "personalization_storage"], "denied"), security_storage: "granted",
    });
  const told = { dataLayer: "denied,denied" };
  function tell() {
    const { analytics, marketing } = effective;
    const ad_storage = marketing ? "granted" : "denied", analytics_storage = analytics ? "granted" : "denied";
    const vendors = {
      dataLayer: () => gtag("consent", "update", { ...keys(ADS, ad_storage), analytics_storage }),
      uetq: (uetq) => uetq.push("consent", "update", { ad_storage }),
      fbq: (fbq) => fbq("consent", marketing ? "grant" : "revoke"),
      ttq: (ttq) => ttq[marketing ? "grantConsent" : "revokeConsent"](),
      clarity: (clarity) => clarity("consentv2", { ad_Storage: ad_storage, analytics_Storage: analytics_storage }),
    };
    for (const name in vendors)
      try {
        if (page[name] && told[name] !== (told[name] = [ad_storage, analytics_storage].join())) vendors[name](page[name]);
      } catch (error) {
        console.error(error);
      }
  }

  // ---- the banner

  async function show(surface = "preferences") {
    if (doc.readyState === "loading") await new Promise((next) => doc.addEventListener("DOMContentLoaded", next));
    if (!(listeners.show || [])[0]) return location.assign(base + "consent?next=" + encodeURIComponent(location.pathname + location.search));
    await current();
    emit("show", surface);
  }

  // ---- start

  page.gatekeeper = {
    track, page: visit, flush, allows, show, refresh, ready, on, withdraw,
    consent: (choices, answering) => (choices ? choose(choices, answering) : consent()),
    push: (...calls) => calls.forEach(([name, ...given]) => page.gatekeeper[name](...given)),
  };
  function start() {
    reread();
    apply();
    new MutationObserver(scan).observe(doc, { childList: true, subtree: true });
    scan();
    begin(fresh() || refresh());
  }
  if (doc.prerendering) doc.addEventListener("prerenderingchange", start, { once: true });
  else start();
  doc.addEventListener("readystatechange", () => (tell(), scan()));
  page.gatekeeper.push(...(queue || []));
})();
