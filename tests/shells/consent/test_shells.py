"""The whole way in both shells: what was chosen is what the gate does next, and what the ledger and the log hold."""

import httpx
import pytest

EVENT = {
    "event": "purchase",
    "data": {"session_id": "s_1", "order_value": 10, "currency": "EUR", "email": "mara@example.org"},
}


def decided(up, visitor):
    """Destination → why an event of the visitor is sent there now."""
    answer = visitor.http.post("/gk/collect", json=EVENT, headers={"origin": visitor.origin})
    return {
        one["destination"]: one["reason"] if one["status"] == "blocked" else None
        for one in up.record(answer)["deliveries"]
    }


def test_cookie_ledger_log_and_gate_agree(up, visitor):
    """A grant, a refusal of one purpose, a withdrawal of all: after each of them, everywhere at once."""
    receipts = []
    for says, reasons in (
        ({"analytics": True, "marketing": True}, {"ga4": None, "meta_capi": None}),
        ({"marketing": False}, {"ga4": None, "meta_capi": "no_marketing_consent"}),
        (None, {"ga4": "no_analytics_consent", "meta_capi": "no_marketing_consent"}),
    ):
        if says is None:
            answer = visitor.withdraw()
            assert answer.status_code == 200, answer.text
        else:
            answer = visitor.choose(visitor.state(), **says)
            assert answer.status_code == 201, answer.text
        receipts.append(answer.json()["receipt"])
        row = up.runtime.store.ledger.find(answer.json()["receipt"])
        assert row is not None and row.choice.receipt == answer.json()["receipt"]
        found = decided(up, visitor)
        wanted = {to: (reason, "consent_withdrawn") if reason else (None,) for to, reason in reasons.items()}
        assert all(found[to] in wanted[to] for to in wanted), found
    log = [path.read_text() for path in up.runtime.policy.audit_folder.glob("*.jsonl")]
    lines = [line for text in log for line in text.splitlines() if '"kind":"consent"' in line]
    assert all(any(receipt in line for line in lines) for receipt in receipts)
    text = "".join(lines)
    assert not any(value in text for value in visitor.cookies.values()) and "v_" not in text


def test_a_page_that_tells_no_origin_may_post_events_and_choices(visitor):
    """`Referrer-Policy: no-referrer` makes browsers send `Origin: null` from the site's own pages."""
    null = {"origin": "null", "sec-fetch-site": "same-origin"}
    assert visitor.http.post("/gk/collect", json=EVENT, headers=null).status_code == 202
    assert visitor.choose(analytics=False, headers=null).status_code == 201
    for site in ("cross-site", "same-site", "none"):
        foreign = {**null, "sec-fetch-site": site}
        assert visitor.http.post("/gk/collect", json=EVENT, headers=foreign).status_code == 403
        assert visitor.choose(analytics=False, headers=foreign).status_code == 403


def test_on_loopback_the_cookie_does_without_tls(visitor):
    """Else no client would send it back there."""
    answer = visitor.choose(analytics=False)
    lines = answer.headers.get_list("set-cookie")
    assert [line.partition("=")[0] for line in lines] == ["gatekeeper_choice", "gatekeeper_consent"]
    assert not any("Secure" in line for line in lines)


def test_a_body_in_pieces_is_bounded_too(up):
    """Without a length to refuse it by, it is refused once it is too long."""

    def parts():
        for _ in range(20):
            yield b"x" * 1_000

    headers = {"origin": up.url, "content-type": "application/json"}
    answer = up.http.post("/gk/consent", content=parts(), headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_other_methods_are_not_allowed(up, method):
    """And the answer names those that are."""
    answer = up.http.request(method, "/gk/consent", headers={"origin": up.url})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST, DELETE, OPTIONS")


def test_an_event_of_an_undecided_visitor_waits_nowhere(up, visitor):
    """It is denied at once: no row, no dead letter, and of its personal values nothing in any file of the store."""
    marks = ["mara.musterfrau", "s_undecided_7315", "fb.1.1700000000000.undecided", "203.0.113.77"]
    event = {
        "event": "purchase",
        "data": {"email": f"{marks[0]}@example.org", "session_id": marks[1], "fbp": marks[2], "ip": marks[3]},
    }
    up.runtime.store.books.try_again().result(10)  # it has begun
    before = up.runtime.store.books.count()
    record = up.record(visitor.http.post("/gk/collect", json=event, headers={"origin": visitor.origin}))
    reasons = {one["destination"]: one.get("reason") for one in record["deliveries"]}
    assert set(reasons.values()) <= {"no_analytics_consent", "no_marketing_consent"} and len(reasons) == 3
    assert up.runtime.store.books.count() == before
    place = up.runtime.store.books.place
    files = [path for path in place.parent.rglob("*") if path.is_file() and path.name.startswith(place.name)]
    held = b"".join(path.read_bytes() for path in files)
    assert len(held) > 4_096 and not any(mark.encode() in held for mark in marks)
    # A later grant revives nothing: there is nothing that it could revive.
    assert visitor.choose(visitor.state(), analytics=True, marketing=True).status_code == 201
    assert up.runtime.store.books.count() == before


def test_the_search_for_what_waits_can_find_something(up, visitor):
    """The same files of the store hold what a visitor who consented is waiting to have sent."""
    place = up.runtime.store.books.place
    mark = b"s_decided_7315"
    assert visitor.choose(visitor.state(), analytics=True, marketing=True).status_code == 201
    event = {"event": "purchase", "data": {"session_id": mark.decode(), "order_value": 10}}
    up.record(visitor.http.post("/gk/collect", json=event, headers={"origin": visitor.origin}))
    files = [path for path in place.parent.rglob("*") if path.is_file() and path.name.startswith(place.name)]
    assert any(mark in path.read_bytes() for path in files)


def test_the_endpoint_is_served_under_http_clients_of_any_kind(up):
    """A plain GET without any header of a browser."""
    answer = httpx.get(up.url + "/gk/consent", trust_env=False)
    assert answer.status_code == 200 and answer.json()["format"] == 1
