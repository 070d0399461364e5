"""What the load saw: one line an answer, written by demo/traffic.py while the check reads."""

import dataclasses
import threading

# All times are the machine's monotonic clock, which is the same for every process.


@dataclasses.dataclass
class Line:
    """One answer: of a route ("backend", "fib", "frontend"), or a sign of life of "websocket" or "stream"."""

    what: str
    edge: str
    method: str
    sent: float
    done: float = 0.0
    status: int = None  # None: no answer
    by: str = ""  # the address of the instance that answered
    failure: str = ""  # "": 200 with the right body

    def text(self):
        failure = self.failure.replace("\t", " ").replace("\n", " ")
        return "\t".join([self.what, self.edge, self.method, f"{self.sent:.6f}", f"{self.done:.6f}",
                          str(self.status or 0), self.by, failure]) + "\n"

    @staticmethod
    def parse(text):
        what, edge, method, sent, done, status, by, failure = text.rstrip("\n").split("\t")
        return Line(what, edge, method, float(sent), float(done), int(status) or None, by, failure)

    @property
    def is_request(self):
        return self.what not in ("websocket", "stream")

    def __str__(self):
        answer = f"status {self.status}" if self.status else "no answer"
        return f"{self.what} {self.method} at {self.edge}, {answer}, {(self.done - self.sent) * 1000:.0f} ms: " \
               f"{self.failure}"


class Ledger:
    """Reads on as the file grows."""

    def __init__(self, path):
        self.lines, self.rest, self.lock = [], "", threading.Lock()
        open(path, "a", encoding="utf-8").close()
        self.file = open(path, encoding="utf-8")

    def all(self):
        with self.lock:
            *whole, self.rest = (self.rest + self.file.read()).split("\n")
            self.lines += [Line.parse(text) for text in whole]
            return self.lines

    def between(self, begin, end=float("inf")):
        """Those that were done in this time."""
        return [line for line in self.all() if begin <= line.done < end]

    def answered_by(self, address, since, what="backend"):
        """The first right answer of an instance to a request sent after `since`; None so far."""
        for line in self.all():
            if line.what == what and line.by == address and line.sent >= since and not line.failure:
                return line
        return None
