// A part of a page that is kept fresh by server-sent events. An event is the part as HTML, rendered by the server.

const policy = globalThis.trustedTypes?.createPolicy("gatekeeper", { createHTML: (html) => html });

function parsed(html) {
  const made = new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");
  return made.body.firstElementChild;
}

// Make `old` as `fresh` is and change no more than differs: what has the focus or is open stays so.
export function become(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...(old.attributes ?? [])]) {
    if (!fresh.hasAttribute(name) && name !== "open" && name !== "data-live") old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes ?? []) {
    if (old.getAttribute(name) !== value && name !== "open") old.setAttribute(name, value);
  }
  const now = [...old.childNodes];
  const then = [...fresh.childNodes];
  then.forEach((child, n) => (n < now.length ? become(now[n], child) : old.append(child)));
  now.slice(then.length).forEach((child) => child.remove());
}

export function follow(part) {
  const state = document.querySelector("[data-live-state]");
  const say = (word) => state && (state.textContent = word);
  let source;
  let late; // an answer lasts some seconds and is asked for again: that is no news
  const open = () => {
    source = new EventSource(part.dataset.live);
    source.addEventListener("part", (event) => {
      const fresh = parsed(event.data);
      if (fresh) become(part.firstElementChild, fresh);
      clearTimeout(late);
      say("Live");
    });
    source.addEventListener("over", () => {
      source.close();
      say("The session is over: load the page again.");
    });
    source.addEventListener("error", () => {
      clearTimeout(late);
      if (source.readyState === EventSource.CLOSED) say("Not live: load the page again.");
      else late = setTimeout(() => say("Connecting …"), 4000);
    });
  };
  // A page that is not seen asks for nothing.
  document.addEventListener("visibilitychange", () => {
    source?.close();
    if (!document.hidden) open();
  });
  if (!document.hidden) open();
}
