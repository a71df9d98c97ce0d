"""`python -m middleware_examples.django_shop`."""

from middleware_examples.django_shop import EXAMPLE
from middleware_examples.stage import main

main(EXAMPLE)
