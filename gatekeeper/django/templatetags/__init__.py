"""Tags for templates: `{% load gatekeeper %}`."""
