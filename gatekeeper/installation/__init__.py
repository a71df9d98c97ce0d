"""What one installation on one machine has: its keys, its request ids, its locks."""
