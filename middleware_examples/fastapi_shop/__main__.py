"""`python -m middleware_examples.fastapi_shop`."""

from middleware_examples.fastapi_shop import EXAMPLE
from middleware_examples.stage import main

main(EXAMPLE)
