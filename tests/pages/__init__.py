"""What is served to pages, looked at without a browser."""
