"""`[audit.anchors]`: time stamps that an authority gives on the log's checkpoints (RFC 3161)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from pydantic import Field, model_validator

from gatekeeper.errors import missing
from gatekeeper.policy.faults import Faults
from gatekeeper.policy.units import Duration
from gatekeeper.vendors.settings import HttpUrl, NonEmpty, Strict


class AnchorsTable(Strict):
    """`[audit.anchors]`: a third party says since when a checkpoint has existed; it sees a hash and nothing else."""

    authority: HttpUrl | None = Field(None, description="Address of a time-stamping authority (RFC 3161).")
    roots: NonEmpty | None = Field(None, description="PEM file with the certificates that its signatures go back to.")
    every: Duration = Field(86_400.0, ge=60.0, description="How often a checkpoint gets a time stamp.")
    path: NonEmpty = Field("var/anchors", description="The folder of the time stamps; copy it elsewhere.")

    @model_validator(mode="after")
    def _says_whom_to_believe(self) -> AnchorsTable:
        if (self.authority is None) != (self.roots is None):
            raise ValueError("an authority and the roots of its certificates belong together; give both or none")
        return self


def check(table: AnchorsTable, folder: Path, faults: Faults) -> None:
    """The file of roots can be read, and stamps can be checked."""
    if table.roots is None:
        return
    from cryptography.x509 import load_pem_x509_certificates  # a gate without an authority starts without it

    if find_spec("rfc3161_client") is None:
        faults += missing("audit.anchors.authority", "rfc3161-client", "timestamps").problems
    key = f"audit.anchors.roots: {table.roots}"
    try:
        load_pem_x509_certificates((folder / table.roots).read_bytes())
    except OSError as error:
        faults.append(f"{key}: cannot be read ({error.strerror}); save the authority's root certificate there")
    except ValueError:
        faults.append(f"{key}: is not a file of PEM certificates; save the authority's root certificate there")
