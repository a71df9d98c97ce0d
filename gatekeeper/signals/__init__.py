"""What the visitor said, read from what their browser and their consent platform wrote. Stage 1. Pure."""
