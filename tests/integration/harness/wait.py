"""Waiting for a condition, with a deadline and a reason."""

import time

POLL_SECONDS = 0.01


class NotInTime(AssertionError):
    """A condition did not come true before its deadline."""


def wait_for(condition, deadline_s, reason):
    """Calls `condition` until it returns something true, and returns that. An exception counts as "not yet" (a server
    that does not listen yet refuses); after `deadline_s` the failure names `reason` and what was seen last."""
    end = time.monotonic() + deadline_s
    while True:
        try:
            last = condition()
            if last:
                return last
        except (OSError, ValueError, AssertionError, LookupError) as error:
            last = f"{type(error).__name__}: {error}"
        if time.monotonic() > end:
            raise NotInTime(f"not within {deadline_s} s: {reason} (last: {last!r})")
        time.sleep(POLL_SECONDS)


def stays_true(condition, for_s, reason):
    """The opposite: fails when `condition` is false once within `for_s` seconds."""
    end = time.monotonic() + for_s
    while time.monotonic() < end:
        assert condition(), f"did not stay so for {for_s} s: {reason}"
        time.sleep(POLL_SECONDS)


def seconds_of(action):
    """(seconds it took, what it returned)"""
    started = time.monotonic()
    result = action()
    return time.monotonic() - started, result
