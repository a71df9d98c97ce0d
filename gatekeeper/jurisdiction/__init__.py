"""Stage 2, locate: where the visitor is, and which laws apply there."""
