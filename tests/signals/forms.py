"""Generators of consent cookies, one per platform: every documented form of a refusal of everything, and every
record that no click made. The forms are those of docs/signals.md.

A cookie is its name and its value before any server wrapped it; a form is a list of cookies.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from urllib.parse import quote, quote_plus

from hypothesis import strategies as st

from tests.signals.encoders import gpp_string, number, tc_string, text_of

Form = list[tuple[str, str]]
Forms = st.SearchStrategy[Form]

NAME = st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=9).filter(
    lambda name: name not in ("required", "essential", "necessary", "strict")
)
NAMES = st.lists(NAME, min_size=1, max_size=4, unique=True)
MILLISECONDS = "1790000000000"
ISO = "2026-10-01T08:00:00.000Z"
ID = "11111111-2222-4333-8444-555555555555"


def in_json(value: object) -> st.SearchStrategy[str]:
    """JSON as browsers and as servers write it: compact, with blanks, percent-encoded or raw."""
    compact = json.dumps(value, separators=(",", ":"))
    return st.sampled_from([compact, json.dumps(value), quote(compact, safe=""), quote_plus(json.dumps(value))])


def in_base64(value: object) -> st.SearchStrategy[str]:
    """JSON in base64, with and without its padding, of both alphabets."""
    raw = json.dumps(value).encode()
    return st.sampled_from(
        [
            base64.b64encode(raw).decode(),
            base64.b64encode(raw).decode().rstrip("="),
            base64.urlsafe_b64encode(raw).decode(),
        ]
    )


def one(name: str, value: st.SearchStrategy[str]) -> Forms:
    """A form of one cookie."""
    return value.map(lambda text: [(name, text)])


def fixed(*forms: Sequence[tuple[str, str]]) -> Forms:
    """One of some forms."""
    return st.sampled_from([list(form) for form in forms])


def switches(off: object, pack: Callable[[dict[str, object]], st.SearchStrategy[str]]) -> st.SearchStrategy[str]:
    """Categories of the site's own naming, all of them off."""
    return NAMES.flatmap(lambda names: pack(dict.fromkeys(names, off)))


def _onetrust(names: list[str]) -> st.SearchStrategy[str]:
    groups = [
        "C0001:1,C0002:0,C0003:0,C0004:0",
        "C0004:0,C0001:1,C0002:0",
        "1:1,2:0,3:0,4:0",
        ",".join(["C0001:1", *(f"{name}:0" for name in names)]),
    ]
    fields = [f"isGpcEnabled=0&consentId={ID}&groups={quote(text, safe='')}&AwaitingReconsent=false" for text in groups]
    return st.sampled_from([*fields, *(f"groups={text}" for text in groups)])


def _cookiebot(word: str, method: str) -> str:
    flags = ",".join(f"{name}:{word}" for name in ("preferences", "statistics", "marketing"))
    return f"{{stamp:'abc==',necessary:true,{flags},method:'{method}',ver:1,utc:{MILLISECONDS},region:'de'}}"


def _fides(consent: dict[str, object], method: str | None, **more: object) -> dict[str, object]:
    meta = {"version": "0.9.0", "createdAt": ISO, "updatedAt": ISO}
    return {"consent": consent, "fides_meta": meta | ({} if method is None else {"consentMethod": method}), **more}


def _ketch(word: str) -> dict[str, object]:
    names = ("analytics", "behavioral_advertising", "site_ads")
    return {"essential_services": {"status": "granted"}} | {name: {"status": word} for name in names}


def _didomi(names: list[str]) -> dict[str, object]:
    return {"user_id": ID, "updated": ISO, "purposes": {"enabled": [], "disabled": names}, "version": 2}


def _cc(accepted: list[str], names: list[str]) -> dict[str, object]:
    return {"categories": accepted, "revision": 0, "services": {name: [] for name in [*accepted, *names]}}


_REFUSED = tc_string()
_GRANTED = tc_string(purposes=range(1, 12))

REFUSALS: dict[str, Forms] = {
    "tcf": fixed([("euconsent-v2", _REFUSED)], [("eupubconsent-v2", _REFUSED)]),
    "gpp": fixed([("IABGPP_HDR_GppString", gpp_string({2: _REFUSED}))], [("OTGPPConsent", _REFUSED)]),
    "onetrust": NAMES.flatmap(_onetrust).map(lambda text: [("OptanonConsent", text), ("OptanonAlertBoxClosed", ISO)]),
    "cookiebot": fixed([("CookieConsent", _cookiebot("false", "explicit"))]),
    "usercentrics": st.one_of(
        switches({"consent": False}, lambda them: in_json({"consent": {"services": them}})).map(
            lambda text: [("ucData", text), ("uc_user_interaction", "true")]
        ),
        NAMES.flatmap(
            lambda names: in_json(
                {"services": [{"id": n, "status": False, "history": [{"type": "explicit"}]} for n in names]}
            )
        ).map(lambda text: [("uc_settings", text)]),
        in_json(dict.fromkeys(("adStorage", "analyticsStorage", "ad_user_data"), "denied")).map(
            lambda text: [("uc_gcm", text), ("uc_user_interaction", "true")]
        ),
    ),
    "didomi": NAMES.flatmap(lambda names: one("didomi_token", in_base64(_didomi(names)))),
    "cookieyes": st.sampled_from(["cookieyes-consent", "wt_consent"]).flatmap(
        lambda name: switches(
            "no",
            lambda them: st.just(
                f"consentid:{ID},consent:yes,action:yes,necessary:yes," + ",".join(f"{n}:no" for n in them)
            ),
        ).map(lambda text: [(name, text)])
    ),
    "cookielawinfo": fixed(
        [("viewed_cookie_policy", "no")], [("viewed_cookie_policy", "no"), ("cookielawinfo-checkbox-x", "yes")]
    ),
    "klaro": one("klaro", switches(False, in_json)),
    "vanilla-cookieconsent": NAMES.flatmap(
        lambda names: st.sampled_from([_cc(["necessary"], names), _cc([], names), {"level": ["necessary"]}])
    ).flatmap(lambda value: one("cc_cookie", in_json(value))),
    "insites-cookieconsent": fixed([("cookieconsent_status", "deny")]),
    "complianz": st.tuples(st.sampled_from(["cmplz_", "cmplz_rt_"]), NAMES).map(
        lambda pair: (
            [(f"{pair[0]}functional", "allow"), (f"{pair[0]}banner-status", "dismissed")]
            + [(f"{pair[0]}{name}", "deny") for name in ("statistics", "marketing", *pair[1])]
        )
    )
    | NAMES.map(lambda names: [(f"cmplz_site2_{name}", "deny") for name in names]),
    "wp-consent-api": NAMES.map(
        lambda names: [("wp_consent_functional", "allow"), *((f"wp_consent_{name}", "deny") for name in names)]
    ),
    "iubenda": st.sampled_from(
        [{"consent": False}, {"purposes": {"1": True, "2": False, "3": False, "4": False, "5": False}}]
    ).flatmap(lambda value: one("_iub_cs-12345678", in_json({"timestamp": ISO, "id": 1, **value}))),
    "osano": switches("DENY", lambda them: in_json({"consent": {"ESSENTIAL": "ACCEPT", **them}})).map(
        lambda text: [("osano_consentmanager", text)]
    ),
    "axeptio": st.one_of(
        one("axeptio_cookies", switches(False, lambda them: in_json({"$$completed": True, "$$date": ISO, **them}))),
        fixed(
            [("axeptio_authorized_vendors", ",,")],
            [("axeptio_authorized_vendors", "%2C%2C"), ("axeptio_all_vendors", ",a,")],
        ),
    ),
    "termly": one(
        "TERMLY_API_CACHE",
        switches(False, lambda them: in_json({"TERMLY_COOKIE_CONSENT": {"value": {"essential": True, **them}}})),
    ),
    "trustarc": fixed(
        [("notice_behavior", "expressed,eu"), ("notice_gdpr_prefs", "0:")],
        [("notice_preferences", "0:")],
        [("cmapi_cookie_privacy", "permit 1 required")],
        [("cmapi_cookie_privacy", "permit_1_required"), ("notice_behavior", "expressed|eu")],
        [("cmapi_cookie_privacy", "permit+1+required")],
        [("notice_behavior", "implied,us"), ("notice_gdpr_prefs", "0::implied,us"), ("notice_preferences", "0:")],
    ),
    "tealium": fixed(
        [("CONSENTMGR", f"consent:false|ts:{MILLISECONDS}")],
        [("CONSENTMGR", f"c1:0|c2:0|c3:0|ts:{MILLISECONDS}|consent:true")],
        [("CONSENTMGR", f"c1:0|c2:0|ts:{MILLISECONDS}")],
    ),
    "consentmanager": st.sampled_from(["", "x", "s", "u"]).flatmap(
        lambda scope: fixed(
            [(f"__cmpconsent{scope}10995", _REFUSED)],
            [(f"__cmpcpc{scope}10995", "____")],
            [(f"__cmpcpc{scope}10995", "____"), (f"__cmpcvc{scope}10995", "__U__")],
            [(f"__cmpconsent{scope}10995", "B" + _REFUSED[1:]), (f"__cmpcpc{scope}10995", "____")],
        )
    ),
    "civic": one(
        "CookieControl",
        switches(
            "revoked",
            lambda them: in_json({"optionalCookies": them, "interactedWith": True, "consentDate": 1790000000000}),
        ),
    ),
    "shopify": one("_tracking_consent", in_json({"con": {"CMP": dict.fromkeys("amps", "0")}, "v": "2.1"})),
    "borlabs": st.sampled_from([{}, {"essential": ["borlabs-cookie"]}]).flatmap(
        lambda groups: one("borlabs-cookie", in_json({"consents": groups, "uid": "a", "version": "2"}))
    ),
    "real-cookie-banner": fixed(
        [("real_cookie_banner-v:3_blog:1_path:55aa44c", f"1790000000:{ID}:0a1b2c3d:{{}}")],
        [("real_cookie_banner-v:3_blog:1_path:55aa44c", quote(f'1790000000:{ID}:0a1b2c3d:{{"60":[]}}', safe=""))],
    ),
    "hubspot": fixed(
        [("__hs_cookie_cat_pref", "1:false_2:false_3:false")],
        [("__hs_cookie_cat_pref", "1:false,2:false,3:false")],
        [("__hs_opt_out", "yes")],
        [("__hs_do_not_track", "yes")],
    ),
    "piwikpro": one(f"ppms_privacy_{ID}", switches({"status": 0}, lambda them: in_json({"consents": them}))),
    "cookiefirst": one(
        "cookiefirst-consent",
        switches(False, lambda them: in_json({"necessary": True, "timestamp": 1790000000, **them})),
    ),
    "django-cookie-consent": one("cookie_consent", NAMES.map(lambda names: "|".join(f"{name}=-1" for name in names))),
    "c15t": fixed(
        [("c15t", f"c.necessary:1,i.t:{MILLISECONDS},i.y:necessary")],
        [("c15t", f"c.necessary:1,c.measurement:0,c.marketing:0,i.t:{MILLISECONDS}")],
    ),
    "transcend": one(
        "tcm",
        switches(
            False, lambda them: in_json({"confirmed": True, "timestamp": ISO, "purposes": {"Essential": True, **them}})
        ),
    ),
    "ketch": st.one_of(
        one("_ketch_consent_v1_", in_base64(_ketch("denied"))),
        one("_ketch_consent_v1_", in_base64({"analytics": "denied", "ads": "denied"})),
        in_base64({"context": {"source": "experience"}, "purposes": {"ads": {"allowed": "false"}}}).map(
            lambda text: [("_swb_consent_", text)]
        ),
    ),
    "cookiescript": st.sampled_from(
        [
            {"action": "reject"},
            {"action": "reject", "categories": "[]"},
            {"action": "accept", "categories": []},
            {"action": "accept", "categories": '["strict"]'},
        ]
    ).flatmap(lambda value: one("CookieScriptConsent", in_json(value))),
    "cookieinformation": NAMES.flatmap(
        lambda names: one(
            "CookieInformationConsent",
            in_json({"consents_approved": ["cookie_cat_necessary"], "consents_denied": names, "timestamp": ISO}),
        )
    ),
    "moove-gdpr": one("moove_gdpr_popup", in_json({"strict": "1", "thirdparty": "0", "advanced": "0"})),
    "tarteaucitron": one(
        "tarteaucitron", NAMES.map(lambda names: "!id=0a1b" + "".join(f"!{name}=false" for name in names))
    )
    | one("tarteaucitron", NAMES.map(lambda names: "".join(f"!{name}=false" for name in names))),
    "fides": st.one_of(
        switches(False, lambda them: in_json(_fides({"essential": True, **them}, "reject"))),
        switches(False, lambda them: in_json(_fides({"essential": True, **them}, "dismiss"))),
        switches("opt_out", lambda them: in_base64(_fides({"essential": True, **them}, "save"))),
        in_json(_fides({}, "reject", fides_string=f"{_REFUSED},1~")),
        in_json(_fides({}, "script", fides_string=_REFUSED)),
    ).map(lambda text: [("fides_consent", text)]),
    "google-funding-choices": one("FCCDCF", in_json([None, None, None, [_REFUSED, "1~", None]])),
    "matomo": fixed(
        [("mtm_consent_removed", MILLISECONDS)], [("mtm_consent_removed", MILLISECONDS), ("mtm_consent", MILLISECONDS)]
    ),
    "drupal": fixed(
        [("cookie-agreed", "0")],
        [("cookie-agreed", "2"), ("cookie-agreed-categories", "[]")],
        [("cookie-agreed", "2"), ("cookie-agreed-categories", '["necessary"]')],
    ),
    "wix": one("consent-policy", in_json({"ess": 1, "func": 0, "anl": 0, "adv": 0, "dt3": 0, "ts": 29833333})),
    "pandectes": st.sampled_from([{"status": "deny"}, {"status": "mixed", "preferences": 7}]).flatmap(
        lambda value: one("_pandectes_gdpr", in_base64({"timestamp": 1790000000, **value}))
    ),
}
"""Platform -> every form of a refusal of everything."""

OPT_OUTS: dict[str, Forms] = {
    "usprivacy": fixed([("usprivacy", "1YYN")], [("us_privacy", '{"uspString":"1YY-"}')], [("__cmpccpausps", "1NYN")]),
    "gpp": st.integers(28, 400).map(lambda section: [("IABGPP_HDR_GppString", gpp_string({section: "BVQVAAAAAA"}))])
    | st.sampled_from(["sale", "sharing"]).map(
        lambda kind: [
            (
                "OTGPPConsent",
                gpp_string({8: text_of(number(1, 6) + "0" * 6 + ("01" if kind == "sale" else "0001") + "0" * 40)}),
            )
        ]
    ),
    "onetrust": st.sampled_from(["SPD_BG", "SSPD_BG", "OSSTA_BG", "XYZ_BG"]).map(
        lambda group: [
            ("OptanonConsent", f"groups=C0001%3A1%2CC0004%3A1%2C{group}%3A0"),
            ("OptanonAlertBoxClosed", ISO),
        ]
    ),
    "tealium": fixed([("CONSENTMGR", f"dns:true|ts:{MILLISECONDS}")], [("CONSENTMGR", "dns:true|consent:true|c1:1")]),
    "sourcepoint": fixed(
        [("ccpaUUID", ID), ("ccpaReject", "true")], [("ccpaConsentAll", "false"), ("ccpaReject", "false")]
    ),
    "fides": st.sampled_from(
        [
            "data_sales_and_sharing",
            "data_sales_gpp_us_state",
            "data_sharing_gpp_us_state",
            "targeted_advertising_gpp_us_state",
            "data_sales_sharing_gpp_us_state",
            "sales_sharing_targeted_advertising_gpp_us_national",
        ]
    ).flatmap(lambda notice: one("fides_consent", in_json(_fides({"analytics": True, notice: False}, "reject")))),
    "trustarc": fixed([("gpcishonored", "true"), ("notice_behavior", "implied,us")]),
    "transcend": one("tcm", in_json({"confirmed": False, "purposes": {"SaleOfInfo": False}})),
    "shopify": one("_tracking_consent", in_json({"con": {"CMP": {"a": "1", "m": "1", "p": "1", "s": "0"}}})),
    "iubenda": one("_iub_cs-12345678-uspr", in_json({"s": False, "sh": True, "adv": True})),
    "osano": one("osano_consentmanager", in_json({"consent": {"ANALYTICS": "ACCEPT", "OPT_OUT": "ACCEPT"}})),
    "termly": one("TERMLY_API_CACHE", in_json({"TERMLY_COOKIE_CONSENT": {"value": {"do_not_sell": True}}})),
    "wix": one("consent-policy", in_json({"anl": 1, "adv": 1, "dt3": 0})),
}
"""Platform -> every form of an opt-out of sale, of sharing or of targeted advertising."""

AUTOMATIC: dict[str, Forms] = {
    "onetrust": NAMES.map(
        lambda _names: [("OptanonConsent", "groups=C0001%3A1%2CC0002%3A1%2CC0004%3A1&interactionCount=0")]
    )
    | fixed([("OptanonConsent", "groups=C0001%3A1%2CC0002%3A1%2CC0004%3A1"), ("OptanonAlertBoxClosed", "NR")]),
    "cookiebot": fixed([("CookieConsent", _cookiebot("true", "implied"))], [("CookieConsent", "-1")]),
    "usercentrics": one("ucData", in_json({"gcm": {"adStorage": "granted", "analyticsStorage": "granted"}}))
    | one("uc_gcm", in_json({"adStorage": "granted", "analyticsStorage": "granted"}))
    | one("uc_settings", in_json({"services": [{"id": "a", "status": True, "history": [{"type": "implicit"}]}]})),
    "didomi": one("didomi_token", in_base64({"user_id": ID, "version": None})),
    "cookieyes": fixed([("cookieyes-consent", "consent:yes,action:,necessary:yes,analytics:yes,advertisement:yes")]),
    "cookielawinfo": fixed(
        [("cookielawinfo-checkbox-analytics", "yes"), ("cookielawinfo-checkbox-advertisement", "yes")]
    ),
    "insites-cookieconsent": fixed([("cookieconsent_status", "dismiss")]),
    "axeptio": one("axeptio_cookies", in_json({"$$completed": False, "a": True, "m": True})),
    "trustarc": fixed(
        [("notice_behavior", "implied,us"), ("notice_gdpr_prefs", "0,1,2::implied,us"), ("notice_preferences", "2:")],
        [("notice_behavior", "implied|us"), ("cmapi_cookie_privacy", "permit 1,2,3")],
    ),
    "tealium": fixed([("CONSENTMGR", f"c1:1|c2:1|ts:{MILLISECONDS}")]),
    "civic": one("CookieControl", in_json({"optionalCookies": {"analytics": "accepted"}, "interactedWith": False})),
    "shopify": one("_tracking_consent", in_json({"con": {"CMP": dict.fromkeys("amps", "")}, "purposes": {"a": True}}))
    | fixed([("_tracking_consent", "3.AMPS_USCA_f_f_AbCdEf")]),
    "piwikpro": one(f"ppms_privacy_{ID}", in_json({"consents": {"analytics": {"status": -1}}})),
    "transcend": one("tcm", in_json({"confirmed": False, "purposes": {"Analytics": True, "Advertising": "Auto"}})),
    "ketch": in_base64(_ketch("granted")).flatmap(
        lambda text: fixed(
            [("_ketch_consent_v1_", text)],
            [
                ("_ketch_consent_v1_", text),
                (
                    "_swb_consent_",
                    base64.b64encode(
                        b'{"context":{"source":"legalBasisDefault"},"purposes":{"analytics":{"allowed":"true"}}}'
                    ).decode(),
                ),
            ],
            [("_ketch_consent_v1_", text), ("_swb_consent_", base64.b64encode(b'{"context":{}}').decode())],
            [("_ketch_consent_v1_", text), ("_swb_consent_", "broken")],
        )
    ),
    "cookiescript": one(
        "CookieScriptConsent", in_json({"bannershown": 1, "categories": '["performance","targeting"]'})
    ),
    "tarteaucitron": fixed([("tarteaucitron", "!a=wait!m=wait")]),
    "fides": st.sampled_from(["script", "gpc", "dismiss", "acknowledge", "ot_migration", "external_provider", None])
    .flatmap(
        lambda method: st.one_of(
            in_json(_fides({"analytics": True, "marketing": True}, method)),
            in_json(_fides({}, method, fides_string=f"{_GRANTED},1~")),
        )
    )
    .map(lambda text: [("fides_consent", text)]),
    "google-funding-choices": one("FCCDCF", in_json([None, None, None, None, [[32, "x"]]])),
    "matomo": fixed([("mtm_cookie_consent", MILLISECONDS)]),
    "pandectes": one("_pandectes_gdpr", in_base64({"preferences": 0, "timestamp": 1790000000})),
    "salesforce": fixed([("CookieConsentPolicy", "0:1")], [("CookieConsentPolicy", "1:1")]),
    "sourcepoint": fixed([("consentUUID", ID), ("ccpaReject", "false"), ("ccpaConsentAll", "true")]),
}
"""Platform -> every record that is written without a click and that would grant if it were one."""


def quoted(value: str) -> str:
    """As Python's and Java's cookie writers put it: double quotes, backslashes, octal for comma and semicolon."""
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace(",", "\\054").replace(";", "\\073")
    return f'"{text}"'


WRAPPINGS: dict[str, Callable[[str], str]] = {
    "as-it-is": lambda value: value,
    "percent": lambda value: quote(value, safe=""),
    "quoted": quoted,
    "quoted-percent": lambda value: quoted(quote(value, safe="")),
    "form": quote_plus,
}
"""What a server that sets a cookie again makes of its value."""


def header(form: Form, wrap: Callable[[str], str] = lambda value: value) -> bytes:
    """The Cookie header of a form."""
    return "; ".join(f"{name}={wrap(value)}" for name, value in form).encode()
