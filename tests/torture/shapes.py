"""Floods: what one client may send to make a gate work, write or remember more than it sent, as a few raw requests.

Where a shape was seen, its number in the list of attacks stands beside it. They are sent again and again by
`tests.torture.flooder`, from one address; `HELD` are sent in part, and then nothing more comes.
"""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Callable, Iterable

import brotli
import orjson

from gatekeeper.vendors.formats import coding

Request = tuple[str, dict[str, str], bytes]
FLOODS: dict[str, Callable[[], list[Request]]] = {}
HELD: dict[str, Callable[[], list[Request]]] = {}

JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GZIP = {"Content-Encoding": "gzip"}
SENTRY = "/gk/to/errors/api/42/envelope/?sentry_key=public"
GA4 = "/gk/to/ga4/g/collect?v=2&tid=G-ABC1234567&cid=1.2"
MP = "/gk/to/ga4/mp/collect?measurement_id=G-ABC1234567&api_secret=s"
META = "/gk/to/meta/v25.0/123456789012345/events"


def flood(make: Callable[[], list[Request]]) -> Callable[[], list[Request]]:
    """Register a shape under its name."""
    FLOODS[make.__name__] = make
    return make


def held(make: Callable[[], list[Request]]) -> Callable[[], list[Request]]:
    """Register one that is sent in part."""
    HELD[make.__name__] = make
    return make


def packed(path: str, value: object, headers: dict[str, str] = JSON) -> Request:
    """A compressed body."""
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    return path, headers | GZIP, gzip.compress(body, 9)


def event(name: str = "page_view", **data: object) -> dict[str, object]:
    """One that is permitted."""
    return {"event": name, "consent": {"analytics": True, "marketing": True}, "data": {"session_id": "s", **data}}


def layers(times: int, text: str = "call +49 30 1234567 or jane.doe@example.com ") -> str:
    """A text in base64 in base64 …, 10,000 characters of it."""
    found = text * 100
    for _ in range(times):
        found = base64.b64encode(found.encode()).decode()
    return found[:10_000]


def calls(path: str, body: object, headers: dict[str, str] = JSON) -> list[Request]:
    """A call, in all codings that a client may use."""
    plain = body if isinstance(body, bytes) else orjson.dumps(body)
    return [(path, headers | {"Content-Encoding": name}, coding.encode(plain, name)) for name in ("gzip", "br", "zstd")]


@flood
def lines_without_end() -> list[Request]:
    """D1: 170,000 lines in 1.5 KB."""
    return [packed(GA4, b"en=a\r\n" * 170_000, TEXT)]


@flood
def lines_at_the_limit() -> list[Request]:
    """25 that are refused, and 25 that differ."""
    return [packed(GA4, b"en=a\r\n" * 25, TEXT), packed(GA4, b"".join(b"en=a%d\r\n" % n for n in range(25)), TEXT)]


@flood
def alike_events() -> list[Request]:
    """D3: a thousand in 86 bytes."""
    return [packed("/gk/collect", [{"event": "page_view"}] * 1000)]


@flood
def permitted_events() -> list[Request]:
    """A thousand that go to every destination."""
    return [packed("/gk/collect", [event()] * 1000)]


@flood
def small_batches() -> list[Request]:
    """As many permitted events as 4 KiB may hold."""
    return [("/gk/collect", JSON, orjson.dumps([event()] * n)) for n in (5, 20, 40)]


@flood
def names_without_end() -> list[Request]:
    """Every event is called otherwise."""
    return [packed("/gk/collect", [{"event": f"name_{n}"} for n in range(1000)])]


@flood
def unrouted_events() -> list[Request]:
    """D3: to no destination."""
    return [("/gk/collect", JSON, orjson.dumps({"event": "nowhere"})), packed("/gk/collect", [event("nowhere")] * 1000)]


@flood
def base64_in_base64() -> list[Request]:
    """D2: 62 stacks, five deep."""
    return [packed("/gk/collect", [event("error", error_stack=layers(5)) for _ in range(62)])]


@flood
def base64_in_a_small_body() -> list[Request]:
    """What may be decided on the loop."""
    return [("/gk/collect", JSON, orjson.dumps(event("error", error_stack=layers(5)[:3_000])))]


@flood
def base64_to_a_monitor() -> list[Request]:
    """D2, as an error monitor's event."""
    frames = [{"filename": "a.py", "function": layers(n)[:500]} for n in (2, 3, 4, 5)] * 100
    one = {"exception": {"values": [{"value": layers(5), "stacktrace": {"frames": frames}}]}, "message": layers(4)}
    item = orjson.dumps(one)
    body = b'{}\n{"type":"event","length":%d}\n%b\n' % (len(item), item)
    return [*calls(SENTRY, body), packed("/gk/to/errors/api/42/store/?sentry_key=public", one)]


@flood
def base64_beside_names() -> list[Request]:
    """Everything is searched for what the event declares, too."""
    who = {"email": "jane.doe@example.com", "first_name": "Jane", "last_name": "Doe", "phone": "+49301234567"}
    return [packed("/gk/collect", [event("error", error_stack=layers(5), error_message=layers(4), **who)] * 30)]


@flood
def percent_signs() -> list[Request]:
    """Bare ones, nested ones, and escapes of escapes."""
    texts = ["%" * 9_000, "%25" * 3_000, "%" + "25" * 4_000, "%2525252540" * 800, "&amp;" * 1_800, "\\u0025" * 1_500]
    return [packed("/gk/collect", [event("error", error_stack=text)] * 60) for text in texts]


@flood
def shapes_without_end() -> list[Request]:
    """Addresses, numbers, and replacing that bares others."""
    texts = [
        "a@b.co " * 1_400,
        "+49 30 1234567 " * 650,
        "@" * 9_000,
        "1" * 9_000,
        "[" * 9_000,
        "https://a.b/?x=1 " * 500,
    ]
    return [packed("/gk/collect", [event("error", error_stack=text)] * 60) for text in texts]


@flood
def other_scripts() -> list[Request]:
    """Characters that have to be folded, or taken out."""
    texts = ["ä１" * 4_000, "\u200b" * 9_000, "é\u0301" * 4_000, "\U00020000" * 4_000]
    return [packed("/gk/collect", [event("error", error_message=text)] * 60) for text in texts]


@flood
def nested_json() -> list[Request]:
    """Lists in lists, objects in objects."""
    deep = b"[" * 500_000 + b"]" * 500_000
    keys = b'{"a":' * 150_000 + b"1" + b"}" * 150_000
    return [packed(path, body) for path in ("/gk/collect", MP, META) for body in (deep, keys)]


@flood
def empty_values() -> list[Request]:
    """A value takes up a hundred times the bytes it is written with."""
    bodies = [b"[" + b"[]," * 349_000 + b"[]]", b"[" + b'{"a":1},' * 130_000 + b"{}]", b"[" + b"1," * 500_000 + b"1]"]
    return [packed(path, body) for path in ("/gk/collect", "/gk/to/posthog/batch/", META) for body in bodies]


@flood
def repeated_keys() -> list[Request]:
    """Two thousand times the same."""
    data = b"{" + b",".join([b'"page_url":"x"'] * 2_000) + b"}"
    return [packed("/gk/collect", b'{"event":"page_view","data":%b}' % data), packed(MP, data), packed(META, data)]


@flood
def fields_without_end() -> list[Request]:
    """Names that no catalogue knows, each to be judged."""
    data = {f"a{n}x": n for n in range(1_990)}
    one = {"api_key": "k", "batch": [{"event": f"e{n}", "distinct_id": "1", "properties": data} for n in range(4)]}
    return [packed("/gk/collect", event(**data)), packed("/gk/to/posthog/batch/", one)]


@flood
def decompression_bombs() -> list[Request]:
    """Ten megabytes of nothing, in every coding."""
    nothing = b"0" * 10_000_000
    raw = zlib.compressobj(9, wbits=-15)
    bodies = {
        "gzip": gzip.compress(nothing, 9),
        "deflate": zlib.compress(nothing, 9),
        "br": brotli.compress(nothing, quality=5),
        "zstd": coding.encode(nothing, "zstd"),
    }
    bare = raw.compress(nothing) + raw.flush()
    found = [(MP, JSON | {"Content-Encoding": name}, body) for name, body in bodies.items()]
    found += [(MP, JSON | {"Content-Encoding": "deflate"}, bare), ("/gk/collect", JSON | GZIP, bodies["gzip"])]
    return [*found, ("/gk/to/posthog/e/", JSON, bodies["gzip"])]


@flood
def compressed_twice() -> list[Request]:
    """A body that brings its own compression inside of another."""
    inner = gzip.compress(orjson.dumps({"api_key": "k", "event": "x", "properties": {"a": "b" * 900_000}}), 9)
    store = base64.b64encode(zlib.compress(orjson.dumps({"message": layers(5), "x": "0" * 900_000}), 9))
    return [
        packed("/gk/to/posthog/e/", inner, TEXT),
        ("/gk/to/posthog/e/", TEXT, inner),
        ("/gk/to/errors/api/42/store/?sentry_key=public", TEXT, store),
    ]


@flood
def cookies_without_end() -> list[Request]:
    """A head as large as it may be, each time another one."""
    many = "; ".join(f"c{n}=v{n}" for n in range(1_000))[:15_000]
    consents = [f"OptanonConsent={'groups=' + ','.join(f'C{n}:1' for n in range(900))}", "euconsent-v2=" + "C" * 12_000]
    heads = [f"{cookie}; x={n}" for n in range(20) for cookie in (many, *consents)]
    return [("/gk/collect", JSON | {"Cookie": head}, orjson.dumps(event())) for head in heads]


@flood
def headers_without_end() -> list[Request]:
    """A hundred, and more than a hundred."""
    return [
        ("/gk/collect", JSON | {f"X-H{n}": "v" * 100 for n in range(count)}, orjson.dumps(event()))
        for count in (90, 130)
    ]


@flood
def parameters_without_end() -> list[Request]:
    """In the query and in a form."""
    query = "&".join(f"ep.a{n}=1" for n in range(1_200))
    form = "&".join(f"cd[a{n}]=1" for n in range(1_900)).encode()
    return [(f"{GA4}&en=x&{query}", {}, b""), packed("/gk/to/meta/tr/?id=123456789012345&ev=PageView", form, FORM)]


@flood
def parts_without_end() -> list[Request]:
    """A form in parts."""
    part = b'--b\r\nContent-Disposition: form-data; name="cd[a%d]"\r\n\r\n1\r\n'
    body = b"".join(part % n for n in range(8_000)) + b"--b--\r\n"
    return [packed("/gk/to/meta/tr/", body, {"Content-Type": "multipart/form-data; boundary=b"})]


@flood
def batches_of_ad_vendors() -> list[Request]:
    """As many events as each vendor takes, and more."""
    user = {"em": "a" * 64, "client_ip_address": "1.1.1.1"}
    meta = {
        "data": [{"event_name": "Purchase", "event_time": 1, "action_source": "website", "user_data": user}] * 1_000
    }
    tiktok = {"event_source": "web", "event_source_id": "C", "data": [{"event": "Purchase", "event_time": 1}] * 1_000}
    ga4 = {"client_id": "1.2", "events": [{"name": "page_view"}] * 5_000}
    return [
        packed(META, meta),
        packed("/gk/to/tiktok/open_api/v1.3/event/track/", tiktok),
        packed(MP, ga4),
        packed(META, {"data": meta["data"] * 5}),
    ]


@flood
def batches_of_analytics() -> list[Request]:
    """Lists and lines of analytics products."""
    rows = [{"event": "e", "type": "track", "properties": {"distinct_id": "1"}, "userId": "1"}] * 4_999
    return [
        *calls("/gk/to/posthog/batch/", {"api_key": "k", "batch": rows}),
        packed("/gk/to/posthog/batch/", {"api_key": "k", "batch": rows[:1_999]}),
        packed("/gk/to/segment/v1/batch", {"writeKey": "k", "batch": rows[:1_999]}),
        packed("/gk/to/mixpanel/import", b"\n".join(map(orjson.dumps, rows)), {"Content-Type": "application/x-ndjson"}),
        packed("/gk/to/matomo/matomo.php", {"requests": ["?idsite=1&rec=1&url=https://a.example/"] * 4_999}),
        packed("/gk/to/amplitude/2/httpapi", {"api_key": "k", "events": [{"event_type": "e", "user_id": "1"}] * 4_999}),
    ]


@flood
def shared_values_for_each() -> list[Request]:
    """What stands beside a list is judged for each of its events."""
    beside = {f"k{n}": "v" for n in range(1_900)}
    rows = [{"event": "e", "properties": {"distinct_id": "1"}}] * 1_900
    return [packed("/gk/to/posthog/batch/", {"api_key": "k", **beside, "batch": rows})]


@flood
def batch_of_batches() -> list[Request]:
    """Calls within a call of Meta's Graph."""
    data = orjson.dumps([{"event_name": "Purchase", "user_data": {"em": "a" * 64}}] * 90).decode()
    one = {"method": "POST", "relative_url": "v25.0/123456789012345/events", "body": "data=" + data}
    return [packed("/gk/to/meta/v25.0/", {"access_token": "t", "batch": [one] * 50})]


@flood
def people_without_end() -> list[Request]:
    """Everything declared is looked for in everything else."""
    user = {"em": [f"person.number{n}@example.com" for n in range(4_000)], "fn": [f"Name{n}" for n in range(2_000)]}
    one = {"event_name": "Purchase", "user_data": user, "event_source_url": "https://a.example/" + "a/" * 500}
    many = [event(email=f"p{n}@example.com", phone=f"+4930{1000000 + n}", page_title="x " * 100) for n in range(900)]
    return [packed(META, {"data": [one] * 2}), packed("/gk/collect", many)]


@flood
def items_without_end() -> list[Request]:
    """Two hundred things in each of many orders."""
    items = [{"item_id": f"i{n}", "item_name": layers(3)[:200]} for n in range(200)]
    return [packed("/gk/collect", [event("purchase", items=items)] * 20)]


@flood
def long_texts() -> list[Request]:
    """A megabyte that is not compressed."""
    text = "Ein Satz mit 12 Worten, jane.doe@example.com und +49 30 1234567. " * 140
    return [("/gk/collect", JSON, orjson.dumps([event("error", error_stack=text) for _ in range(100)]))]


@flood
def nothing_that_is_json() -> list[Request]:
    """A megabyte of anything."""
    return [
        ("/gk/collect", JSON, b"\xff" * 1_000_000),
        (MP, JSON, b"{" * 1_000_000),
        ("/gk/collect", JSON, b'"' + b"a" * 1_000_000),
    ]


@flood
def plain_events() -> list[Request]:
    """As fast as they go."""
    return [("/gk/collect", JSON, orjson.dumps(event(page_url=f"https://shop.example/{n}"))) for n in range(200)]


@flood
def unreadable_calls() -> list[Request]:
    """To a path that is nobody's."""
    return [(f"/gk/to/ga4/nowhere/{n}", {}, b"") for n in range(50)]


@flood
def changing_minds() -> list[Request]:
    """One person who permits and refuses in turn: each refusal ends what is queued."""
    who = {"email": "jane.doe@example.com", "user_id": "u_1"}
    yes = event(**who)
    no = {**yes, "consent": {"analytics": False, "marketing": False}}
    return [("/gk/collect", JSON, orjson.dumps(one)) for one in (yes, no, [yes, no] * 8)]


@flood
def repeated_ids() -> list[Request]:
    """Ids that were accepted before, and ids that were not."""
    many = [{**event(), "event_id": f"id{n}"} for n in range(60)]
    return [("/gk/collect", JSON, orjson.dumps([{**event(), "event_id": "same"}] * 9)), packed("/gk/collect", many)]


@flood
def questions() -> list[Request]:
    """What anybody may ask, and what is nowhere."""
    paths = ["/gk/readyz", "/gk/metrics", "/gk/outbound", "/.well-known/gpc.json", "/gk/nowhere", "/gk/to/ga4//x"]
    return [(f"GET {path}", {}, b"") for path in paths] + [
        ("OPTIONS /gk/collect", {"Origin": "https://b.example"}, b"")
    ]


@held
def unfinished_bodies() -> list[Request]:
    """D5: a megabyte but for its last byte."""
    return [("/gk/collect", JSON, b"[" * 1_000_000), (MP, JSON, b"[" * 1_000_000)]


@held
def unfinished_chunks() -> list[Request]:
    """The same, of a length that is not told."""
    return [("/gk/collect", JSON | {"Transfer-Encoding": "chunked"}, b"[" * 1_000_000)]


def raw(request: Request, address: str) -> bytes:
    """A request as it is sent."""
    path, headers, body = request
    chunked = "Transfer-Encoding" in headers
    length = {} if chunked else {"Content-Length": str(len(body))}
    told: Iterable[tuple[str, str]] = {"Host": "a.example", "X-Forwarded-For": address, **headers, **length}.items()
    head = "".join(f"{name}: {value}\r\n" for name, value in told)
    if chunked:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    method, _, path = path.rpartition(" ")
    return f"{method or 'POST'} {path} HTTP/1.1\r\n{head}\r\n".encode() + body
