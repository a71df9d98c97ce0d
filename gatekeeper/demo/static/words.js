// The gate's codes in plain words. The code itself always stands beside them.

export const reasons = {
  no_analytics_consent: "You did not allow analytics.",
  no_marketing_consent: "You did not allow marketing.",
  gpc_opt_out: "Your browser asks not to be sold or shared (Sec-GPC); it overrules a yes.",
  sale_opt_out: "You opted out of sale or sharing.",
  consent_withdrawn: "You took your consent back.",
  consent_expired: "Your consent is too old to count.",
  consent_unreadable: "Your consent cookie is broken, so nothing optional is sent.",
  minor: "The visitor is a minor.",
  jurisdiction_blocked: "It may not be used where you are.",
  purpose_mismatch: "The event was not meant for this purpose.",
  insufficient_data: "What is left is not a valid event for this vendor.",
  internal_error: "The gate failed, so it sent nothing.",
};

// `purpose` is what the destination is for.
export const causes = (purpose) => ({
  purpose: `not for ${purpose}`,
  not_needed: "not needed here",
  unknown_field: "not in the catalogue",
  opt_out: "you opted out",
  invalid: "not usable",
});

// What was taken out of a value that was sent.
export const shapes = { query: "query parameters that are not listed" };

// Short names of the kinds, where space is short.
export const kinds = { ga4: "GA4", meta_capi: "Meta", tiktok: "TikTok", first_party: "Own analytics", sentry: "Error monitor" };

// A mark, a word and a style for each status: never a colour alone.
export const statuses = {
  delivered: ["✓", "Delivered"],
  blocked: ["✕", "Blocked"],
  pending: ["…", "On its way"],
  failed: ["!", "Failed"],
  cancelled: ["✕", "Cancelled"],
  unasked: ["–", "Not asked"],
};

// On what ground something was sent.
export const bases = {
  analytics: "by your consent to statistics",
  marketing: "by your consent to advertising",
  necessary: "because it is necessary",
  not_opted_out: "because you have not opted out",
};

// What the banner becomes where the law says this.
export const asked = {
  opt_in: "The banner is a question, and until it is answered nothing optional happens.",
  opt_out: "There is no banner but a link, “Privacy choices”: allowed until the visitor opts out.",
  object: "The banner tells of statistics, which go on unless the visitor objects.",
  none: "No law there asks for a banner.",
};

export const lawNames = {
  gdpr: "GDPR", ccpa: "CCPA (California)", tdpsa: "TDPSA (Texas)", lgpd: "LGPD (Brazil)",
  us: "US federal law", coppa: "COPPA (children)", strictest: "the strictest there is",
};
export const places = { DE: "Germany", "US-CA": "California", "US-TX": "Texas", BR: "Brazil" };

export const events = { purchase: "Purchase", error: "Error" };
