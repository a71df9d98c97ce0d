"""The load generator, the mock vendor and the CPU meter, against real processes on loopback."""

import sys
import time

import pytest

from benchmarks import samples
from benchmarks.cpu import Meter, memory_mb
from benchmarks.load import Load
from benchmarks.machine import free_port
from benchmarks.process import StartError, loaded, running, vendor
from benchmarks.vendor import count_of, vendor_of


@pytest.fixture(scope="module")
def mock(tmp_path_factory):
    with vendor(tmp_path_factory.mktemp("vendor"), None) as up:
        yield up


@pytest.fixture(autouse=True)
def cleared(mock):
    mock.told("clear")


REQUEST = (samples.post("/mp/collect", samples.ga4_call()),)


def test_a_closed_loop_keeps_every_connection_busy(mock):
    """Each answer is counted once, and the vendor saw as many."""
    sent = loaded(Load(mock.port, REQUEST, connections=4, seconds=5.0, most=200))
    assert sent.statuses == {204: 200} and sent.errors == 0
    assert mock.count() == 200 and sent.histogram.count == 200


def test_an_open_loop_sends_what_is_due(mock):
    """200 a second for half a second are a hundred, whatever the answers do."""
    sent = loaded(Load(mock.port, REQUEST, connections=4, seconds=0.5, rate=200))
    assert sent.statuses == {204: 100} and sent.unsent == 0 and sent.histogram.count == 100


def test_nobody_there_is_an_error_not_a_fast_server():
    """No answer, no latency."""
    sent = loaded(Load(free_port(), REQUEST, connections=2, seconds=0.1, rate=50))
    assert sent.answered == 0 and sent.errors >= 2 and sent.unsent == 5 and sent.histogram.count == 0


def test_the_vendor_answers_as_each_vendor_does(mock):
    """And keeps what it was sent."""
    status, _, body = mock.exchange(samples.post("/v23.0/123/events", samples.meta_call()))
    assert status == 200 and b'"events_received":1' in body
    told = mock.told("seen")
    assert told["events"] == {"meta_capi": 1}
    assert samples.KEPT in told["samples"][0]["body"] and told["samples"][0]["headers"]["host"] == "shop.example"


@pytest.mark.parametrize(
    ("target", "body", "expected"),
    [
        pytest.param("/mp/collect?a=b", b'{"events":[1,2]}', ("ga4", 2), id="ga4"),
        pytest.param("/v23.0/1/events", b'{"data":[1,2,3]}', ("meta_capi", 3), id="meta"),
        pytest.param("/open_api/v1.3/event/track/", b'{"data":[1]}', ("tiktok", 1), id="tiktok"),
        pytest.param("/own", b"[1,2]", ("own", 2), id="an-array"),
        pytest.param("/own", b"no json", ("own", 1), id="unreadable"),
    ],
)
def test_events_are_counted_in_each_vendors_envelope(target, body, expected):
    """A batch is as many events as it holds."""
    vendor_name = vendor_of(target)
    assert (vendor_name, count_of(vendor_name, body)) == expected


def test_the_meter_sees_the_cpu_of_a_process_and_its_children(tmp_path):
    """Of the tree, not of who started it."""
    port = free_port()
    code = (
        "import socket, subprocess, sys, time\n"
        "s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "subprocess.run([sys.executable, '-c', 'sum(range(20_000_000)); import time; time.sleep(30)'])\n"
    )
    with running([sys.executable, "-c", code, str(port)], port, folder=tmp_path, core=None) as process:
        meter, deadline = Meter(process.pid), time.monotonic() + 20
        while meter.seconds() < 0.05 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert meter.seconds() >= 0.05
        assert memory_mb(process.pid) > 1


def test_a_port_in_use_is_said(mock, tmp_path):
    """Not measured: it would be another program's figures."""
    started = running([sys.executable, "-c", ""], mock.port, folder=tmp_path, core=None)
    with pytest.raises(StartError, match=f"^port {mock.port} is in use by another program$"), started:
        pass


def test_a_process_that_ends_at_once_is_quoted(tmp_path):
    """With what it said of an error, before its last line."""
    code = "import sys; sys.exit('ModuleError: no such thing\\n  somewhere')"
    started = running([sys.executable, "-c", code], free_port(), folder=tmp_path, core=None)
    with pytest.raises(StartError, match=r"^it ended at once: ModuleError: no such thing$"), started:
        pass
