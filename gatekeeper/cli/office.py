"""An operator's desk for one command: the policy, its keys, its store and its log, opened and closed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gatekeeper.audit.segments import usable
from gatekeeper.cli.filters import PSEUDONYM
from gatekeeper.cli.policy import load_policy
from gatekeeper.errors import ConfigError
from gatekeeper.installation import keys
from gatekeeper.rights.drive import service
from gatekeeper.rights.office import Office
from gatekeeper.runtime.wiring import audit_writer, machine, needs, place
from gatekeeper.storage.opening import exists, open_store


@contextmanager
def opened(config: Path, *, secrets: bool = False) -> Iterator[Office]:
    """The office of the command's user, with the policy's secrets if it sends. Raises ConfigError where no gate
    has run yet.
    """
    policy = load_policy(config, require_secrets=secrets)
    if not exists(place(policy)):
        raise ConfigError(f"storage.url: there is no {policy.database_file}; no gate has run here yet")
    usable(policy.audit_folder)
    ring = keys.load(policy.keys_folder)
    writer = audit_writer(policy)
    store, here = open_store(needs(policy, writer)), machine(policy)
    try:
        erasures = service(lambda: policy, lambda: ring, store, writer, machine=here)
        yield Office(f"cli:{os.getuid()}", policy, ring, store, writer, time.time, erasures.of_person, here)
    finally:
        if here is not None:
            here.leave()
        store.close()
        writer.close()


def given(people: Mapping[str, str | None]) -> list[tuple[str, str]]:
    """The identifiers of a command's options; `-` reads one line of standard input, so that it is in no history."""
    found = []
    for kind, value in people.items():
        if value is not None and kind != PSEUDONYM:
            found.append((kind, sys.stdin.readline().strip() if value == "-" else value))
    return found
