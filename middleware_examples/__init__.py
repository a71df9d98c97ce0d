"""One runnable shop per way of using Gatekeeper: `python -m middleware_examples.starlette_shop`, and so on."""
