// In the place of gatekeeper.js: it has the same interface (gatekeeper.d.ts), the test's state, and answers as the test says.
window.calls = [];
window.outcomes = [];
{
  const listeners = {};
  const tell = (name, value) => listeners[name]?.(value);
  const answered = (choices) => {
    const state = structuredClone(window.state);
    for (const purpose of state.purposes) {
      if (!(purpose.id in choices)) continue;
      purpose.choice = choices[purpose.id] ? "granted" : "refused";
      purpose.effective = choices[purpose.id];
    }
    return { ...state, why: null, decided: true };
  };
  const end = async (choices) => {
    const { fresh, ...outcome } = (await window.outcomes.shift()) ?? { ok: true, status: 201, conflicts: [] };
    if (outcome.ok) window.state = answered(choices);
    if (fresh) window.state = fresh;
    if (outcome.ok || fresh) window.late ? setTimeout(() => tell("state", window.state)) : tell("state", window.state);
    return outcome;
  };
  window.gatekeeper = {
    consent(choices, { event, ...answering } = {}) {
      if (!choices) return { decided: window.decided, choices: {}, effective: {}, gpc: false, state: window.state };
      window.calls.push({ choices, ...answering, trusted: event?.isTrusted });
      return end(choices);
    },
    withdraw(purpose) {
      window.calls.push({ withdraw: purpose ?? null });
      const ids = purpose ? [purpose] : window.state.purposes.map(({ id }) => id);
      return end(Object.fromEntries(ids.map((id) => [id, false])));
    },
    show(surface) {
      window.calls.push({ show: surface });
      tell("state", window.state);
      tell("show", surface);
    },
    refresh() {
      window.calls.push({ refresh: true });
      setTimeout(() => tell("state", window.state));
    },
    on(name, listener) {
      listeners[name] = listener;
      if (name === "state" && !window.decided) setTimeout(() => listener(window.state));
    },
    tell,
    ready: Promise.resolve({ decided: window.decided, state: window.decided ? null : window.state }),
  };
}
