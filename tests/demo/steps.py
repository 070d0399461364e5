"""The rows of the check's table: each step is timed, and the requests that were answered during it are counted."""

import collections
import contextlib
import time


class Step:
    def __init__(self, name):
        self.name, self.begin, self.end = name, time.monotonic(), float("inf")
        self.held = ""  # what held, in words
        self.answered_s = None  # until what is new answered through every edge
        self.problem = ""  # why it did not hold
        self.requests, self.failures, self.apart = 0, [], {}


class Steps:
    """`rules` are functions that say of a failed request as what it counts apart; None: it is a failure."""

    def __init__(self, ledger):
        self.ledger, self.rows, self.rules = ledger, [], []

    @contextlib.contextmanager
    def step(self, name):
        """Ends the step before: what is answered from now on counts for this one."""
        step = Step(name)
        if self.rows:
            self.rows[-1].end = step.begin
        self.rows.append(step)
        print(f"  {name} ...", end="", flush=True)
        try:
            yield step
        except Exception as error:
            step.problem = f"{type(error).__name__}: {error}"
            raise
        finally:
            print(f" {'FAILED' if step.problem else 'done'} after {time.monotonic() - step.begin:.1f} s", flush=True)

    def count(self):
        """Gives every answer so far to its step."""
        if self.rows:
            self.rows[-1].end = time.monotonic()
        for step in self.rows:
            step.requests, step.failures, step.apart = 0, [], collections.defaultdict(list)
            for line in filter(lambda one: one.is_request, self.ledger.between(step.begin, step.end)):
                step.requests += 1
                label = next(filter(None, (rule(line) for rule in self.rules)), None) if line.failure else ""
                if label is None:
                    step.failures.append(line)
                elif label:
                    step.apart[label].append(line)

    def table(self):
        rows = [("step", "what held", "answered after", "requests", "failed", "counted apart")]
        for step in self.rows:
            answered = "-" if step.answered_s is None else f"{step.answered_s * 1000:.0f} ms"
            apart = ", ".join(f"{len(lines)} {label}" for label, lines in step.apart.items())
            rows.append((step.name, "NOT: see below" if step.problem else step.held, answered, str(step.requests),
                         str(len(step.failures)), apart))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(cell.rjust(width) if i in (2, 3, 4) else cell.ljust(width)
                           for i, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join(lines)
