"""`data verify`: files of our own collector in their own world, in others, and damaged by h5py."""
from harness import *

# copies SOURCE to TARGET and does something to it
DAMAGE = """
import sys, shutil, h5py, numpy as np
source, target, how = sys.argv[1:]
shutil.copy(source, target)
with h5py.File(target, "r+") as f:
    if how == "shift":  # actions of the row before
        f["actions"][...] = np.roll(f["actions"][...], 1, axis=0)
    elif how == "rewards":
        f["rewards"][...] = f["rewards"][...] * 2 + 1
    elif how == "after":  # states after the step, as D4RL's AntMaze files have them
        for name in ("infos/qpos", "infos/qvel"):
            f[name][...] = np.roll(f[name][...], -1, axis=0)
    elif how == "no timeouts":
        del f["timeouts"]
    elif how == "nan":
        f["infos/qpos"][5, 2] = np.nan
    elif how == "some":  # one row in fifty
        f["actions"][::50] = -f["actions"][::50]
"""


class Verify(Case):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "cheetah.hdf5"

    def collect(self, *options, env="HalfCheetah-v4", steps=1200):
        self.ok("collect", "--env", env, "--policy", "random", "--max-episode-steps", 300, "--steps", steps, "--out", self.file, *options)

    def damaged(self, how):
        target = self.folder / f"{how}.hdf5"
        subprocess.run([PYTHON, "-c", DAMAGE, self.file, target, how], check=True, timeout=120)
        return target

    def verdict(self, file, *options, code=DONE, env="HalfCheetah-v4"):
        result = self.call("data", "verify", file, "--env", env, "--json", *options)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return json.loads(result.stdout)

    def test_own_world(self):
        self.collect()
        v = self.verdict(self.file, "--rows", 0)
        self.assertEqual(v["replayed"], 1196)  # the last rows of four episodes are left out
        self.assertLess(v["next_observation"]["median"], 1e-6)  # the file's floats
        self.assertEqual(v["next_observation"]["agree"], 1)
        self.assertGreater(v["next_observation"]["within_rounding"], 0.9)
        self.assertEqual(v["reward"]["agree"], 1)
        self.assertEqual(v["problems"], [])
        self.assertEqual(self.verdict(self.file, "--rows", 100)["replayed"], 100)
        text = self.ok("data", "verify", self.file, "--env", "HalfCheetah-v4").stdout
        self.assertIn("100.0% of rows agree within 0.01", text)

    def test_other_physics(self):
        self.collect()
        for scale in (["--mass-scale", 1.2], ["--friction-scale", 0.3]):
            v = self.verdict(self.file, *scale, code=DATA)
            self.assertLess(v["next_observation"]["agree"], 0.9, scale)
            self.assertIn("other dynamics", v["problems"][0])
        # a world that differs in the same way agrees, and the file says how it differs
        self.collect("--mass-scale", 1.2)
        self.verdict(self.file, code=DATA)
        self.assertEqual(self.verdict(self.file, "--mass-scale", 1.2)["next_observation"]["agree"], 1)
        self.assertEqual(json.loads(self.ok("data", "info", self.file, "--json").stdout)["metadata"]["mass_scale"], "1.2")

    def test_states_after_the_step(self):
        self.ok("collect", "--env", "antmaze-umaze-v2", "--policy", "random", "--max-episode-steps", 50, "--steps", 400, "--out", self.file)
        self.assertEqual(self.verdict(self.file, "--rows", 0, env="antmaze-umaze-v2")["next_observation"]["agree"], 1)
        v = self.verdict(self.damaged("after"), "--rows", 0, env="antmaze-umaze-v2")
        self.assertEqual(v["next_observation"]["agree"], 1)
        self.assertEqual(v["replayed"], 400 - 8 * 2)  # neither the first nor the last row of an episode
        self.assertIn("after each step", v["notes"][0])

    def test_no_timeouts(self):
        """Then the task's time limit ends episodes."""
        self.ok("collect", "--env", "HalfCheetah-v4", "--policy", "random", "--steps", 2500, "--out", self.file)
        bare = self.damaged("no timeouts")
        self.refused(DATA, ["timeouts", "--env"], "data", "info", bare)
        info = json.loads(self.ok("data", "info", bare, "--env", "HalfCheetah-v4", "--json").stdout)
        self.assertEqual(info["episodes"]["count"], 3)
        self.verdict(bare)
        self.ok("data", "convert", bare, self.folder / "whole.hdf5", "--env", "HalfCheetah-v4")
        self.assertEqual(json.loads(self.ok("data", "info", self.folder / "whole.hdf5", "--json").stdout)["episodes"]["count"], 3)

    def test_other_bodies(self):
        """HalfCheetah's rows have Walker2d's sizes."""
        self.collect()
        v = self.verdict(self.file, env="Walker2d-v4", code=DATA)
        self.assertIn("recorded in HalfCheetah-v4", v["problems"][0])
        self.refused(DATA, ["recorded in HalfCheetah-v4", "walker2d-medium-v2"], "train", pathlib.Path(__file__).parents[2] / "recipes/walker2d-medium-v2/wsrl.toml",
                     "--data.path", self.file, "--out", self.folder / "run")
        self.verdict(self.file, env="halfcheetah-random-v2")

    def test_other_rewards_of_the_same_hand(self):
        """Two people at the door, dense rewards: refused where success - 1 is meant, until they are made data of that task."""
        people = pathlib.Path(__file__).parents[1] / "golden/data/door-human.hdf5"
        made = self.folder / "binary.hdf5"
        self.assertIn("convert --for door-binary-v0", self.verdict(people, env="door-binary-v0", code=DATA)["problems"][0])
        self.refused(DATA, ["door-human.hdf5", "reward", "-1 to 0"], "train",
                     pathlib.Path(__file__).parents[2] / "recipes/door-binary-v0/wsrl.toml", "--data.path", people, "--out", self.folder / "run")
        self.ok("data", "convert", people, made, "--for", "door-binary-v0")
        v = self.verdict(made, "--rows", 0, env="door-binary-v0")
        self.assertEqual(v["reward"]["agree"], 1)
        self.assertGreater(v["next_observation"]["agree"], 0.95)
        self.refused(USAGE, ["Hopper-v4", "--for"], "data", "convert", people, self.folder / "no.hdf5", "--for", "Hopper-v4")

    def test_damaged_files(self):
        self.collect()
        self.assertLess(self.verdict(self.damaged("shift"), code=DATA)["next_observation"]["agree"], 0.5)
        v = self.verdict(self.damaged("rewards"), code=DATA)
        self.assertEqual(v["next_observation"]["agree"], 1)
        self.assertIn("another rule", v["problems"][0])
        self.assertIn("qpos[2] is nan", self.verdict(self.damaged("nan"), "--rows", 0, code=DATA)["problems"][0])
        v = self.verdict(self.damaged("some"), "--rows", 0)  # few enough to be contacts, but counted and named
        self.assertAlmostEqual(v["next_observation"]["agree"], 1 - 24 / 1196, delta=0.01)
        self.assertEqual(v["next_observation"]["worst_row"] % 50, 0)
        self.assertGreater(v["next_observation"]["worst"], 0.1)

    def test_other_tasks(self):
        for env in ("PointMaze_UMaze-v3", "Hopper-v5"):
            self.collect(env=env, steps=600)
            self.assertEqual(self.verdict(self.file, env=env)["next_observation"]["agree"], 1, env)
        self.refused(USAGE, ["has no clearance"], "data", "verify", self.file, "--env", "Hopper-v5", "--clearance", 1)

    def test_d4rls_name_of_the_goal(self):
        self.ok("collect", "--env", "AdroitHandDoor-v1", "--policy", "random", "--steps", 300, "--out", self.file)
        rename = "import h5py, sys; f = h5py.File(sys.argv[1], 'r+')['infos']; f.move('goal', sys.argv[2])"
        for name, replayed in (("door_body_pos", 298), ("elsewhere", 0)):
            file = self.folder / f"{name}.hdf5"
            shutil.copy(self.file, file)
            subprocess.run([PYTHON, "-c", rename, file, name], check=True, timeout=120)
            v = self.verdict(file, "--rows", 0, env="AdroitHandDoor-v1")
            self.assertEqual(v["replayed"], replayed, v)
            if replayed:
                self.assertEqual(v["next_observation"]["agree"], 1)
        self.assertIn("no infos/goal", v["notes"][-1])

    def test_peg(self):
        """Contacts restart without the solver's last solution, yet a tenth of a second later nearly all rows agree."""
        self.ok("collect", "--env", "FrankaPegInsertion-v0", "--policy", "script", "--steps", 1500, "--clearance", 0.5, "--out", self.file)
        v = self.verdict(self.file, "--rows", 0, "--clearance", 0.5, env="FrankaPegInsertion-v0")
        self.assertGreater(v["next_observation"]["agree"], 0.95)
        self.assertLess(v["next_observation"]["median"], 1e-4)
        self.assertEqual(v["reward"]["agree"], 1)


if __name__ == "__main__":
    main()
