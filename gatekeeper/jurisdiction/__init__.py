"""Stage 2. Pure. The visitor's address and what was told of their place in; a `Place` with its laws out.

    networks.py   addresses and ranges of them        networks.toml   ranges that say nothing of a place
    address.py    peer and headers → client address   codes.py        country and subdivision codes
    laws.py       place and time → laws               rows.py, laws.toml   the table of laws
    place.py      all of it → Place                   matrix.py       the table for readers

Where an address is on the map is looked up by a callable that the caller passes in (`gatekeeper.geoip`).
"""
