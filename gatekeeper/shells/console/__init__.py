"""`<prefix>/admin/…` as pages: who looks, whether they may, and what is written down before they see it."""
