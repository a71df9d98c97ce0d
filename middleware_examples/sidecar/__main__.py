"""`python -m middleware_examples.sidecar`."""

from middleware_examples.sidecar import EXAMPLE
from middleware_examples.stage import main

main(EXAMPLE)
