"""`import` end to end: a checkpoint of the reference implementation becomes a start that `finetune` and `eval` take."""
from harness import *

FLAX = pathlib.Path(__file__).resolve().parent.parent / "golden" / "flax"
CALQL = FLAX / "calql" / "checkpoint_3"
NETWORK = {"critic_hidden": [12, 8], "actor_hidden": [8, 12], "num_qs": 10, "std_head": "exp"}


class Import(Case):
    def setUp(self):
        super().setUp()
        self.recipe = self.write_recipe("same.toml", network=NETWORK, agent={"actor_lr": 1e-3, "critic_lr": 3e-3})

    def test_fine_tuning_goes_on(self):
        for given, out in [(CALQL, "a.safetensors"), (CALQL / "checkpoint", "b.safetensors")]:
            text = self.ok("import", given, "--recipe", self.recipe, "--out", out).stdout
            for part in ("after 3 updates", "actor, critic, temperature, cql_alpha_lagrange", out, "finetune"):
                self.assertIn(part, text)
            self.assertNotIn("note:", text)
        metadata, tensors = read_safetensors(self.folder / "a.safetensors")
        self.assertEqual(tensors, read_safetensors(self.folder / "b.safetensors")[1])
        self.assertEqual((metadata["env"], metadata["pretrain_steps"], metadata["adam_steps"]), (ENV, "3", "3 3 3 3 0 0"))
        expected = read_safetensors(FLAX / "calql.safetensors")[1]
        self.assertEqual(tensors["target/critic/output/kernel"][2], expected["target/modules_critic/Dense_0/kernel"][2])

        for out in ("once", "again"):  # no dataset anywhere
            self.ok("finetune", self.recipe, "--from", "a.safetensors", "--out", out)
        self.assert_same_run(self.folder / "once", self.folder / "again", ["final.safetensors", "metrics.csv"])
        self.ok("eval", "a.safetensors", "--episodes", 2)

    def test_keys_on_the_command_line(self):
        keys = ["--network.num_qs", 2, "--network.critic_hidden", "[8]", "--network.actor_hidden", "[10, 6]", "--network.std_head", "uniform",
                "--network.critic_layer_norm", "false", "--network.actor_layer_norm", "false"]
        text = self.ok("import", FLAX / "sac" / "checkpoint_6", "--recipe", self.recipe, *keys).stdout
        self.assertIn("note: temperature", self.ok("import", CALQL, "--recipe", self.recipe, "--agent.temperature_lr", 0.5, "--out", "x").stdout)
        self.assertIn("--network.num_qs '2'", text)
        self.assertTrue((self.folder / "pretrained.safetensors").exists())

    def test_refusals(self):
        recipe = ["--recipe", self.recipe]
        self.refused(USAGE, ["--recipe"], "import", CALQL)
        self.refused(USAGE, ["recipe not found"], "import", CALQL, "--recipe", "nowhere.toml")
        self.refused(USAGE, ["unknown option --recipes"], "import", CALQL, *recipe, "--recipes", "x")
        self.refused(USAGE, ["network.shared_output"], "import", CALQL, *recipe, "--run.fidelity", "paper")
        self.refused(DATA, ["no such checkpoint", "nowhere"], "import", "nowhere", *recipe)
        self.refused(DATA, ["folder of checkpoints", CALQL], "import", CALQL.parent, *recipe)
        self.refused(DATA, ["IQL", "modules_value"], "import", FLAX / "iql" / "checkpoint_0", *recipe)
        self.refused(DATA, ["not a whole Flax checkpoint"], "import", self.recipe, *recipe)
        self.refused(DATA, ["[10,8,12]", "[3,8,12]", "num_qs = 10"], "import", CALQL, *recipe, "--network.num_qs", 3)
        raw = (CALQL / "checkpoint").read_bytes()
        (self.folder / "short").write_bytes(raw[: len(raw) // 2])
        self.refused(DATA, ["not a whole Flax checkpoint", "short"], "import", "short", *recipe)
        self.assertFalse((self.folder / "pretrained.safetensors").exists(), "nothing is written when something is wrong")

        keep = self.folder / "keep"
        keep.write_text("mine")
        self.refused(USAGE, ["exists", "--overwrite"], "import", CALQL, *recipe, "--out", keep)
        self.assertEqual(keep.read_text(), "mine")
        self.ok("import", CALQL, *recipe, "--out", keep, "--overwrite")


if __name__ == "__main__":
    main()
