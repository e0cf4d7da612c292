"""How often programs may call: so many times a minute with each key, and from each address.

Redis counts, for all web processes. Where it does not answer, calls are not counted and go through:
a limit is there for fairness, not to keep anybody out.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from redis.exceptions import NoScriptError

from webapp.accounts.keys import bearer_key, digest_of
from webapp.addresses import caller_of
from webapp.broker import installation_key, quick_client, say
from webapp.problems import Problem

WINDOW_SECONDS = 60

# A window begins with a caller's first call and ends by itself. Whoever is over one limit is not
# counted in those that follow, so that made-up keys leave nothing behind. One round trip for all.
_COUNT = """
local told = {}
for i, key in ipairs(KEYS) do
  local number = redis.call('INCR', key)
  local left = redis.call('PTTL', key)
  if left < 0 then
    left = tonumber(ARGV[1])
    redis.call('PEXPIRE', key, left)
  end
  told[2 * i - 1] = number
  told[2 * i] = left
  if number > tonumber(ARGV[i + 1]) then break end
end
return told
"""
_COUNT_SHA = hashlib.sha1(_COUNT.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Share:
    """What somebody may do in a window: as the headers call it, `name`; whose it is; `quota` calls."""

    name: str
    caller: str
    quota: int


@dataclass(frozen=True)
class Use:
    """A share and what is used of it, this call included. It begins anew in `seconds`."""

    share: Share
    num_calls: int
    seconds: int

    @property
    def num_left(self) -> int:
        return max(0, self.share.quota - self.num_calls)

    @property
    def is_over(self) -> bool:
        return self.num_calls > self.share.quota


def count_call(request: HttpRequest) -> list[Use]:
    """Count a call in all shares that it takes from; empty where none is limited, or nobody counts."""
    shares = list(_shares(request))
    if not shares:
        return []
    told: list[int] = []
    say(
        lambda: told.extend(_count(shares)),
        otherwise="calls of the API are not counted meanwhile",
    )
    pairs = zip(shares, told[::2], told[1::2], strict=False)
    return [Use(share, number, max(1, -(-left // 1000))) for share, number, left in pairs]


def over_limit(uses: Sequence[Use]) -> Problem | None:
    """The refusal of a call that was one too many."""
    for use in uses:
        if use.is_over:
            return Problem(
                "rate_limited",
                quota=use.share.quota,
                window=WINDOW_SECONDS,
                seconds=use.seconds,
            )
    return None


def limit_headers(uses: Sequence[Use]) -> dict[str, str]:
    """The limits and what is left of them, as draft-ietf-httpapi-ratelimit-headers-10 writes them."""
    if not uses:
        return {}
    return {
        "RateLimit-Policy": ", ".join(
            f'"{use.share.name}";q={use.share.quota};w={WINDOW_SECONDS}' for use in uses
        ),
        "RateLimit": ", ".join(
            f'"{use.share.name}";r={use.num_left};t={use.seconds}' for use in uses
        ),
    }


def _shares(request: HttpRequest) -> Iterator[Share]:
    """The address comes first. A key counts by its digest before anybody looks up whose it is."""
    if settings.API_CALLS_PER_ADDRESS and (caller := caller_of(request)):
        yield Share("address", caller, settings.API_CALLS_PER_ADDRESS)
    if settings.API_CALLS_PER_KEY:
        key = bearer_key(request.headers.get("Authorization", ""))
        if key:
            yield Share("key", digest_of(key)[:32], settings.API_CALLS_PER_KEY)


def _count(shares: Sequence[Share]) -> list[int]:
    """Of each share the calls and the milliseconds left, as far as they were counted."""
    keys = [installation_key(f"calls:{share.name}:{share.caller}") for share in shares]
    arguments = [len(keys), *keys, WINDOW_SECONDS * 1000, *(share.quota for share in shares)]
    client = quick_client()
    try:
        told = client.execute_command("EVALSHA", _COUNT_SHA, *arguments)
    except NoScriptError:  # the server is new
        told = client.execute_command("EVAL", _COUNT, *arguments)
    return [int(figure) for figure in told]
