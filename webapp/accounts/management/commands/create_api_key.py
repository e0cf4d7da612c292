"""manage.py create_api_key USER: an API key, printed once."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from webapp.accounts.models import User
from webapp.accounts.services import api_key_create


class Command(BaseCommand):
    help = "Create an API key for a person. The key alone is written to the standard output."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="who acts through the key, by user name")
        parser.add_argument("--name", default="command line", help="what the key is used for")
        parser.add_argument("--days", type=int, help="how long it is valid; for ever without this")

    def handle(self, *args: Any, user: str, name: str, days: int | None, **options: Any) -> None:
        owner = User.objects.filter(username=user, is_guest=False).first()
        if owner is None:
            raise CommandError(f"Expected the name of a person with an account, received {user!r}.")
        if not owner.is_active:
            raise CommandError(f"The account of {user} is switched off; its keys would not work.")
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError(f"Expected --days to be from 1 to 36500, received {days}.")
        expires_at = None if days is None else timezone.now() + timedelta(days=days)
        row, key = api_key_create(owner=owner, name=name[:100], expires_at=expires_at)
        self.stdout.write(key)
        self.stderr.write(f"{row.name}, for {user}. It is shown this once: keep it now.")
