"""Stage 7, record: JSON lines that prove what was decided, sent and answered. Names of fields, never values."""
