/**
 * The banner: `<gatekeeper-banner>`, put first in the body. State in, an answer out, both by `window.gatekeeper`
 * (gatekeeper.d.ts). It makes no request, stores nothing, and never moves the focus when it appears.
 *
 *   view       shown when                                          buttons
 *   hidden     there is nothing to say                             none
 *   ask        the gate wants a question (`why`); also `ask-again` refuse, accept, choose; ×: on without accepting
 *              and, where an objection is enough, `object`
 *   error      a grant was not taken                               as `ask`
 *   saved      a choice was taken                                  undo, close
 *   gpc        an opt-out law, and the browser's signal counts     preferences, close
 *   toast      the choice of an account came to this browser       preferences, close
 *   link       the visitor has chosen, or the law is opt-out, and  preferences; withdraw, while something is granted
 *              the site has no `data-gatekeeper-show` of its own
 *
 * The host's attribute `state` is the view, or `preferences` (the modal dialog is open) or `saving`. Refuse, accept and
 * the third button are cells of one grid, with one style and without a part: what a site sets holds for all three.
 */
{
  const api = window.gatekeeper;
  const tag = "gatekeeper-banner";
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
:host{all:initial;color-scheme:light dark;--t:var(--gatekeeper-text,CanvasText);--b:var(--gatekeeper-background,Canvas);--r:var(--gatekeeper-radius,.5em)}
section,dialog{position:fixed;z-index:2147483647;inset:auto 0 0;box-sizing:border-box;inline-size:100%;max-inline-size:var(--gatekeeper-width,56em);max-block-size:80%;margin:auto;padding:.75em;overflow:auto;border:2px solid;border-radius:var(--r);background:var(--b);color:var(--t);font:medium/1.5 var(--gatekeeper-font,system-ui,sans-serif);overflow-wrap:anywhere}
dialog{inset:0;max-block-size:100%}
section:not([hidden]),[open]{display:flex;flex-direction:column;gap:.75em}
section>div{display:contents}
.small>div{display:flex;flex-wrap:wrap;gap:0 1em}
.words{overflow:auto;min-block-size:2em}
.buttons{display:grid;grid:auto-flow 1fr/repeat(auto-fit,minmax(min(100%,8em),1fr));gap:.5em}
.small{inline-size:fit-content;margin-inline:0 auto}
h2,p,ul{margin:.5em 0 0}
ul{padding-inline-start:1.2em}
h2{font-size:1.2em}
output:empty{margin-block-end:-.75em}
fieldset{margin:.75em 0 0;border:1px solid}
label{display:block;padding:.7em 0}
input{scale:1.5;margin:0 1em 0 .5em}
a,button{color:inherit}
button{min-inline-size:44px;min-block-size:44px;padding:0;font:inherit;text-decoration:underline;cursor:pointer;background:none;border:0}
:focus-visible{outline:3px solid var(--t);outline-offset:-3px}
.buttons>*{outline-offset:2px;font-weight:600;text-decoration:none;color:var(--gatekeeper-accent-text,var(--b));background:var(--gatekeeper-accent,var(--t));border:2px solid var(--t);border-radius:var(--r)}
[title]{float:inline-end;font-size:1.4em;text-decoration:none}
svg{inline-size:30px;block-size:14px;margin-inline-end:.5em}
@media(forced-colors:active){.buttons>*{color:ButtonText;background:ButtonFace}}
@media print{:host{display:none!important}}`);

  const make = (name, attributes, ...children) => {
    const svg = /svg|path/.test(name);
    const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const key in attributes)
      if (key in element) element[key] = attributes[key];
      else element.setAttribute(key, attributes[key]);
    element.append(...children.flat(2).filter(Boolean));
    return element;
  };
  const button = (text, onclick, ...before) => make("button", { onclick }, ...before, text);
  const path = (d, fill, stroke) => make("path", { d, fill, stroke });
  // The sign of "Your Privacy Choices" in California (11 CCR 7015).
  const icon = () =>
    make(
      "svg",
      {},
      path("M7 0h16a7 7 0 0 1 0 14H7A7 7 0 0 1 7 0", "#06f"),
      path("M7 1h10l-3 12H7A6 6 0 0 1 7 1", "#fff"),
      path("m5 7 3 2 4-5", "none", "#06f"),
      path("m19 4 5 6m0-6-5 6", "none", "#fff"),
    );

  const start = (host, root) => {
    // `pinned`: the visitor's own act showed this view, so no newer state takes it away.
    let state, texts, busy, kept, pinned, before;
    let view = "hidden";
    // News is told on the first page of a visit.
    let silent = !api.consent().decided && !document.referrer.startsWith(location.origin);
    const page = document.documentElement;
    const { lang } = page;
    const question = make("div");
    // The live region stays in the tree, so that what it says is read out.
    const status = make("output");
    const section = make("section", { part: "panel", role: "region", tabIndex: -1, hidden: true }, status, question);
    const dialog = make("dialog", { part: "panel" });
    // A site that links to the preferences needs no link of ours.
    const linked = () => document.querySelector("[data-gatekeeper-show]");

    const shown = () => question.textContent + dialog.textContent;
    const mark = (name) => host.setAttribute("state", name);
    const asking = () =>
      (state.why ?? "never_asked") !== "never_asked" ? "ask-again" : state.ask === "object" ? "object" : "ask";
    const rest = () => (state.ask === "none" || linked() ? "hidden" : "link");
    const say = (word) => Object.fromEntries(state.purposes.map((one) => [one.id, word(one)]));
    const granted = ({ choice }) => choice === "granted";

    const choose = async (event, surface, method, word) => {
      if (busy) return;
      const { version, language, scope, url } = state.notice;
      // Chrome marks a page that it translated by a class, Firefox by its language.
      const translated = page.matches("[class*=translated-]") || page.lang !== lang;
      const words = [version, language, scope, url ?? "", ...Object.values(texts)];
      for (const { title, text, recipients } of state.purposes)
        words.push(title, text, ...recipients.flatMap(Object.values).filter(Boolean));
      // Where a script changed a word, added one or took one away, other words were shown: there is no grant.
      if (shown() !== kept && !translated) words.push(shown());
      const choices = say(word);
      before = say(granted);
      busy = true;
      dialog.close();
      section.hidden = false;
      status.textContent = texts.saving;
      mark("saving");
      // The browser paints first, if it paints at all: what follows may take long.
      await new Promise((done) => {
        requestAnimationFrame(() => setTimeout(done));
        setTimeout(done, 300);
      });
      // Without TLS there is no hash, and so no grant; a refusal wants none.
      const hash = new Uint8Array(await crypto.subtle?.digest("SHA-256", new TextEncoder().encode(JSON.stringify(words))));
      const base64 = btoa(String.fromCharCode(...hash));
      const rendered = "sha256-" + base64.replace(/[+/=]/g, (sign) => "-_"["+/".indexOf(sign)] ?? "");
      const { ok, status: code, conflicts } = await api.consent(choices, { method, surface, event, rendered, translated });
      busy = false;
      pinned = true;
      if (ok || !Object.values(choices).includes(true))
        show("saved", [texts[code === 503 ? "stopping" : "saved"], conflicts?.[0] && texts.gpc].join(" "));
      else show("error", texts[code === 409 ? "not_saved" : "try_later"]);
    };

    const undo = async () => {
      for (const one of state.purposes) if (granted(one) && !before[one.id]) await api.withdraw(one.id);
      api.show("banner");
    };

    const open = () => {
      if (!dialog.open) dialog.showModal();
      dialog.querySelector("h2").focus();
      mark("preferences");
    };

    const show = (next, said = "") => {
      const { notice, purposes, ask, why, signals } = state;
      const { activeElement } = root;
      const objects = ask === "object";
      const asks = /ask|object|error/.test(next);
      const draft = make("div");
      const same = view === next;
      view = next;
      texts = notice.texts;
      host.lang = notice.language;
      host.dir = notice.direction;
      section.className = asks ? "" : "small";
      section.hidden = view === "hidden";

      const line = (text) => text && make("p", {}, text);
      const cross = (text, onclick) => make("button", { onclick, title: text, ariaLabel: text }, "×");
      const fill = (element, surface, close, more, third) => {
        const answer = (text, method, word) =>
          button(texts[text], (event) => choose(event, surface, method, () => word));
        element.replaceChildren(
          make(
            "div",
            { className: "words" },
            close,
            make("h2", { tabIndex: -1 }, texts.title),
            line(texts[ask === "opt_in" ? "introduction" : "objection"]),
            line(view === "ask-again" && texts[why === "notice_changed" ? "again_notice" : "again_time"]),
            line(ask === "opt_out" && texts.opt_out_text),
            line(signals.gpc.honoured && texts.gpc),
            more,
            line(texts["scope_" + notice.scope]),
            notice.url && make("a", { href: notice.url }, texts.privacy),
          ),
          make(
            "div",
            { className: "buttons" },
            answer(objects ? "object" : "reject_all", objects || ask === "opt_out" ? ask : "reject_all", false),
            answer(objects ? "allow" : "accept_all", "accept_all", true),
            third,
          ),
        );
      };
      section.ariaLabel = dialog.ariaLabel = texts.title;

      fill(
        dialog,
        "preferences",
        cross(texts.dismiss, () => dialog.close()),
        [
          make("fieldset", {}, make("legend", {}, texts.necessary_title), line(texts.necessary_text)),
          purposes.map(({ id, ask, choice, effective, reason, title, text, recipients }) => {
            const disabled = reason === "gpc_opt_out";
            const checked = ask === "opt_in" ? choice === "granted" && !disabled : effective;
            const box = make("input", { type: "checkbox", name: id, checked, disabled });
            const list = recipients.map(({ name, company, country, policy, retention }) =>
              make(
                "li",
                {},
                name,
                Object.entries({ company, country, retention }).map(
                  ([label, value]) => value && `; ${texts[label]}: ${value}`,
                ),
                policy && make("br"),
                policy && make("a", { href: policy, rel: "noreferrer" }, texts.policy.replace("{company}", company ?? name)),
              ),
            );
            return make(
              "fieldset",
              {},
              make("legend", {}, title),
              line(text),
              make("label", {}, box, texts.allow),
              line(`${texts.state}: ${texts[choice ?? "unspoken"]}`),
              line(list[0] && texts.partners),
              make("ul", {}, list),
            );
          }),
        ],
        button(texts.save, (event) =>
          choose(event, "preferences", "save", ({ id }) => dialog.querySelector(`[name=${id}]`).checked),
        ),
      );

      if (asks) {
        const all = purposes.flatMap(({ recipients }) => recipients).length;
        fill(
          draft,
          "banner",
          cross(texts.close, (event) => choose(event, "banner", "close", () => false)),
          [
            make("ul", {}, purposes.map(({ title, text }) => make("li", {}, `${title}: ${text}`))),
            all && button(`${texts.partners} (${all})`, open),
          ],
          button(texts.choose, open),
        );
      } else {
        const back = button(texts.opt_out_link, () => api.show("preferences"), ask === "opt_out" && icon());
        const withdraw = (event) => choose(event, "banner", "withdraw", () => false);
        const leave = () => {
          pinned = false;
          show(rest());
        };
        draft.append(
          view === "saved" ? button(texts.undo, undo) : back,
          view !== "link"
            ? button(texts.dismiss, leave)
            : purposes.some(granted)
              ? button(texts.withdraw, withdraw)
              : "",
        );
      }
      // What is the same stays: a click may be under way.
      if (!same || draft.textContent !== question.textContent) question.replaceChildren(...draft.childNodes);
      kept = shown();
      status.textContent = said;
      if (activeElement && !root.activeElement) (dialog.open ? dialog.querySelector("h2") : section).focus();
      mark(dialog.open ? "preferences" : view);
    };

    root.adoptedStyleSheets = [sheet];
    root.append(section, dialog);
    api.ready.then((known) => known.decided && !known.state && !linked() && api.refresh());
    api.on("state", (fresh) => {
      state = fresh;
      if (busy) return;
      const { ask, decided, notice, signals } = state;
      const sells = ask === "opt_out";
      const news = silent && (sells ? signals.gpc.honoured : decided && notice.scope === "account");
      silent = false;
      if (pinned) show(view, status.textContent);
      else if (state.why) show(asking());
      else if (news) show(sells ? "gpc" : "toast", notice.texts[sells ? "gpc" : "from_account"]);
      else show(rest());
    });
    api.on("show", (surface) => {
      if (!state || busy) return;
      if (surface === "preferences") return open();
      pinned = true;
      show(asking());
    });
    document.addEventListener("click", (event) => {
      const link = event.target.closest("[data-gatekeeper-show]");
      if (!link) return;
      event.preventDefault();
      api.show(link.dataset.gatekeeperShow);
    });
    dialog.onclose = () => busy || mark(view);
    // Nothing of the page stays under the banner: its end, and what has the focus, scroll free of it (WCAG 2.4.11).
    new ResizeObserver(() => {
      const { style } = page;
      style.paddingBlockEnd = style.scrollPaddingBlockEnd = section.offsetHeight + "px";
    }).observe(section);
  };

  class Banner extends HTMLElement {
    connectedCallback() {
      this.shadowRoot || start(this, this.attachShadow({ mode: "open" }));
    }
  }
  if (api) {
    customElements.define(tag, Banner);
    if (!document.querySelector(tag)) document.body.prepend(document.createElement(tag));
  } else console.error("gatekeeper.js is missing");
}
