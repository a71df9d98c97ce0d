"""Stage 3, resolve: what all signals and the laws of the place add up to (see `resolve.py`)."""
