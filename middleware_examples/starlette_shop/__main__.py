"""`python -m middleware_examples.starlette_shop`."""

from middleware_examples.stage import main
from middleware_examples.starlette_shop import EXAMPLE

main(EXAMPLE)
