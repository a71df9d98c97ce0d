"""The Django project as an ASGI application: settings from the environment."""

import os

from tests.hosts import project

project.configure(os.environ["SHOP_POLICY"])

from django.core.asgi import get_asgi_application  # noqa: E402  # settings first

application = get_asgi_application()
