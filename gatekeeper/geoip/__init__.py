"""Where addresses are on the map. The one package that opens location databases; called by the shells.

    reader.py     Locations: an address in, a `Found` out; follows its file
    database.py   one opened, probed file
    records.py    one record → `Found`; states.toml has the codes of subdivisions that come by name
    info.py       source, licence, age: `gatekeeper geoip info`
    update.py     fetch and swap: `gatekeeper geoip update`

The bundled database, its licences and how it is built: the `geoip/` folder at the top of the repository.
"""
