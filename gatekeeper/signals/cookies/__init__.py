"""Consent cookies of other platforms: one file each, `READERS` lists them, `CookieReaders` runs them."""

from gatekeeper.signals.cookies.compiled import CookieReaders
from gatekeeper.signals.cookies.reader import Cookies, Reader
from gatekeeper.signals.cookies.registry import READERS

__all__ = ["READERS", "CookieReaders", "Cookies", "Reader"]
