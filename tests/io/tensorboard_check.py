"""Reads the event file of a run folder with TensorBoard's own reader and holds it to metrics.jsonl, number for number.

  tensorboard_check.py FOLDER
"""
import json
import math
import pathlib
import sys

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def main():
    folder = pathlib.Path(sys.argv[1])
    want = {}
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        for name, value in row.items():
            if name not in ("phase", "step", "kind"):
                want.setdefault(f"{row['phase']}/{row['kind']}/{name}", []).append((row["step"], value))
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    tags = events.Tags()["scalars"]
    assert sorted(tags) == sorted(want), set(tags) ^ set(want)
    count, last = 0, 0.0
    for tag, rows in want.items():
        seen = events.Scalars(tag)
        assert [e.step for e in seen] == [step for step, _ in rows], (tag, "a row twice, or a gap")
        for event, (step, value) in zip(seen, rows):
            same = not math.isfinite(event.value) if value is None else event.value == float(np.float32(value))
            assert same, (tag, step, event.value, value)
            assert 1.6e9 < event.wall_time < 1e11, event.wall_time
            count += 1
    print(f"{count} numbers")


if __name__ == "__main__":
    main()
