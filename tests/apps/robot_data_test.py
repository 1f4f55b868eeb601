"""What a robot's program records by warmstart/io/episode_log.h, from the C program to a trained policy; and tables of other people."""
import re

from harness import *

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PLUGINS = pathlib.Path(os.environ["WARMSTART_PLUGINS"])
READ = """import sys, json, h5py
f = h5py.File(sys.argv[1])
keys = ('observations', 'actions', 'rewards', 'terminals', 'timeouts', 'next_observations')
print(json.dumps({k: f[k][:].astype(float).tolist() for k in keys if k in f}))"""
HEAD = "first,obs_0,obs_1,action_0,next_obs_0,next_obs_1,reward,terminated,truncated\n"


@unittest.skipUnless(shutil.which("cc"), "no C compiler")
class Recorder(Case):
    def setUp(self):
        super().setUp()
        flags = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-O2", f"-I{SOURCE}"]
        subprocess.run(["cc", *flags, SOURCE / "examples" / "record_data.c", "-o", self.folder / "record", "-lm"], check=True)

    def test_from_the_machine_to_a_policy(self):
        subprocess.run([self.folder / "record", "cart.csv", "12"], cwd=self.folder, check=True)
        subprocess.run([self.folder / "record", "cart.csv", "3"], cwd=self.folder, check=True)  # another day, appended
        info = self.ok("data", "info", "cart.csv").stdout
        self.assertIn("CSV", info)
        self.ok("data", "convert", "cart.csv", self.data)
        read = json.loads(subprocess.run([PYTHON, "-c", READ, self.data], capture_output=True, text=True, check=True).stdout)
        # by hand, from the text
        rows = [line.split(",") for line in (self.folder / "cart.csv").read_text().splitlines() if re.match("[01],", line)]
        self.assertEqual(len(read["rewards"]), len(rows))
        self.assertEqual(sum(read["terminals"]) + sum(read["timeouts"]), 15)
        for row, obs, after in list(zip(rows, read["observations"], read["next_observations"]))[::97]:
            for text, number in zip(row[1:5] + row[6:10], obs + after):
                self.assertAlmostEqual(float(text), number, delta=1e-6 * max(1, abs(number)))
        shutil.copy(PLUGINS / "plugin_env.so", self.folder / "mine.so")
        self.ok("data", "verify", "cart.csv", "--env-plugin", "mine.so")
        recipe = self.write_recipe(env={"plugin": "./mine.so", "max_episode_steps": 0, "reward_bias": 0, "reward_scale": 1},
                                   data={"sparse_reward": False, "collect": False, "path": str(self.folder / "cart.csv")})
        self.ok("train", recipe, "--out", "run", "--pretrain.steps", 50, "--finetune.steps", 20, "--warm_up.steps", 20)
        # -10 N to 10 N are -1 to 1 for the learner
        recorded = [float(row[5]) for row in rows]
        self.assertGreater(max(map(abs, recorded)), 5)
        exported = self.ok("export", "run/final.safetensors", "--format", "onnx", "--out", "policy.onnx").stdout
        self.assertIn("-10 to 10", exported)

    def test_a_crash_costs_one_line(self):
        subprocess.run([self.folder / "record", "cart.csv", "2"], cwd=self.folder, check=True)
        text = (self.folder / "cart.csv").read_text()
        lines = len([line for line in text.splitlines() if re.match("[01],", line)])
        for cut in (3, 5, 40):  # in the flags, before them, in the middle of the numbers
            (self.folder / "cut.csv").write_text(text[:-cut])
            subprocess.run([self.folder / "record", "cut.csv", "1"], cwd=self.folder, check=True)
            info = self.ok("data", "info", "cut.csv").stdout
            self.assertIn("1 line was cut off while being written", info)
            self.ok("data", "convert", "cut.csv", "cut.hdf5", "--overwrite")
            read = json.loads(subprocess.run([PYTHON, "-c", READ, self.folder / "cut.hdf5"], capture_output=True, text=True, check=True).stdout)
            ends = [i for i, (a, b) in enumerate(zip(read["terminals"], read["timeouts"])) if a or b]
            self.assertEqual(len(ends), 3)
            self.assertEqual(ends[1], lines - 2, "the episode that was cut ends in its last whole line")


class Table(Case):
    def read(self, text, name="t.csv"):
        (self.folder / name).write_text(text)
        self.ok("data", "convert", name, "t.hdf5", "--overwrite")
        return json.loads(subprocess.run([PYTHON, "-c", READ, self.folder / "t.hdf5"], capture_output=True, text=True, check=True).stdout)

    def bad(self, parts, text):
        (self.folder / "t.csv").write_text(text)
        self.refused(DATA, ["t.csv", *parts], "data", "convert", "t.csv", "t.hdf5")

    def test_columns_in_any_order_without_first(self):
        got = self.read("obs_1,obs_0,reward,truncated,terminated,action_0\r\n2,1,0.5,0,0,-1\r\n4,3,1.5,0,1,1\r\n6, 5,2.5,1,0,0\r\n8,7,3,0,0,+1e-1\r\n")
        self.assertEqual(got["observations"], [[1, 2], [3, 4], [5, 6], [7, 8]])
        self.assertEqual((got["terminals"], got["timeouts"]), ([0, 1, 0, 0], [0, 0, 1, 1]))
        self.assertEqual([row[0] for row in got["actions"]][:3], [-1, 1, 0])
        self.assertNotIn("next_observations", got)

    def test_episodes_that_nobody_ended(self):
        got = self.read(HEAD + "1,0,0,0,1,1,0,0,0\n0,1,1,0,2,2,0,0,0\n1,9,9,0,8,8,0,1,1\n" + "\n" + HEAD + "0,5,5,0,6,6,0,0,0\n0,6,6,0,7,7,0,0,0\n")
        self.assertEqual((got["terminals"], got["timeouts"]), ([0, 0, 1, 0, 0], [0, 1, 0, 0, 1]))

    def test_refusals(self):
        row = "1,0,0,0,1,1,0,0,0\n"
        self.bad(["line 3", "8 numbers", "9 columns"], HEAD + row + "0,0,0,0,1,1,0,0\n" + row)
        self.bad(["line 3", '"x" in column 3'], HEAD + row + "0,0,x,0,1,1,0,0,0\n" + row)
        self.bad(["line 1", "velocity"], HEAD.replace("obs_1", "velocity") + row)
        self.bad(["observations have no number 1"], HEAD.replace(",obs_1", ",obs_2") + row)
        self.bad(["no column for actions"], HEAD.replace("action_0,", "") + row)
        self.bad(["line 4", "other columns"], HEAD + row + "\n" + HEAD.replace("first", "obs_2") + row)
        self.bad(["line 4", "action_low is another one"], "# action_low -1\n# action_high 1\n" + HEAD + "# action_low -2\n" + row)
        self.bad(["no steps"], HEAD)
        self.bad(["terminals", "2"], HEAD + "1,0,0,0,1,1,0,2,0\n" + row)


if __name__ == "__main__":
    main()
