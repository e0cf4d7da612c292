from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A person. Our own model from the first migration on, since it cannot be swapped in later."""
