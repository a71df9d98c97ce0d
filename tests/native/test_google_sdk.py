"""Data Manager's own client, pointed at the gate: content whatever was decided; what may not be sent stays."""

import json
import warnings

import pytest

from gatekeeper.model import Answer
from tests.builders import EVERY_KIND, HASH, make_gate, make_policy
from tests.native.kit import LONG_GRANTED, REFUSED
from tests.native.listening import listening

WARNING = {"field": "events[0].currency", "description": "missing", "reason": "WARNING_REASON_UNSPECIFIED"}


@pytest.fixture(scope="module")
def datamanager():
    """The client library; some of what it imports warns of its own future."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from google.ads import datamanager_v1

        return datamanager_v1


def client_of(datamanager, url):
    """The client by REST, without Google's credentials: the gate puts in the policy's."""
    from google.ads.datamanager_v1.services.ingestion_service.transports import IngestionServiceRestTransport
    from google.auth.credentials import AnonymousCredentials

    transport = IngestionServiceRestTransport(
        host=url.removeprefix("http://"), credentials=AnonymousCredentials(), url_scheme="http"
    )
    return datamanager.IngestionServiceClient(transport=transport)


def request_of(datamanager):
    """Two events, the first of which nobody can be matched by."""
    somebody = datamanager.UserData(user_identifiers=[datamanager.UserIdentifier(email_address=HASH)])
    device = datamanager.DeviceInfo(ip_address="203.0.113.9", user_agent="Mozilla/5.0")
    times = {"event_timestamp": "2026-11-23T10:00:00Z", "event_source": datamanager.EventSource.WEB}
    account = datamanager.ProductAccount(
        account_id="1234567890", account_type=datamanager.ProductAccount.AccountType.GOOGLE_ADS
    )
    return datamanager.IngestEventsRequest(
        destinations=[datamanager.Destination(operating_account=account, product_destination_id="987654")],
        events=[
            datamanager.Event(transaction_id="T1", event_device_info=device, **times),
            datamanager.Event(transaction_id="T2", event_device_info=device, user_data=somebody, **times),
        ],
        encoding=datamanager.Encoding.HEX,
    )


@pytest.mark.parametrize(
    ("said", "request_id"), [(LONG_GRANTED, "r-1"), (REFUSED, "gatekeeper")], ids=["granted", "refused"]
)
def test_data_managers_own_client(datamanager, said, request_id):
    """Numbers for enums there and back; warnings by the client's own positions."""
    gate = make_gate(make_policy(destinations={"it": EVERY_KIND["google_ads"]}))

    def vendor(outgoing):
        return Answer(200, (), json.dumps({"requestId": "r-1", "fieldWarnings": [WARNING]}).encode())

    with listening(gate, vendor) as here:
        client = client_of(datamanager, here.url)
        cookie = (said[0].decode(), said[1].decode())
        answer = client.ingest_events(request=request_of(datamanager), metadata=[cookie])
        client.transport.close()
    assert answer.request_id == request_id
    if said is REFUSED:
        assert here.sent == [] and here.reasons == ["no_marketing_consent"]
        return
    assert [one.field for one in answer.field_warnings] == ["events[1].currency"]
    (sent,) = here.sent
    (event,) = json.loads(sent.body)["events"]
    assert event["transactionId"] == "T2" and event["consent"] == {"adUserData": 1, "adPersonalization": 1}
    assert "eventDeviceInfo" not in event and ("Authorization", "Bearer ADS-TOKEN") in sent.headers
