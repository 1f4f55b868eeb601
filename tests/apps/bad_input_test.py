"""Wrong command lines, recipes and checkpoints: the right exit code, and a message that names file, key and remedy."""
import shutil

from harness import *


class CommandLine(Case):
    def test_words(self):
        self.refused(USAGE, ["a command is missing", "train", "warmstart --help"])
        for more in ([], ["--help"], ["-h"], ["x.toml", "--help"]):
            self.refused(USAGE, ["unknown command trian", "did you mean train?", "warmstart --help"], "trian", *more)
            self.refused(USAGE, ["unknown command inf after warmstart data", "did you mean info?"], "data", "inf", *more)
            self.refused(USAGE, ["nosuch is neither a file nor a command of warmstart study", "warmstart study --help"], "study", "nosuch", *more)
            self.refused(USAGE, ["unknown command stp after warmstart bench", "did you mean step?"], "bench", "stp", *more)
        self.refused(USAGE, ["a command is missing after warmstart data", "info", "verify"], "data")
        self.assertIn("Usage", self.ok("study", "--help").stdout)
        self.refused(USAGE, ["unknown option --epsodes", "did you mean --episodes?"], "eval", "x", "--epsodes", 3)
        self.refused(USAGE, ["unexpected argument more"], "doctor", "more")
        self.refused(USAGE, ["RECIPE"], "train")
        self.refused(USAGE, ["recipe not found", "nowhere.toml", "list recipes"], "train", "nowhere.toml")
        self.refused(USAGE, ["recipe not found", "looked for", "did you mean recipes/door-binary-v0/wsrl.toml?"], "train", "recipes/door-binary-v0/wrsl.toml")
        self.refused(USAGE, ["this is a folder"], "train", self.folder)
        self.refused(USAGE, ["study file not found", "studies/03-warm-up-length.toml"], "study", "studies/03-warmup-length.toml")
        self.refused(USAGE, ["unexpected argument", "more"], "train", self.recipe, "more")
        self.refused(USAGE, ["no value", "--agent.tau"], "train", self.recipe, "--agent.tau")
        self.refused(USAGE, ["--threads"], "train", self.recipe, "--threads", 0)
        for seed in (-3, 10**20):
            self.refused(USAGE, ["--seed"], "train", self.recipe, "--seed", seed)
        self.refused(USAGE, ["--from"], "finetune", self.recipe)
        self.refused(USAGE, ["envs"], "list", "env")

    def test_seeds_of_a_study(self):
        study = ["study", "studies/03-warm-up-length.toml", "--dry-run", "--seeds"]
        self.ok(*study, "0,2")
        for bad in ("1,,2", "1,", "", "[1", "1 2", "one"):
            self.refused(USAGE, ["wrong type", "--seeds", "list of integers"], *study, bad)
        self.refused(USAGE, ["out of range", "--seeds"], *study, "-1")

    def test_keys(self):
        self.refused(USAGE, ["unknown key agent.tua", "did you mean agent.tau?"], "train", self.recipe, "--agent.tua", 0.1)
        self.refused(USAGE, ["unknown key agent.tua", "agent.tau"], "explain", "agent.tua")
        self.refused(USAGE, ["unknown key utdd", "finetune.utd"], "explain", "utdd")
        self.refused(USAGE, ["unknown key lr", "agent.actor_lr or agent.critic_lr"], "explain", "lr")
        self.refused(USAGE, ["unknown key agent.utd", "did you mean finetune.utd?"], "train", self.recipe, "--agent.utd", 4)
        self.refused(USAGE, ["unknown option --utd", "did you mean --finetune.utd?"], "train", self.recipe, "--utd", 4)
        self.refused(USAGE, ["unknown option --quit", "--quiet"], "train", self.recipe, "--quit")
        self.refused(USAGE, ["unknown option --resmue", "--resume"], "train", self.recipe, "--resmue", "--out", self.folder / "run")

    def test_values(self):
        for key, value, parts in [
            ("pretrain.agent", "cal", ["unknown value", "calql"]),
            ("retention.mode", "mix", ["unknown value", "mixed"]),
            ("agent.tau", "small", ["wrong type", "a number"]),
            ("finetune.steps", "2.5", ["wrong type", "an integer"]),
            ("data.collect", "yes", ["wrong type", "true or false"]),
            ("network.critic_hidden", "[64", ["wrong type", "[64, 64]"]),
            ("network.critic_hidden", "64,,64", ["wrong type", "a list of integers"]),
            ("network.critic_hidden", "64,64,", ["wrong type"]),
            ("network.critic_hidden", "64 64x", ["wrong type"]),
            ("network.critic_hidden", "", ["wrong type"]),
            ("safety.action_low", "-0.5,", ["wrong type"]),
            ("agent.tau", "1e", ["wrong type"]),
            ("agent.tau", "1.5", ["out of range", "0 to 1"]),
            ("finetune.utd", "0", ["out of range"]),
            ("env.id", "PointMaze_Umaze_Episodic-v3", [ENV]),
            ("agent.num_min_qs", "7", ["network.num_qs"]),
            ("finetune.agent", "bc", ["finetune.steps"]),
        ]:
            with self.subTest(key=key, value=value):
                self.refused(USAGE, [*parts, key], "train", self.recipe, "--" + key, value)
                self.assertFalse((self.folder / "runs").exists(), "refused before anything is written")

    def test_recipe_files(self):
        for section, values, parts in [
            ("agent", {"tua": 0.1}, ["unknown key agent.tua", "agent.tau"]),
            ("agent", {"tau": "small"}, ["wrong type", "agent.tau"]),
            ("network", {"num_qs": 0}, ["out of range", "network.num_qs"]),
        ]:
            bad = self.write_recipe("bad.toml", **{section: values})
            self.refused(USAGE, [*parts, bad], "train", bad)
        broken = self.folder / "broken.toml"
        broken.write_text("[agent\n")
        self.refused(USAGE, ["not valid TOML", broken, "line"], "train", broken)
        loop = self.folder / "loop.toml"
        loop.write_text('base = "loop.toml"\n')
        self.refused(USAGE, ["base", loop], "train", loop)


class Checkpoints(Case):
    """A pre-trained agent, a finished run and a half-finished one, made once."""

    _made = None

    def setUp(self):
        super().setUp()
        if Checkpoints._made is None:
            keep = pathlib.Path(tempfile.mkdtemp(prefix="warmstart-apps-made-"))
            unittest.addModuleCleanup(shutil.rmtree, keep, ignore_errors=True)
            self.make_data()
            short = ["--pretrain.steps", 20, "--quiet"]
            self.ok("pretrain", self.recipe, "--out", keep / "pretrained", *short)
            process = self.start("train", self.recipe, "--out", keep / "half", *short, "--finetune.steps", 1000000)
            self.assertTrue(self.wait_until(lambda: phase(keep / "half") == "finetune", process))
            process.kill()
            process.communicate()
            Checkpoints._made = keep
        self.pretrained = self.folder / "pretrained.safetensors"
        shutil.copy(Checkpoints._made / "pretrained" / "pretrained.safetensors", self.pretrained)

    def half(self):
        """A copy of the half-finished run, and the arguments that go on with it. (The recipe names the first test's dataset.)"""
        out = self.folder / "half"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(Checkpoints._made / "half", out)
        return out, ["train", out / "recipe.toml", "--out", out, "--resume", "--quiet"]

    def finetune(self, *more):
        return ["finetune", self.recipe, "--from", self.pretrained, "--out", self.folder / "run", "--finetune.steps", 20, "--quiet", *more]

    def test_good_one_needs_no_dataset(self):
        self.assertFalse(self.data.exists())
        self.ok(*self.finetune("--data.collect", "false"))
        self.assertFalse(self.data.exists())

    def test_another_task(self):
        other = "PointMaze_Medium_Episodic-v3"
        self.refused(DATA, ["another task", ENV, other, self.pretrained], *self.finetune("--env.id", other))
        self.refused(DATA, ["another task", ENV, other, self.pretrained], "eval", self.pretrained, "--env", other)
        out, resume = self.half()
        self.refused(DATA, ["another task", out, other], *resume, "--env.id", other)
        self.assertFalse((self.folder / "run").exists())

    def test_other_networks(self):
        self.refused(DATA, ["network", self.pretrained], *self.finetune("--network.num_qs", 4))
        self.refused(DATA, ["network", self.pretrained], *self.finetune("--network.actor_hidden", "[17]"))

    def test_another_version_or_kind(self):
        metadata, tensors = read_safetensors(self.pretrained)
        metadata = {k: v for k, v in metadata.items() if not k.startswith("xxh3.")}
        write_safetensors(self.pretrained, {**metadata, "version": "999"}, tensors)
        self.refused(DATA, ["version 999", self.pretrained], *self.finetune())
        write_safetensors(self.pretrained, {"format": "pt"}, tensors)
        self.refused(DATA, ["not a Warmstart checkpoint", self.pretrained], *self.finetune())
        self.refused(DATA, ["not a Warmstart checkpoint", self.pretrained], "eval", self.pretrained)

    def test_damaged_agent(self):
        size = self.pretrained.stat().st_size
        for at in (3, 100, size // 2, size - 1):
            with self.subTest(at=at):
                flip_byte(self.pretrained, at)
                self.refused(DATA, [self.pretrained], "eval", self.pretrained)
                self.refused(DATA, [self.pretrained], *self.finetune())
                flip_byte(self.pretrained, at)
        self.ok("eval", self.pretrained, "--episodes", 1)
        self.pretrained.write_bytes(self.pretrained.read_bytes()[:-10])
        self.refused(DATA, [self.pretrained], "eval", self.pretrained)
        self.pretrained.unlink()
        self.refused(DATA, [self.pretrained], "eval", self.pretrained)
        self.refused(DATA, [self.pretrained], *self.finetune())

    def test_damaged_checkpoint(self):
        out, resume = self.half()
        checkpoint = out / "checkpoint.safetensors"
        good = checkpoint.read_bytes()
        for change in (lambda: flip_byte(checkpoint), lambda: checkpoint.write_bytes(good[: len(good) // 2]), lambda: checkpoint.write_bytes(b"")):
            change()
            self.refused(DATA, [checkpoint], *resume)
            checkpoint.write_bytes(good)

    def test_damaged_buffer(self):
        for damage in ("flip", "cut", "remove"):
            with self.subTest(damage=damage):
                out, resume = self.half()
                segment = sorted((out / "buffer").iterdir())[0]
                raw = segment.read_bytes()
                if damage == "flip":
                    flip_byte(segment, len(raw) // 4)
                elif damage == "cut":
                    segment.write_bytes(raw[: len(raw) // 4])
                else:
                    segment.unlink()
                self.refused(DATA, [out / "buffer"], *resume)

    def test_metrics_cut_short(self):
        out, resume = self.half()
        (out / "metrics.csv").write_text("")
        self.refused(DATA, [out / "metrics.csv"], *resume)

    def test_wrong_place(self):
        self.refused(DATA, [self.folder], "eval", self.folder)
        self.refused(DATA, [self.recipe], "eval", self.recipe)
        self.refused(DATA, ["nowhere"], "report", self.folder / "nowhere")


class Divergence(Case):
    def test_ends_with_its_own_code_and_an_intact_checkpoint(self):
        self.make_data()
        out = self.folder / "run"
        wild = ["--network.critic_hidden", "[64,64,64,64,64,64,64,64]", "--network.critic_layer_norm", "false", "--agent.critic_lr", 1,
                "--agent.tau", 1, "--env.reward_scale", 1e9, "--pretrain.steps", 1000, "--run.checkpoint_every", 1]
        self.refused(DIVERGED, ["the run diverged", "not finite", "agent.critic_lr"], "train", self.recipe, "--out", out, "--quiet", *wild)
        self.assertEqual(phase(out), "pretrain")
        self.ok("eval", out / "checkpoint.safetensors", "--episodes", 1)


if __name__ == "__main__":
    main()
