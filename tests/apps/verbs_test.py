"""Every verb once, as a user meets it."""
import re
import shlex

from harness import *

OPTIONS = {
    "train": ["RECIPE", "--out", "--seed", "--seeds", "--threads", "--precision", "--data", "--small", "--resume", "--overwrite", "--dry-run", "--quiet", "--section.key"],
    "pretrain": ["RECIPE", "--out", "--resume"],
    "finetune": ["RECIPE", "--from", "--out", "--resume"],
    "import": ["CHECKPOINT", "--recipe", "--out", "--overwrite", "--section.key"],
    "eval": ["FILE", "--episodes", "--seed", "--stochastic", "--env", "--json"],
    "advise": ["--checkpoint", "--dataset", "--env", "--episodes", "--write", "--json"],
    "export": ["FILE", "--format", "--out", "--name", "--stochastic", "--overwrite"],
    "collect": ["--env", "--policy", "--steps", "--noise", "--out", "--seed"],
    "data": ["info", "verify"],
    "report": ["RUN", "--out"],
    "list": ["envs", "agents", "recipes", "WORD", "--json"],
    "explain": ["KEY"],
    "reference": ["--format"],
    "replay": ["--env", "--from", "--actions", "--json"],
    "bench": ["step", "list", "act", "env", "start", "memory", "--compare", "--threads", "--json"],
    "doctor": [],
}


class Verbs(Case):
    def test_help(self):
        top = self.ok("--help").stdout
        for line in re.findall(r"^  \w+ +(.*)", top.split("Subcommands:")[1], re.M):
            self.assertTrue(line[0].isupper(), line)
        for verb, options in OPTIONS.items():
            self.assertIn(verb, top)
            text = self.ok(verb, "--help").stdout
            for option in options:
                self.assertIn(option, text, verb)
        self.assertRegex(self.ok("--version").stdout, r"^\d+\.\d+\.\d+")

    def test_dry_run_reads_back(self):
        first = self.ok("train", self.recipe, "--dry-run", "--agent.tau", 0.125, "--seed", 4).stdout
        self.assertIn("tau = 0.125", first)
        self.assertIn("seed = 4", first)
        again = self.folder / "resolved.toml"
        again.write_text(first)
        self.assertEqual(self.ok("train", again, "--dry-run").stdout, first)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["resolved.toml", "tiny.toml"], "a dry run writes nothing")

    def test_precision(self):
        self.make_data()
        tiny = ["train", self.recipe, "--pretrain.steps", 5, "--warm_up.steps", 5, "--finetune.steps", 5, "--finetune.min_buffer", 1]
        wish = self.ok(*tiny, "--precision", "bf16", "--out", "wish")
        used = json.loads((self.folder / "wish" / "run.json").read_text())["precision"]
        self.assertEqual("no bf16 here" in wish.stderr, used == "fp32", wish.stderr)
        self.assertIn('precision = "bf16"', (self.folder / "wish" / "recipe.toml").read_text())
        emulate = {"env": {**os.environ, "WARMSTART_BF16": "emulate"}}
        self.assertIn("emulated", self.ok(*tiny, "--precision", "bf16", "--out", "emulated", **emulate).stderr)
        self.assertEqual(json.loads((self.folder / "emulated" / "run.json").read_text())["precision"], "bf16-emulated")
        self.assertIs(json.loads(self.ok("doctor", "--json", **emulate).stdout)["bf16"]["emulated"], True)
        self.refused(USAGE, ["run.precision", "fp32", "bf16"], *tiny, "--precision", "half")
        self.refused(USAGE, ["--env-plugin", "did you mean --env.plugin?"], "train", self.recipe, "--env-plugin", "x.so")
        self.refused(USAGE, ["WARMSTART_BF16", "emulate"], *tiny, "--precision", "bf16", env={**os.environ, "WARMSTART_BF16": "yes"})
        self.assertIn("avx512_bf16", self.ok("explain", "run.precision").stdout)

    def test_list(self):
        self.assertIn(ENV, self.ok("list", "envs").stdout)
        envs = {e["id"]: e for e in json.loads(self.ok("list", "envs", "--json").stdout)}
        self.assertEqual((envs[ENV]["obs_size"], envs[ENV]["action_size"], envs[ENV]["max_episode_steps"]), (6, 2, 300))
        self.assertIn("calql", [a["name"] for a in json.loads(self.ok("list", "agents", "--json").stdout)])
        recipes = json.loads(self.ok("list", "recipes", "--json").stdout)
        self.assertTrue(recipes)
        self.assertEqual([r for r in recipes if "error" in r], [])
        # on a screen or two, and every recipe can be told from it
        families = self.ok("list", "recipes").stdout
        self.assertLess(len(families.splitlines()), 50)
        self.assertLessEqual(max(map(len, families.splitlines())), 120)
        self.assertIn(f"{len([r for r in recipes if pathlib.Path(r['path']).stem != 'base'])} recipes", families)
        named = set()
        for line in re.sub(r"\n    +", "", families).splitlines():
            if found := re.fullmatch(r"  recipes/(?:\{(.*?)\}|(.*?))/(?:\{(.*?)\}|(.*?))\.toml", line):
                named |= {f"{a}/{b}.toml" for a in (found[1] or found[2]).split(",") for b in (found[3] or found[4]).split(",")}
        self.assertEqual(named, {"/".join(r["path"].split("/")[-2:]) for r in recipes if pathlib.Path(r["path"]).stem != "base"})
        # words narrow it down
        some = self.ok("list", "recipes", "DOOR", "wsrl").stdout
        self.assertIn("door-binary-v0/wsrl.toml", some)
        self.assertIn("critic 10 x 512x512x512", some)
        self.assertNotIn("pen-binary", some)
        listed = [pathlib.Path(r["path"]).stem for r in json.loads(self.ok("list", "recipes", "door*calql", "--json").stdout)]
        self.assertEqual(listed, ["calql"])
        self.assertEqual(len(self.ok("list", "recipes", "*").stdout.splitlines()), 3 * len(recipes))
        self.assertEqual([e["id"] for e in json.loads(self.ok("list", "envs", "umaze", "episodic", "--json").stdout)], [ENV])
        self.refused(USAGE, ["no recipes with nosuchword", "list recipes"], "list", "recipes", "nosuchword")

    def test_small(self):
        full = self.ok("train", "recipes/door-binary-v0/wsrl.toml", "--dry-run").stdout
        small = self.ok("train", "recipes/door-binary-v0/wsrl.toml", "--small", "--dry-run")
        for was, now in [("[512, 512, 512]", "critic_hidden = [128, 128]"), ('"door-binary-v0-wsrl"', '"door-binary-v0-wsrl-small"'), ('"WSRL"', '"WSRL, small"')]:
            self.assertIn(was, full)
            self.assertIn(now, small.stdout)
        self.assertIn("adroit/small.toml", small.stderr)
        self.assertIn("num_qs = 3", self.ok("train", "recipes/door-binary-v0/wsrl.toml", "--small", "--network.num_qs", 3, "--dry-run").stdout)
        self.refused(USAGE, ["no reduced sizes", "--small"], "train", self.recipe, "--small", "--dry-run")
        # the run's folder is another one
        (self.folder / "small.toml").write_text("environment_steps = 8\n[pretrain]\nsteps = 4\n[eval]\nepisodes = 1\n")
        self.make_data()
        self.ok("train", self.recipe, "--small", "--warm_up.steps", 3, "--finetune.min_buffer", 1, "--quiet", "--no-report")
        run = self.folder / "runs" / f"{self.folder.name}-tiny-small-seed0"
        self.assertEqual(json.loads((run / "run.json").read_text())["status"], "done")
        self.assertIn("steps = 5", (run / "recipe.toml").read_text().split("[finetune]")[1])

    def test_paths(self):
        home = self.folder / "home"
        home.mkdir()
        self.make_data()
        shutil.copy(self.data, home / "d.hdf5")
        at_home = {"env": {**os.environ, "HOME": str(home)}}
        recipe = self.write_recipe("home/mine.toml", data={"path": "~/d.hdf5"})
        self.ok("train", "~/mine.toml", "--out=~/run", "--pretrain.steps", 3, "--warm_up.steps", 3, "--finetune.steps", 3, "--finetune.min_buffer", 1, "--quiet", **at_home)
        self.assertTrue((home / "run/report.html").exists())
        self.assertIn(f'path = "{home}/d.hdf5"', (home / "run/recipe.toml").read_text())
        self.ok("eval", "~/run/final.safetensors", "--episodes", 1, **at_home)
        self.ok("report", "~/run", "--out=~/page.html", **at_home)
        self.ok("data", "info", "~/d.hdf5", **at_home)
        self.ok("export", "~/run/final.safetensors", "--format", "safetensors", "--out=~/policy.safetensors", **at_home)
        self.ok("finetune", "~/mine.toml", "--from=~/run/pretrained.safetensors", "--data=~/d.hdf5", "--out", "~/again", "--finetune.steps", 3, "--quiet", **at_home)
        self.assertTrue((home / "policy.safetensors").exists() and (home / "again").exists())
        self.assertFalse((self.folder / "~").exists(), "a folder of the name ~")
        self.refused(USAGE, ["no home folder for ~nobody-there", "--out"], "train", recipe, "--out=~nobody-there/x", "--dry-run")
        # beside the recipe, then in the working folder; a line says which of two
        mine = self.write_recipe("home/two.toml", data={"path": "d.hdf5"})
        self.assertNotIn("note", self.ok("train", mine, "--dry-run").stderr)
        shutil.copy(self.data, self.folder / "d.hdf5")
        both = self.ok("train", mine, "--dry-run")
        self.assertIn(f'path = "{home}/d.hdf5"', both.stdout)
        self.assertRegex(both.stderr, "note: .*data.path: .*home/d.hdf5 is used")
        # a bundled recipe, from any folder
        self.assertIn("steps = 2000", self.ok("train", "recipes/quick/wsrl.toml", "--dry-run").stdout)
        self.assertIn("steps = 2000", self.ok("train", "quick/wsrl.toml", "--dry-run").stdout)
        (self.folder / "own.toml").write_text('base = "recipes/quick/wsrl.toml"\n[finetune]\nsteps = 700\n')
        self.assertIn("steps = 700", self.ok("train", "own.toml", "--dry-run").stdout)
        self.ok("study", "studies/03-warm-up-length.toml", "--dry-run")

    def test_every_option_with_a_file_knows_home(self):
        """By its type in the reference: what its help calls a file, a folder or a page is a PATH."""
        commands = self.ok("reference").stdout.split("## Recipe keys")[0]
        rows = re.findall(r"^\| `(--[\w-]+) TEXT[^`]*` \| (.*) \|$", commands, re.M)
        self.assertGreater(len(rows), 10)
        others = {"--action-low", "--action-high", "--env", "--format", "--policy", "--name", "--camera", "--case", "--precision", "--only", "--launcher"}
        for option, help in rows:
            if option not in others:
                self.assertIsNone(re.search(r"\b(file|folder|page|plug-in|dataset to)\b", help, re.I), f"{option}: {help}")
        self.assertIn("`--out PATH`", commands)

    def test_explain(self):
        text = self.ok("explain", "agent.idle_adam_steps").stdout
        for part in ("agent.idle_adam_steps", "true or false", "default", 'false with run.fidelity = "paper"', "change"):
            self.assertIn(part, text)
        self.assertIn("0 to 1", self.ok("explain", "agent.tau").stdout)
        self.assertIn("none, mixed, append", self.ok("explain", "retention.mode").stdout)
        everything = self.ok("explain").stdout
        keys = [e["key"] for e in json.loads(self.ok("explain", "--json").stdout)]
        for key in keys:
            self.assertIn(key, everything)
        # a last part alone, all keys that end so
        self.assertTrue(self.ok("explain", "utd").stdout.startswith("finetune.utd\n"))
        self.assertEqual(self.ok("explain", "agent.tau").stdout, self.ok("explain", "tau").stdout)
        batches = self.ok("explain", "batch").stdout
        self.assertIn("pretrain.batch\n", batches)
        self.assertIn("finetune.batch\n", batches)
        section = self.ok("explain", "cql").stdout
        self.assertIn("cql.alpha", section)
        self.assertNotIn("agent.tau", section)

    def test_run_eval_report(self):
        self.make_data()
        short = ["--pretrain.steps", 20, "--finetune.steps", 20, "--warm_up.steps", 20]
        self.assertIn("transitions", self.ok("data", "info", self.data).stdout)
        self.assertEqual(json.loads(self.ok("data", "info", self.data, "--json").stdout)["steps"], 400)
        result = self.ok("train", self.recipe, "--out", "run", "--run.log_every", 10, *short)
        for part in ("dataset", "switch to online", "saved"):
            self.assertIn(part, result.stderr)
        for name in ("recipe.toml", "metrics.csv", "metrics.jsonl", "run.json", "report.html", "pretrained.safetensors", "final.safetensors"):
            self.assertTrue((self.folder / "run" / name).exists(), name)
        self.assertEqual(json.loads((self.folder / "run" / "run.json").read_text())["status"], "done")

        # the run's own last evaluation comes out again
        rows = [json.loads(line) for line in (self.folder / "run" / "metrics.jsonl").read_text().splitlines()]
        last = [r for r in rows if r["kind"] == "eval"][-1]
        seen = json.loads(self.ok("eval", "run/final.safetensors", "--episodes", TINY["eval"]["episodes"], "--json").stdout)
        for key in ("return_mean", "return_std", "success_rate", "episode_length"):
            self.assertEqual(seen[key], last.get("values", last)[key], key)
        self.assertGreater(seen["steps_per_second"], 0)
        self.ok("eval", "run/final.safetensors", "--episodes", 2, "--stochastic", "--seed", 9, "--env", ENV)

        for out in ("once", "again"):
            self.ok("finetune", self.recipe, "--from", "run/pretrained.safetensors", "--out", out, *short)
        self.assertEqual(*(read_safetensors(self.folder / out / "final.safetensors")[1] for out in ("once", "again")))
        self.refused(USAGE, ["--overwrite would remove", "run/pretrained.safetensors"], "finetune", self.recipe, "--from", "run/pretrained.safetensors", "--out", "run",
                     "--overwrite", *short)
        self.assertTrue((self.folder / "run/pretrained.safetensors").exists())
        # a resumed run keeps its start; a later file is a start as well
        self.ok("finetune", self.recipe, "--from", "run/final.safetensors", "--out", "further", *short)
        other = [self.recipe, "--out", "other", "--pretrain.steps", 30, "--no-report"]
        self.ok("pretrain", *other)
        self.refused(USAGE, ["began from another file", "other/pretrained.safetensors"], "finetune", self.recipe, "--from", "other/pretrained.safetensors",
                     "--out", "again", "--resume", *short)
        self.assertEqual(json.loads((self.folder / "again/run.json").read_text())["from"], "run/pretrained.safetensors")
        self.assertTrue(self.ok("report", "run", "again", "--out", "both.html").stdout)
        self.assertTrue((self.folder / "both.html").exists())

    def test_advise(self):
        self.make_data()
        self.ok("pretrain", self.recipe, "--out", "pre", "--pretrain.steps", 20)
        self.assertEqual(json.loads((self.folder / "pre/run.json").read_text())["status"], "done")
        start = ["advise", "--checkpoint", "pre/pretrained.safetensors", "--dataset", self.data, "--episodes", 10]
        out = json.loads(self.ok(*start, "--json", "--write", "next.toml").stdout)
        (self.folder / "two words").symlink_to("pre")
        spaced = self.ok("advise", "--checkpoint", "two words/pretrained.safetensors", *start[3:], "--json", "--write", "a b.toml").stdout
        self.assertEqual(shlex.split(json.loads(spaced)["command"])[2], "a b.toml")
        # both means, once more by other ways
        seen = json.loads(self.ok("eval", "pre/pretrained.safetensors", "--episodes", 10, "--json").stdout)
        self.assertAlmostEqual(out["policy"]["mean"], seen["return_mean"], 12)
        numpy_says = (
            "import h5py, json, numpy as np, sys; f = h5py.File(sys.argv[1])\n"
            "ends = np.flatnonzero(f['terminals'][:].astype(bool) | f['timeouts'][:].astype(bool))\n"
            "r = np.array([p.sum() for p in np.split(f['rewards'][:], ends + 1)[: len(ends)]], float)\n"
            "print(json.dumps([r.mean(), r.std(ddof=1) / len(r) ** 0.5]))"
        )
        expected = json.loads(subprocess.run([PYTHON, "-c", numpy_says, self.data], capture_output=True, text=True, check=True).stdout)
        self.assertAlmostEqual(out["data"]["mean"], expected[0], 6)
        self.assertAlmostEqual(out["data"]["error"], expected[1], 6)
        text = self.ok(*start).stdout
        for part in (out["regime"], out["label"], "95%", "2510.01460"):
            self.assertIn(part, text)
        # what it writes runs
        go = out["command"].replace("warmstart ", "").split() + ["--finetune.steps", 20]
        self.ok(*go)
        self.refused(DATA, ["another task", "antmaze-umaze-v2"], *start, "--env", "antmaze-umaze-v2")
        self.refused(DATA, ["none.hdf5"], *start[:3], "--dataset", "none.hdf5")
        written = (self.folder / "next.toml").read_bytes()
        self.refused(USAGE, ["next.toml", "--overwrite"], *start, "--write", "next.toml")
        self.refused(USAGE, ["nowhere", "--write"], *start, "--write", "nowhere/next.toml")
        self.assertEqual((self.folder / "next.toml").read_bytes(), written)
        self.ok(*start, "--write", "next.toml", "--overwrite")

    def test_replay(self):
        (self.folder / "state.json").write_text(json.dumps({"qpos": [0, 0], "qvel": [0, 0], "goal": [1, 1]}))
        (self.folder / "actions.txt").write_text("0.5 0.5\n" * 3)
        out = json.loads(self.ok("replay", "--env", ENV, "--from", "state.json", "--actions", "actions.txt", "--json").stdout)
        self.assertEqual((len(out["obs"]), len(out["reward"])), (4, 3))


if __name__ == "__main__":
    main()
