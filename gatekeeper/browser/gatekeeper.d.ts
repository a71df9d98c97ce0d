/**
 * The browser's side of Gatekeeper: `window.gatekeeper`, from `/gk/gatekeeper.js`. Served at `/gk/gatekeeper.d.ts`.
 *
 * How a banner hooks in. It makes no request and reads no cookie: it shows a state and hands over an answer.
 *
 *     gatekeeper.on("state", state => …)   the newest answer to GET /gk/consent; called at once if there is one already,
 *                                          then after every choice, a 409, and a change in another tab
 *     gatekeeper.on("show", surface => …)  the site wants "banner" or "preferences" shown; without a listener the
 *                                          browser goes to the preferences page, which needs no script
 *     gatekeeper.consent(choices, {…})     a choice; resolves with what came of it, rejects never
 *     gatekeeper.withdraw(purpose)         a withdrawal; the same
 *
 * No state comes where none is needed: the visitor has answered this notice, lately, in this browser, and the site has
 * not asked for one by `show`. A banner is hidden until a state with `why` arrives.
 *
 * A click by script grants nothing. A banner passes on the event of the click as `event`: a grant needs
 * `event.isTrusted` and, where the browser knows it, `navigator.userActivation.isActive`. A refusal is taken from anything.
 */

export type Purpose = "analytics" | "marketing";
export type Word = "granted" | "refused";
export type Ask = "opt_in" | "opt_out" | "object" | "none";
export type Why = "never_asked" | "notice_changed" | "expired" | "refusal_old";
export type Surface = "banner" | "preferences" | "embed" | "page" | "app";
export type Method =
  | "accept_all" | "reject_all" | "save" | "close" | "object" | "opt_out" | "gpc" | "withdraw" | "form" | "api";
export type Choices = Partial<Record<Purpose, boolean>>;

export interface Recipient {
  name: string;
  company: string | null;
  /** ISO 3166-1 alpha-2 */
  country: string | null;
  policy: string | null;
  retention: string | null;
}

export interface PurposeState {
  id: Purpose;
  ask: Ask;
  /** What the visitor last said. */
  choice: Word | null;
  at: string | null;
  /** What the gate does. */
  effective: boolean;
  reason: string | null;
  title: string;
  text: string;
  recipients: Recipient[];
}

/** The answer to `GET /gk/consent`. */
export interface State {
  format: 1;
  ask: Ask;
  /** Why the visitor is to be asked now; `null`: they are not. */
  why: Why | null;
  decided: boolean;
  purposes: PurposeState[];
  signals: { gpc: { detected: boolean; honoured: boolean } };
  jurisdiction: { country: string | null; region: string | null; laws: string[] };
  notice: {
    version: string;
    hash: string;
    language: string;
    direction: "ltr" | "rtl";
    scope: string;
    /** All words of the notice by name, in the order in which they are hashed. */
    texts: Record<string, string>;
    url: string | null;
  };
  token: string;
  /** The token's end, Unix seconds. */
  expires: number;
}

/** What the page knows of the visitor. */
export interface Consent {
  /** Whether the visitor has answered, or no answer is wanted of them. `false`: events wait in memory. */
  decided: boolean;
  choices: Partial<Record<Purpose, Word>>;
  /** What may happen now. */
  effective: Record<Purpose, boolean>;
  /** `navigator.globalPrivacyControl` */
  gpc: boolean;
  /** `null` as long as the gate was not asked. */
  state: State | null;
}

export interface Change {
  choices: Partial<Record<Purpose, Word>>;
  effective: Record<Purpose, boolean>;
  /** The purposes whose `effective` differs from before; never empty. */
  changed: Purpose[];
}

export interface Answering {
  /** Default: "api". */
  method?: Method;
  /** Default: "page". */
  surface?: Surface;
  /**
   * The hash of the words that stand on the page: "sha256-" and the SHA-256, in base64url, of the JSON of a list: version,
   * language, scope, address or "", all texts, then of each purpose its title and text and what is known of its recipients.
   * Take them out of the page (`textContent`); words that are in the notice and not on this layer, from the state. Without
   * it you vouch for having shown the notice of the state.
   */
  rendered?: string;
  /** The event of the click. */
  event?: Event;
  /** The browser translated the page. */
  translated?: boolean;
}

/** What came of a choice. */
export interface Outcome {
  ok: boolean;
  /** The status of the gate's answer; 0: there was none (offline, or not sent at all, see `code`). */
  status: number;
  /**
   * Why a grant was not taken: one of the gate's codes, of which the newest state was passed to "state" listeners, or
   * `no_gesture` (a click by script), `offline`.
   */
  code?: "token_expired" | "notice_changed" | "text_mismatch" | "choice_conflict" | "no_gesture" | "offline";
  receipt?: string | null;
  conflicts?: { purpose: Purpose; signal: string }[];
  valid_until?: string | null;
  /** Refusals of the same choice that were taken although its grants were not. */
  refused?: Purpose[];
  /** Seconds after which another try is worth it (429, 503). */
  retry?: number;
}

export interface TrackOptions {
  /** For which purposes the event is meant; without it, those of the destinations that take it. */
  purposes?: ("necessary" | Purpose)[];
  event_id?: string;
}

export interface Gatekeeper {
  /** Send an event to `/gk/collect`, now or when the visitor has answered. */
  track(event: string, data?: Record<string, unknown>, options?: TrackOptions): void;
  /** Send `page_view` with the address and title; for the router of a single-page app. */
  page(data?: Record<string, unknown>): void;
  /** Send now what waits for a full batch, or for two seconds. */
  flush(): Promise<void>;
  consent(): Consent;
  consent(choices: Choices, answering?: Answering): Promise<Outcome>;
  /** Take back one purpose, or all. Listed cookies are deleted; the page reloads, once, if a released tag has run. */
  withdraw(purpose?: Purpose): Promise<Outcome>;
  allows(purpose: "necessary" | Purpose): boolean;
  /** Show the banner or the preferences. */
  show(surface?: "banner" | "preferences"): void;
  /** Ask the gate again, also in another language; resolves with the state, or `null` without an answer. */
  refresh(language?: string): Promise<State | null>;
  /** Calls by name, as a page queues them before the script is there: `["track", "purchase", {…}]`. */
  push(...calls: [name: string, ...given: unknown[]][]): void;
  /** Resolves when it is known what may happen. */
  ready: Promise<Consent>;
  /** `blocked`: a tag waits for a purpose that is not granted. Each returns the function that ends it. */
  on(name: "state", listener: (state: State) => void): () => void;
  on(name: "show", listener: (surface: "banner" | "preferences") => void): () => void;
  on(name: "consent", listener: (change: Change) => void): () => void;
  on(name: "ready", listener: (consent: Consent) => void): () => void;
  on(name: "blocked", listener: (blocked: { element: Element; purposes: Purpose[] }) => void): () => void;
}

declare global {
  interface Window {
    gatekeeper: Gatekeeper;
  }
  interface DocumentEventMap {
    "gatekeeper:consent": CustomEvent<Change>;
  }
}
