"""`manage.py open_shop PORT`: tables, then the development server."""

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """One command to run the example by."""

    help = "Migrate and serve."

    def add_arguments(self, parser):
        """The port."""
        parser.add_argument("port", default="8000", nargs="?")

    def handle(self, *args, **options):
        """Until Ctrl-C."""
        call_command("migrate", verbosity=0)
        call_command("runserver", f"127.0.0.1:{options['port']}", use_reloader=False, insecure_serving=True)
