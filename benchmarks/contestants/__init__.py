"""Programs that are measured beside the gate, each configured to do the same work; README.md says what each needs."""
