"""Records what SciPy and NumPy make of small samples: the numbers that tests/studies/statistics_test.cpp demands.

    python3 -m venv build/oracle && build/oracle/bin/pip install scipy==1.14.1 numpy==1.26.4
    build/oracle/bin/python tests/oracle/record_statistics.py        # writes tests/golden/studies/statistics.json

"samples": values with their mean, interquartile mean (scipy.stats.trim_mean, a quarter from either end) and quantiles.
"intervals": values, resample indices (row by row), and the percentile interval of the resampled means on those very indices.
"bootstrap": scipy.stats.bootstrap's percentile interval with its own resamples, and how far such an interval scatters from one set of
resamples to another (largest distance in 50 repetitions): another generator's interval must be as near.
"curves": steps and values with numpy.trapezoid's area divided by the length.
"""
import json
import pathlib

import numpy as np
import scipy
from scipy import stats

OUT = pathlib.Path(__file__).resolve().parent.parent / "golden" / "studies" / "statistics.json"
rng = np.random.default_rng(8)


def draw(n):
    return np.round(rng.normal(50, 20, n), 3)


def percentile_of(values, seed, coverage):
    found = stats.bootstrap((values,), np.mean, n_resamples=10000, confidence_level=coverage, method="percentile", random_state=seed)
    return np.array([found.confidence_interval.low, found.confidence_interval.high])


out = {"versions": {"scipy": scipy.__version__, "numpy": np.__version__}, "samples": [], "intervals": [], "bootstrap": [], "curves": []}
for n in (1, 2, 3, 4, 5, 7, 8, 11, 20):
    v = draw(n)
    shares = [0, 0.025, 0.25, 0.5, 0.9, 1]
    out["samples"].append(
        {"values": v.tolist(), "mean": v.mean(), "iqm": stats.trim_mean(v, 0.25), "shares": shares, "quantiles": np.quantile(v, shares).tolist()}
    )
for n, resamples, coverage in ((3, 40, 0.95), (5, 101, 0.9), (8, 60, 0.68)):
    v = draw(n)
    indices = rng.integers(0, n, (resamples, n))
    means = v[indices].mean(axis=1)
    tail = (1 - coverage) / 2
    low, high = np.percentile(means, [100 * tail, 100 * (1 - tail)])
    out["intervals"].append({"values": v.tolist(), "indices": indices.ravel().tolist(), "coverage": coverage, "low": low, "high": high})
for n, coverage in ((3, 0.95), (5, 0.95), (5, 0.68), (10, 0.95)):
    v = draw(n)
    all_of = np.array([percentile_of(v, seed, coverage) for seed in range(50)])
    middle = np.median(all_of, axis=0)
    out["bootstrap"].append(
        {"values": v.tolist(), "coverage": coverage, "low": middle[0], "high": middle[1], "scatter": float(np.abs(all_of - middle).max())}
    )
for steps in ([0, 500, 1000], [0, 100, 150, 1000, 1400], [200, 500, 900]):
    v = draw(len(steps))
    # numpy.trapz is numpy.trapezoid since NumPy 2
    out["curves"].append({"steps": steps, "values": v.tolist(), "area": np.trapz(v, steps) / (steps[-1] - steps[0])})
OUT.parent.mkdir(parents=True, exist_ok=True)
OUT.write_text(json.dumps(out, indent=1) + "\n")
