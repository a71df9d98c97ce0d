"""What a person may ask for: their consent history, and the receipt of each choice."""
