"""What a workload found, as the report and the JSON show it."""

import dataclasses


@dataclasses.dataclass
class Row:
    """One peer. `ratio`: its cost over ours in the same blocks, (median, low, high) of the 95 % interval."""
    name: str
    value: float
    ratio: tuple = ()


@dataclasses.dataclass
class Check:
    """A target of the project and what was measured. An interval meets a target with its worse end."""
    text: str
    measured: float
    low: float
    high: float
    bound: str  # "<=" or ">="
    target: float

    @property
    def met(self):
        return self.high <= self.target if self.bound == "<=" else self.low >= self.target

    @property
    def near(self):
        """The median meets it and the interval reaches beyond."""
        return not self.met and (self.measured <= self.target if self.bound == "<=" else self.measured >= self.target)

    def verdict(self):
        return "met" if self.met else "met by the median only" if self.near else "missed"


@dataclasses.dataclass
class Result:
    workload: str
    title: str
    unit: str
    rows: list = dataclasses.field(default_factory=list)
    checks: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    configurations: dict = dataclasses.field(default_factory=dict)

    def check(self, text, bound, target, measured, low=None, high=None):
        self.checks.append(Check(text, measured, measured if low is None else low,
                                 measured if high is None else high, bound, target))

    def as_json(self):
        checks = [{**dataclasses.asdict(check), "verdict": check.verdict()} for check in self.checks]
        return {**dataclasses.asdict(self), "checks": checks}

    def as_text(self):
        lines = [f"{self.workload}  {self.title}  ({self.unit})"]
        for row in self.rows:
            ratio = "  {:.3f} x weir ({:.3f} - {:.3f})".format(*row.ratio) if row.ratio else ""
            lines.append(f"  {row.name:<24}{row.value:>12.3f}{ratio}")
        for check in self.checks:
            lines.append(f"  {check.verdict():<8} {check.text}: {check.measured:.3f} ({check.low:.3f} - "
                         f"{check.high:.3f}), target {check.bound} {check.target:g}")
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])
