"""The console: pages under `<prefix>/admin/` for people who would rather look than read.

A page is a module with a `Page` and a template of its name; `pages.py` lists them. `shells/console` serves them: it
knows who asks, writes the `admin` line, and calls the page.
"""
