"""A finished run is trained longer; phases that do not run ask for nothing; a recipe that cannot learn is refused."""
from harness import *

ROUND = {"warm_up": {"steps": 100, "reference_count": False}, "eval": {"every": 100, "pretrain_every": 0, "episodes": 2}}


class Longer(Case):
    def info(self, name):
        return json.loads((self.folder / name / "run.json").read_text())

    def test_a_finished_run_goes_on_with_its_buffer(self):
        self.make_data()
        recipe = self.write_recipe(**ROUND)
        train = lambda out, *more: ["train", recipe, "--out", self.folder / out, "--no-report", *more]
        self.ok(*train("whole", "--finetune.steps", 300))
        self.ok(*train("run"))
        again = self.ok(*train("run", "--resume"))
        self.assertIn("nothing to do", again.stderr)
        longer = self.ok(*train("run", "--resume", "--finetune.steps", 300))
        self.assertNotIn("nothing to do", longer.stderr)
        self.assertIn("finetune.steps (was 200, now 300)", longer.stderr)
        self.assert_same_run(self.folder / "whole", self.folder / "run", ["metrics.csv", "metrics.jsonl"])  # headers name the keys
        self.assertEqual(self.info("run")["changes"], [{"at": "done, step 300", "key": "finetune.steps", "was": "200", "now": "300"}])
        self.assertEqual(self.info("run")["updates"], 300)
        self.assertIn("steps = 300", (self.folder / "run" / "recipe.toml").read_text())
        # other keys of evaluation and logging may change as well; the rest is named, with what to do
        self.ok(*train("run", "--resume", "--finetune.steps", 320, "--eval.episodes", 1, "--run.log_every", 7, "--log.tensorboard", "false"))
        keys = [c["key"] for c in self.info("run")["changes"]]
        self.assertEqual(keys, ["finetune.steps", "finetune.steps", "eval.episodes", "log.tensorboard", "run.log_every"])
        self.refused(USAGE, ["recipe changed", "finetune.batch (was 8, now 16)", "agent.tau", "--out"],
                     *train("run", "--resume", "--finetune.steps", 400, "--finetune.batch", 16, "--agent.tau", 0.01))
        self.refused(USAGE, ["finetune.steps = 100", "320"], *train("run", "--resume", "--finetune.steps", 100))

    def test_fine_tuning_needs_no_dataset_in_its_recipe(self):
        self.make_data()
        path = self.folder / "mine.toml"
        path.write_text(toml({k: v for k, v in TINY.items() if k != "data"}))
        self.refused(USAGE, ["no dataset", "pretrain.steps"], "pretrain", path, "--out", self.folder / "a")
        self.ok("pretrain", path, "--data", self.data, "--out", self.folder / "a", "--quiet")
        self.data.unlink()
        start = self.folder / "a" / "pretrained.safetensors"
        self.ok("finetune", path, "--from", start, "--out", self.folder / "b", "--quiet", "--run.max_steps", 150)
        self.ok("finetune", path, "--from", start, "--out", self.folder / "b", "--quiet", "--resume")
        self.ok("eval", self.folder / "b" / "final.safetensors", "--episodes", 1)
        self.refused(USAGE, ["no dataset", "retention.mode"], "finetune", path, "--from", start, "--out", self.folder / "c", "--retention.mode", "mixed")

    def test_a_recipe_that_cannot_make_one_update_is_refused(self):
        self.make_data()
        out = self.folder / "run"
        self.refused(USAGE, ["not one update", "301 environment steps", "8192 transitions", "finetune.batch", "finetune.utd"],
                     "train", self.recipe, "--out", out, "--finetune.batch", 4096)
        self.assertFalse(out.exists())
        self.ok("pretrain", self.recipe, "--out", out, "--quiet", "--finetune.batch", 4096)

    def test_arms_of_a_grid_begin_to_learn_at_one_step(self):
        self.make_data()
        self.write_recipe(warm_up={"steps": 0}, pretrain={"steps": 5}, finetune={"steps": 80}, eval={"every": 0, "episodes": 1}, data={"collect": False})
        study = self.folder / "s.toml"
        study.write_text('recipe = "tiny.toml"\nseeds = [0]\n[grid]\nfinetune.utd = [1, 4]\n')
        dry = self.ok("study", study, "--dry-run")
        self.assertIn("finetune.min_buffer = 32 for finetune.utd=1", dry.stdout)
        said = self.ok("study", study, "--out", self.folder / "study", "--jobs", 1)
        self.assertIn("finetune.min_buffer = 32", said.stderr)
        runs = sorted((self.folder / "study" / "runs").rglob("run.json"))
        self.assertEqual([json.loads(r.read_text())["first_update"] for r in runs], [32, 32])


if __name__ == "__main__":
    main()
