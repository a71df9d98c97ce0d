"""Names of standard events that Meta and TikTok share. Each spells `page_view` in its own way."""

from __future__ import annotations

from typing import Final

STANDARD: Final = {
    "view_item": "ViewContent",
    "search": "Search",
    "add_to_cart": "AddToCart",
    "add_to_wishlist": "AddToWishlist",
    "begin_checkout": "InitiateCheckout",
    "add_payment_info": "AddPaymentInfo",
    "purchase": "Purchase",
    "generate_lead": "Lead",
    "sign_up": "CompleteRegistration",
    "subscribe": "Subscribe",
    "start_trial": "StartTrial",
    "contact": "Contact",
}
"""The catalogue's name of an event -> the vendors' (sources: `meta/events.py` and `tiktok/events.py`)."""
