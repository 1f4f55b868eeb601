"""What the numbers of other people's files mean: one validation for `data info`, `verify`, `convert`, `pack` and training."""
from harness import *



class Foreign(Case):
    _made = None

    def setUp(self):
        super().setUp()
        if Foreign._made is None:
            keep = pathlib.Path(tempfile.mkdtemp(prefix="warmstart-apps-foreign-"))
            unittest.addModuleCleanup(shutil.rmtree, keep, ignore_errors=True)
            subprocess.run([PYTHON, pathlib.Path(__file__).with_name("make_foreign_data.py"), keep], check=True, timeout=120)
            Foreign._made = keep
        self.made = Foreign._made

    def file(self, name):
        return next(self.made.glob(name + ".*"))

    def info(self, name, *options):
        return json.loads(self.ok("data", "info", self.file(name), "--json", *options).stdout)

    def arrays(self, path):
        code = "import h5py,json,sys; f=h5py.File(sys.argv[1]); print(json.dumps({k: f[k][()].tolist() for k in f if hasattr(f[k], 'shape')}))"
        return json.loads(subprocess.run([PYTHON, "-c", code, path], check=True, capture_output=True, text=True).stdout)

    def converted(self, name, *options):
        target = self.folder / f"{name}-converted.hdf5"
        self.ok("data", "convert", self.file(name), target, "--overwrite", *options)
        return self.arrays(target)

    def test_names(self):
        """The same flags, whatever they are called."""
        right = self.converted("right")
        self.assertEqual((sum(right["terminals"]), sum(right["timeouts"])), (8, 16))
        for name in ["gymnasium", "plural", "short", "terminals_dones", "dones_truncated", "dones_terminated"]:
            with self.subTest(file=name):
                got = self.converted(name)
                for key in ["observations", "actions", "rewards", "terminals", "timeouts"]:
                    self.assertEqual(got[key], right[key], key)
                if "next_observations" in got:
                    self.assertEqual(got["next_observations"], right["next_observations"])
                info = self.info(name)
                self.assertEqual((info["episodes"]["count"], info["has_next_observations"]), (24, name in ["gymnasium", "short"]))
        self.assertIn("'truncated' is read as timeouts", self.info("gymnasium")["notes"])
        self.assertIn("'dones' without 'terminals' are read as timeouts: 16", self.info("terminals_dones")["notes"])
        self.assertIn("'dones' is 0 in every row of 'truncated', so it marks true ends: 8", self.info("dones_terminated")["notes"])

    def test_names_that_cannot_be_told(self):
        for name, parts in {
            "dones_alone": ["'done'", "truly ended", "timeouts"],
            "dones_both": ["'dones'", "'truncated'", "terminals"],
            "dones_contradict": ["'dones' is 0 in row 24", "'terminals' is 1"],
            "twice": ["'terminals' and 'terminated'", "remove one"],
            "timeouts_alone": ["'terminals' is missing", "zeros"],
        }.items():
            with self.subTest(file=name):
                for verb in (["info", self.file(name)], ["convert", self.file(name), self.folder / "no.hdf5"], ["pack", self.file(name), self.folder / "no"]):
                    self.refused(DATA, [self.file(name), *parts], "data", *verb)

    def test_remedy_for_done_alone(self):
        """What the message asks for is what works."""
        add = "import numpy as np,sys; d=dict(np.load(sys.argv[1])); np.savez(sys.argv[2], **d, timeouts=np.zeros(len(d['done']), bool))"
        subprocess.run([PYTHON, "-c", add, self.file("dones_alone"), self.folder / "told.npz"], check=True)
        info = json.loads(self.ok("data", "info", self.folder / "told.npz", "--json").stdout)
        self.assertEqual((info["episodes"]["terminals"], info["episodes"]["timeouts"]), (24, 0))

    def test_unused_keys_are_listed(self):
        self.assertIn("not used: qpos, speed", self.info("extra")["notes"])
        self.assertIn("note: not used: qpos, speed", self.ok("data", "info", self.file("extra")).stdout)
        self.assertIn("not used: qpos, speed", self.ok("data", "convert", self.file("extra"), self.folder / "a.hdf5").stdout)
        self.assertIn("not used: qpos, speed", self.ok("data", "pack", self.file("extra"), self.folder / "a.pack").stdout)

    def test_ogbench(self):
        info = self.info("ogbench")
        self.assertEqual((info["episodes"]["terminals"], info["episodes"]["timeouts"], info["episodes"]["count"]), (3, 24, 24))
        self.assertTrue(any("'masks' decides the true ends: 3" in note for note in info["notes"]), info["notes"])

    def test_hidden_ends(self):
        info = self.info("hidden")
        self.assertEqual((info["episodes"]["count"], info["episodes"]["timeouts"]), (24, 24))
        self.assertIn("12 rows without a flag have a next observation that is not the following row, first row 24", info["warnings"][0])
        self.assertEqual(self.converted("hidden"), self.converted("hidden_right"))
        self.assertEqual(self.info("hidden_right")["warnings"], [])

    def test_late_flags(self):
        for name in ["late", "late_next"]:
            with self.subTest(file=name):
                self.assertIn("1 row too late", self.info(name)["problems"][0])
                self.refused(DATA, ["1 row too late", "numpy.roll(flags, -1)"], "data", "pack", self.file(name), self.folder / "no.pack")
                self.assertFalse((self.folder / "no.pack").exists())
                self.refused(DATA, ["1 row too late"], "data", "convert", self.file(name), self.folder / "no.hdf5")

    def test_not_finite(self):
        info = self.info("nan_behind_ends")
        self.assertEqual((info["problems"], info["warnings"]), ([], []))
        self.assertIn("not finite behind 8 true ends", info["notes"][0])
        for verb in ("convert", "pack"):
            self.ok("data", verb, self.file("nan_behind_ends"), self.folder / verb)
            self.refused(DATA, ["infinity in next_observations, row 3, column 1"], "data", verb, self.file("nan_elsewhere"), self.folder / f"no-{verb}")
        self.assertIn("infinity in next_observations, row 3, column 1", self.info("nan_elsewhere")["problems"][0])

    def test_units(self):
        right = self.converted("right")["actions"]
        self.assertIn("lie beyond -1 .. 1; ", self.info("percent")["problems"][0])
        for verb in ("convert", "pack"):
            self.refused(DATA, ["lie beyond -1 .. 1", "--action-low"], "data", verb, self.file("percent"), self.folder / "no")
        for name, options in {"percent": ["--action-low", 0, "--action-high", 100], "newton": ["--action-low", -10, "--action-high", 10], "bounds": []}.items():
            with self.subTest(file=name):
                got = self.converted(name, *options)["actions"]
                self.assertLess(max(abs(a[0] - b[0]) for a, b in zip(got, right)), 2e-5)
                again = self.folder / f"{name}-converted.hdf5"
                info = json.loads(self.ok("data", "info", again, "--json").stdout)
                self.assertEqual(info["metadata"]["action_units"], "unit")
                self.refused(DATA, ["-1 .. 1 already"], "data", "pack", again, self.folder / "no", "--action-low", 0, "--action-high", 100)

    def test_hostile_rewards(self):
        self.assertIn("rewards reach", self.info("hostile")["warnings"][0])


class Training(Case):
    """The same verdicts in `train`, on the suite's own task."""

    def setUp(self):
        super().setUp()
        self.make_data()

    def changed(self, name, code):
        target = self.folder / f"{name}.hdf5"
        shutil.copy(self.data, target)
        subprocess.run([PYTHON, "-c", "import h5py, numpy as np, sys\nf = h5py.File(sys.argv[1], 'r+')\n" + code, target], check=True)
        return target

    def pretrain(self, data, *options):
        return ["pretrain", self.recipe, "--data", data, "--out", self.folder / "run", "--overwrite", "--pretrain.steps", 5, "--eval.episodes", 1, *options]

    def test_units(self):
        forget = "del f['metadata']\n"
        loud = self.changed("loud", forget + "f['actions'][...] = f['actions'][...] * 50 + 50")
        result = self.refused(DATA, ["lie beyond -1 .. 1", loud, "data.action_low"], *self.pretrain(loud))
        self.assertFalse((self.folder / "run").exists(), "refused before anything is written")
        verdict = self.call("data", "verify", loud, "--env", ENV)
        self.assertEqual(verdict.returncode, DATA)
        self.assertIn(result.stderr.split("error: ")[1].split(" (")[0], verdict.stdout, "in the same words")
        said = self.ok(*self.pretrain(loud, "--data.action_low", 0, "--data.action_high", 100)).stderr
        self.assertIn("mapped from 0 .. 100 to -1 .. 1", said)
        mapped = read_safetensors(self.folder / "run/pretrained.safetensors")[1]
        self.ok(*self.pretrain(self.changed("plain", forget)))
        plain = read_safetensors(self.folder / "run/pretrained.safetensors")[1]
        self.assertEqual(mapped.keys(), plain.keys())
        self.ok("data", "verify", loud, "--env", ENV, "--action-low", 0, "--action-high", 100)

    def test_own_files_say_their_units(self):
        info = json.loads(self.ok("data", "info", self.data, "--json").stdout)
        self.assertEqual(info["metadata"]["action_units"], "unit")
        self.assertEqual((info["problems"], info["warnings"]), ([], []))
        self.refused(DATA, ["-1 .. 1 already"], *self.pretrain(self.data, "--data.action_low", -3, "--data.action_high", 3))

    def test_hidden_and_late_ends(self):
        hidden = self.changed("hidden", "t = f['timeouts'][...]; t[np.flatnonzero(t)[:-1:2]] = False; f['timeouts'][...] = t")
        late = self.changed("late", "for k in ('timeouts', 'terminals'): f[k][...] = np.roll(f[k][...], 1)")
        self.assertIn("each ends an episode, as a timeout", self.ok(*self.pretrain(hidden)).stderr)
        self.refused(DATA, ["1 row too late"], *self.pretrain(late))
        self.refused(DATA, ["problem"], "data", "verify", late, "--env", ENV)

    def test_another_dataset_than_asked_for(self):
        recipe = self.write_recipe("more.toml", collect={"steps": 500, "noise": 0.3, "seed": 4})
        said = self.ok("pretrain", recipe, "--out", self.folder / "run", "--pretrain.steps", 5, "--eval.episodes", 1).stderr
        self.assertIn("seed = 0 instead of 4", said)
        self.assertIn("steps = 400 instead of 500", said)
        self.assertIn("to make it anew, remove the file", said)
        self.assertNotIn("noise =", said)
        same = self.ok("pretrain", self.recipe, "--out", self.folder / "same", "--pretrain.steps", 5, "--eval.episodes", 1).stderr
        self.assertNotIn("instead of", same)

    def test_packs_keep_where_they_were_recorded(self):
        self.ok("collect", "--env", "HalfCheetah-v4", "--policy", "random", "--steps", 50, "--out", "cheetah.hdf5")
        self.refused(DATA, ["HalfCheetah-v4", "Walker2d-v4"], "data", "pack", "cheetah.hdf5", "no.pack", "--env", "Walker2d-v4")
        self.ok("data", "pack", "cheetah.hdf5", "cheetah.pack")
        for verb in (["data", "verify", "cheetah.pack", "--env", "Walker2d-v4"],):
            self.assertEqual(self.call(*verb).returncode, DATA)
        walker = self.write_recipe("walker.toml", env={"id": "Walker2d-v4"}, data={"path": "cheetah.pack", "sparse_reward": False, "collect": False})
        self.refused(DATA, ["HalfCheetah-v4", "Walker2d-v4"], "pretrain", walker, "--out", "run", "--pretrain.steps", 2)


if __name__ == "__main__":
    main()
