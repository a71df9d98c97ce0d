"""The wheel, on every Python that is there: `make pythons`."""
