"""Reads the event file of a run folder with TensorBoard's own reader and holds it to metrics.jsonl, number for number; and its recipe, as
text and as settings, to recipe.toml by the HParams plugin's own code.

  tensorboard_check.py FOLDER
"""
import json
import math
import pathlib
import sys
import tomllib

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata as hparams
from tensorboard.util import tensor_util


def main():
    folder = pathlib.Path(sys.argv[1])
    want, pretrained = {}, json.loads((folder / "run.json").read_text())["steps"]["pretrain"]
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        for name, value in row.items():
            if name not in ("phase", "step", "kind"):
                want.setdefault(f"{row['phase']}/{row['kind']}/{name}", []).append((row["step"], value))
                if row["kind"] in ("eval", "switch"):  # one curve over the switch
                    step = row["step"] + (0 if row["phase"] == "pretrain" else pretrained)
                    want.setdefault(f"eval/{name}", []).append((step, value))
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
    steps = [e.step for e in events.Scalars("eval/return_mean")]
    assert steps == sorted(steps), steps
    check_recipe(folder, events)
    print(f"{count} numbers")


def check_recipe(folder, events):
    text = (folder / "recipe.toml").read_text()
    assert events.SummaryMetadata("recipe").plugin_data.plugin_name == "text"
    (shown,) = events.Tensors("recipe")
    assert tensor_util.make_ndarray(shown.tensor_proto).item().decode() == f"```toml\n{text}\n```\n"
    content = events.PluginTagToContent(hparams.PLUGIN_NAME)[hparams.SESSION_START_INFO_TAG]
    found = hparams.parse_session_start_info_plugin_data(content).hparams
    want = {}
    for section, table in tomllib.loads(text).items():
        for key, value in table.items() if isinstance(table, dict) else [(None, table)]:
            want[section if key is None else f"{section}.{key}"] = str(value) if isinstance(value, list) or isinstance(value, float) and not math.isfinite(value) else value
    got = {key: getattr(value, value.WhichOneof("kind")) for key, value in found.items()}
    assert got == want, {k: (got.get(k), want.get(k)) for k in got.keys() | want.keys() if got.get(k) != want.get(k)}


if __name__ == "__main__":
    main()
