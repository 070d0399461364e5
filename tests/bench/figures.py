"""Medians and how far they can be trusted."""

import random
import statistics

RESAMPLES = 4000


def median(values):
    return statistics.median(values)


def bootstrap(values, resamples=RESAMPLES):
    """(median, low, high): the median and its 95 % confidence interval, by resampling."""
    chance = random.Random(1)  # the same interval for the same values
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(resamples))
    return statistics.median(values), medians[int(0.025 * resamples)], medians[int(0.975 * resamples)]


def ratios(tops, bottoms):
    """Of the same blocks, so that what disturbed both cancels."""
    return [top / bottom for top, bottom in zip(tops, bottoms)]
