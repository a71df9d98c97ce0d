"""The groups of commands, a file per subject: what each command takes. What it does is in `gatekeeper.cli`."""
