"""The shells: ASGI in and out, thin over `gate.py`. The same endpoints in the middleware and in the sidecar."""
