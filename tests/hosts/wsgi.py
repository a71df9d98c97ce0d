"""The Django project as a WSGI application, for servers that fork: settings from the environment."""

import os

import gatekeeper
from tests.hosts import project

project.configure(os.environ["SHOP_POLICY"])

from django.core.wsgi import get_wsgi_application  # noqa: E402  # settings first

application = get_wsgi_application()
if "SHOP_TRACKS_EARLY" in os.environ:
    # Before the fork: threads of the master's gate must not be missed, nor shared, in its workers.
    gatekeeper.track("page_view", session_id="before-the-fork")
