"""Stage 6, deliver: what leaves the process, with retries. Acts; decides nothing."""
