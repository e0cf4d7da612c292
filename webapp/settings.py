"""Settings. What an operator may set in the environment, and what is usual, is the table in README.md."""

from pathlib import Path
from typing import Any, Literal

import dj_database_url
import django_stubs_ext
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from classifier.images import Limits
from webapp import env
from webapp.admin_theme import UNFOLD  # noqa: F401 - a setting
from webapp.ops.processes import WEB_THREADS
from webapp.ops.redis_socket import socket_path

django_stubs_ext.monkeypatch()  # lets `ModelAdmin[Recognizer]` be written outside of the type checker

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env.path("OCELLUS_DATA_DIR", BASE_DIR / "var")
PICTURES_DIR = DATA_DIR / "pictures"
DATASETS_DIR = DATA_DIR / "datasets"
MANIFESTS_DIR = DATA_DIR / "manifests"  # what runs were trained on, as lists
BUNDLES_DIR = DATA_DIR / "bundles"
# What a training can do without: features computed before, and where a killed one goes on from.
CACHE_DIR = DATA_DIR / "cache"
WORK_DIR = DATA_DIR / "work"
# What the processes have counted for /metrics; begun anew at each start.
METRICS_DIR = DATA_DIR / "metrics"

SECRET_KEY = env.secret_key(DATA_DIR / "secret_key")
DEBUG = False
ALLOWED_HOSTS = env.names("OCELLUS_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
PORT = env.integer("PORT", 8000, lowest=1, highest=65535)

INSTALLED_APPS = [
    "webapp.accounts",
    "webapp.recognizers",
    "webapp.predictions",
    "webapp.belongings",
    "webapp.webhooks",
    "webapp.api",
    "webapp.studio",
    "webapp.ops",
    "axes",
    "csp",
    "django_htmx",
    "unfold.apps.BasicAppConfig",  # before the admin, whose templates it replaces
    "webapp.admin_site.StudioAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "webapp.admin_site.AdminPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "webapp.languages.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",  # reads the body, when the view's turn comes
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "webapp.predictions.middleware.UploadSizeMiddleware",  # before anything reads the body
    "webapp.accounts.middleware.DenyFirstMiddleware",  # views opt out
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "webapp.urls"
WSGI_APPLICATION = "webapp.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "webapp.accounts.guests.page_context",
            ],
        },
    },
]

# Claims and leases: how long a row may stay with a worker that has stopped renewing it.
PREDICTION_LEASE_SECONDS = 20
TRAINING_LEASE_SECONDS = 30
JOB_LEASE_SECONDS = 30

# Database

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "ocellus.sqlite3",
        "CONN_MAX_AGE": 60,
    }
}
if _url := env.text("DATABASE_URL"):
    DATABASES["default"] = {**dj_database_url.parse(_url, conn_max_age=60, conn_health_checks=True)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # Readers do not block the writer. A transaction that will write takes its turn when it
        # begins, so that it cannot fail later for having read before another wrote.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
    }
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # A server that does not answer is told from one that computes: nobody waits for minutes.
    # Whoever falls silent inside a transaction, which may hold rows that wait for their answers,
    # loses them as it would lose a lease.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 5,
        "tcp_user_timeout": 10_000,  # milliseconds
        "options": f"-c idle_in_transaction_session_timeout={PREDICTION_LEASE_SECONDS}s",
        **DATABASES["default"].get("OPTIONS", {}),
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "upload"
LOGOUT_REDIRECT_URL = "login"
# Closed unless somebody opens it: who has an account may fill the disk and use the processor.
SIGN_UP = env.integer("OCELLUS_SIGN_UP", 0, lowest=0, highest=1) == 1
# Visitors without an account, and how long a browser that does not come back has its pictures.
ANONYMOUS_UPLOADS = env.integer("OCELLUS_ANONYMOUS_UPLOADS", 0, lowest=0, highest=1) == 1
GUEST_PICTURES_PER_HOUR = env.integer(
    "OCELLUS_GUEST_PICTURES_PER_HOUR", 200, lowest=1, highest=1_000_000
)
GUEST_DAYS = 14
SESSION_COOKIE_AGE = GUEST_DAYS * 24 * 3600  # seconds
PASSWORD_RESET_TIMEOUT = 3 * 3600  # seconds
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "accounts/locked.html"
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False  # its pages are ours: webapp/accounts/attempts_admin.py
AXES_CLIENT_IP_CALLABLE = "webapp.accounts.limits.address_at_sign_in"

# Mail, for new passwords only. Without a server the pages say that none is sent.

EMAIL_HOST = env.text("OCELLUS_MAIL_HOST")
_security: Literal["starttls", "tls", "none"] = env.choice(
    "OCELLUS_MAIL_SECURITY", ("starttls", "tls", "none")
)
_usual_port = {"starttls": 587, "tls": 465, "none": 25}[_security]
EMAIL_PORT = env.integer("OCELLUS_MAIL_PORT", _usual_port, lowest=1, highest=65535)
EMAIL_USE_TLS, EMAIL_USE_SSL = _security == "starttls", _security == "tls"
EMAIL_HOST_USER = env.text("OCELLUS_MAIL_USER")
EMAIL_HOST_PASSWORD = env.text("OCELLUS_MAIL_PASSWORD")
EMAIL_TIMEOUT = 10  # seconds; a thread of the web process waits as long
DEFAULT_FROM_EMAIL = env.text("OCELLUS_MAIL_FROM")
if EMAIL_HOST and not DEFAULT_FROM_EMAIL:
    raise ImproperlyConfigured(
        "Expected OCELLUS_MAIL_FROM, the address that mails come from, together with "
        "OCELLUS_MAIL_HOST, received none."
    )

# Browsers

_is_https = env.integer("OCELLUS_HTTPS", 0, lowest=0, highest=1) == 1
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _is_https else None
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# Callers: how many web servers in front add to X-Forwarded-For whom they heard from.
PROXIES = env.integer("OCELLUS_PROXIES", 0, lowest=0, highest=10)
# Calls of the API in a minute; 0: as many as come. Behind one address there may be several keys.
API_CALLS_PER_KEY = env.integer("OCELLUS_API_CALLS_PER_KEY", 1200, lowest=0, highest=1_000_000)
API_CALLS_PER_ADDRESS = env.integer(
    "OCELLUS_API_CALLS_PER_ADDRESS", 2400, lowest=0, highest=1_000_000
)

# Uploads

PICTURE_LIMITS = Limits()
MAX_FILES_PER_UPLOAD = 300
MAX_UPLOAD_BYTES = 512 * 1024 * 1024
MAX_OTHER_BYTES = 3 * 1024 * 1024  # of any other form, and of whoever brings no session
# Of somewhat more the first are taken, and the others told; who sends much more is told at once.
DATA_UPLOAD_MAX_NUMBER_FILES = MAX_FILES_PER_UPLOAD + 200
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
# Off unless somebody wants it: the web process then asks whatever public address it is given.
FETCH_ADDRESSES = env.integer("OCELLUS_FETCH_ADDRESSES", 0, lowest=0, highest=1) == 1
FETCH_SECONDS = 15
# Calls of the API that wait for their answers at one time; the other threads are for pages.
MAX_WAITING_REQUESTS = WEB_THREADS - 8
KEPT_LONG_SIDE = 960
THUMBNAIL_LONG_SIDE = 240

# Tasks

REDIS_URL = env.redis_url(socket_path(DATA_DIR))
# This installation's own: others may use the same server, and number their rows the same.
REDIS_KEY_PREFIX = f"ocellus:{salted_hmac('redis', '', secret=SECRET_KEY).hexdigest()[:16]}:"
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A nudge that does not get through at once is not worth waiting for: the row is enough.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": REDIS_KEY_PREFIX,
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
    "retry_on_timeout": False,
    "max_retries": 0,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "inference"
CELERY_TASK_ROUTES = {
    "webapp.studio.tasks.*": {"queue": "training"},  # studio.tasks.QUEUE
    "webapp.studio.jobs.tasks.*": {"queue": "studio"},  # studio.jobs.tasks.QUEUE
}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
RECONCILE_EVERY_SECONDS = 3
SWEEP_EVERY_SECONDS = 3600
REMOVE_EVERY_SECONDS = 60
LEARN_EVERY_SECONDS = 60
MAX_ATTEMPTS = 3
DEVICE: Literal["auto", "cpu", "gpu"] = env.choice("OCELLUS_DEVICE", ("auto", "cpu", "gpu"))
# Versions beyond this are dropped from a worker's memory, the least recently used first.
ENGINE_MEMORY_MB = env.integer("OCELLUS_ENGINE_MEMORY_MB", 1500, lowest=100, highest=1_000_000)
# How long a promotion waits for the workers to load the version, and from when on one is dead.
PRELOAD_SECONDS = 30
WORKER_ALIVE_SECONDS = 10

# Curators see what owners have judged. 1: also the answers that a recognizer is least sure of.
CURATORS_SEE_UNCERTAIN = env.integer("OCELLUS_CURATORS_SEE_UNCERTAIN", 0, lowest=0, highest=1) == 1
# A recognizer that learns by itself is promoted by people, unless the operator lets it.
AUTO_PROMOTE = env.integer("OCELLUS_AUTO_PROMOTE", 0, lowest=0, highest=1) == 1

# Webhooks may go to private addresses. Whoever has an account can then reach what this machine reaches.
PRIVATE_WEBHOOKS = env.integer("OCELLUS_PRIVATE_WEBHOOKS", 0, lowest=0, highest=1) == 1

# Operations

METRICS_TOKEN = env.text("OCELLUS_METRICS_TOKEN")
MIN_FREE_MB = env.integer("OCELLUS_MIN_FREE_MB", 500, lowest=1, highest=1_000_000_000)

# Texts

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
# What somebody chose at the foot of a page goes before what their browser asks for.
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600  # seconds
LANGUAGE_COOKIE_SECURE = _is_https
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_TZ = True
TIME_ZONE = "UTC"

# Static files: hashed names, compressed once, served by the web process itself.

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"webapp": {"level": "INFO"}},
}
