"""Constant load over keep-alive connections: every request that does not get its expected answer is kept, with why."""

import select
import threading
import time

from .http import Connection

FAILURES_KEPT_MAX = 50


class Load:
    """`with Load(...) as load:` runs until the block ends. `expected` gets a Response and says whether it is right."""

    def __init__(self, address, host, target="/", rate_per_s=100, connections=4, expected=None, timeout_s=5):
        self.address, self.host, self.target = address, host, target
        self.interval_s, self.connections, self.timeout_s = connections / rate_per_s, connections, timeout_s
        self.expected = expected or (lambda response: response.status == 200)
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.sent, self.failed, self.failures, self.bodies = 0, 0, [], {}
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(connections)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(self.timeout_s + 5)
        return False

    def stop(self):
        self.__exit__(None)

    def run(self, number):
        connection = None
        due = time.monotonic() + self.interval_s * number / self.connections
        while not self.stopping.is_set():
            self.stopping.wait(max(0, due - time.monotonic()))
            due = max(due + self.interval_s, time.monotonic() - 1)
            try:
                if connection is None or self.was_closed(connection):
                    connection = Connection(self.address, self.timeout_s, self.host)
                response = connection.get(self.target)
                self.note(None if self.expected(response) else repr(response), response)
                if response.closes():
                    connection.close()
                    connection = None
            except (OSError, ValueError) as error:
                self.note(f"{type(error).__name__}: {error}", None)
                connection = None

    def was_closed(self, connection):
        """A server may close an idle connection at any time: that is no failed request."""
        readable, _, _ = select.select([connection.sock], [], [], 0)
        return bool(readable)

    def note(self, failure, response):
        with self.lock:
            self.sent += 1
            if failure:
                self.failed += 1
                if len(self.failures) < FAILURES_KEPT_MAX:
                    self.failures.append(f"{time.strftime('%H:%M:%S')} {failure}")
            elif response is not None:
                key = response.text()[:200]
                self.bodies[key] = self.bodies.get(key, 0) + 1

    def check(self, failed_max=0):
        with self.lock:
            assert self.sent > 0, "the load sent nothing"
            listing = "\n  ".join(self.failures)
            assert self.failed <= failed_max, f"{self.failed} of {self.sent} requests failed:\n  {listing}"
