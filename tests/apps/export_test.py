"""Exported policies against other people's arithmetic: onnxruntime and a C compiler, held to numpy in 64 bits."""
import math
import re
import stat

from harness import *

PLUGINS = pathlib.Path(os.environ["WARMSTART_PLUGINS"])
CHECK = pathlib.Path(__file__).resolve().parent / "export_check.py"
LIMITS = {"action_low": -0.7, "action_high": [0.5, 0.6], "max_action_change": 0.1, "smoothing": 0.5}


class Export(Case):
    def trained(self, name, **sections):
        self.make_data()
        recipe = self.write_recipe(**sections)
        out = self.folder / name
        self.ok("train", recipe, "--out", out, "--quiet", "--pretrain.steps", 20, "--finetune.steps", 20, "--warm_up.steps", 20)
        return out / "final.safetensors"

    def export(self, checkpoint, format, *options):
        out = self.folder / f"policy{len(list(self.folder.iterdir()))}.{format}"
        text = self.ok("export", checkpoint, "--format", format, "--out", out, *options).stdout
        self.assertIn("checked" if format != "c" or shutil.which("cc") else "not checked", text)
        return out

    def against_numpy(self, checkpoint, units=((-1, 1), (-1, 1)), **limits):
        scale = [] if units == ((-1, 1), (-1, 1)) else [f"--action-{end}={','.join(str(u[k]) for u in units)}" for k, end in enumerate(("low", "high"))]
        files = [self.export(checkpoint, *format, *scale) for format in (["onnx"], ["onnx", "--stochastic"], ["c"], ["safetensors"])]
        seen = subprocess.run([PYTHON, CHECK, checkpoint, json.dumps(limits), json.dumps(units), *files], capture_output=True, text=True)
        self.assertEqual(seen.returncode, 0, seen.stderr)

    def test_policy_without_limits(self):
        self.against_numpy(self.trained("run", network={"std_head": "exp"}))

    def test_policy_with_limits(self):
        network = {"std_head": "uniform", "actor_layer_norm": False, "actor_hidden": [16, 16]}
        self.against_numpy(self.trained("run", network=network, safety=LIMITS), **LIMITS)

    def test_policy_in_a_machines_units(self):
        units = ((-20, 10), (0, 0.5))
        self.against_numpy(self.trained("run"), units)
        self.against_numpy(self.trained("limited", safety=LIMITS), units, **LIMITS)

    def test_policy_with_a_normalizer(self):
        for normalize in ("dataset", "running"):
            self.against_numpy(self.trained(normalize, data={"normalize": normalize}, safety=LIMITS), **LIMITS)
    def of_a_plugin(self):
        shutil.copy(PLUGINS / "plugin_env.so", self.folder / "mine.so")
        recipe = self.write_recipe(env={"plugin": "./mine.so", "max_episode_steps": 20, "reward_bias": 0, "reward_scale": 1},
                                   collect={"policy": "random"}, data={"sparse_reward": False})
        self.ok("train", recipe, "--out", "cart", "--quiet", "--pretrain.steps", 20, "--finetune.steps", 20, "--warm_up.steps", 20)
        return self.folder / "cart" / "final.safetensors"

    def test_a_plugins_bounds_are_used_unless_told(self):
        checkpoint = self.of_a_plugin()
        self.assertEqual([read_safetensors(checkpoint)[0][key] for key in ("action_low", "action_high")], ["-10", "10"])
        (self.folder / "mine.so").unlink()  # the machine is not at hand
        said = self.ok("export", checkpoint, "--format", "onnx", "--out", "own.onnx").stdout
        self.assertIn("actions in the task's units, from the checkpoint: -10 to 10", said)
        said = self.ok("export", checkpoint, "--format", "onnx", "--out", "plain.onnx", "--action-low=-1", "--action-high=1").stdout
        self.assertIn("--action-low and --action-high: -1 to 1", said)
        code = ("import numpy as np, onnxruntime\n"
                "obs = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32) * 3\n"
                "own, plain = (onnxruntime.InferenceSession(n) for n in ('own.onnx', 'plain.onnx'))\n"
                "a, b = (s.run(['action'], {'obs': obs})[0] for s in (own, plain))\n"
                "np.testing.assert_allclose(a, 10 * b, rtol=1e-5, atol=1e-5)\n"
                "assert np.abs(b).max() <= 1 and np.abs(b).max() > 0.01\n"
                "meta = own.get_modelmeta().custom_metadata_map\n"
                "print(meta['action_range'], '|', plain.get_modelmeta().custom_metadata_map['action_range'])")
        seen = subprocess.run([PYTHON, "-c", code], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual((seen.returncode, seen.stdout.strip()), (0, "-10 to 10 | -1 to 1"), seen.stderr)
        self.assertEqual(seen.stderr, "", "a runtime warns about what is not used")

    def test_other_bounds_than_before_are_refused(self):
        checkpoint = self.of_a_plugin()
        source = (pathlib.Path(__file__).parents[2] / "examples/plugin_env.c").read_text()
        (self.folder / "stronger.c").write_text(source.replace("kForce[2] = {-10, 10}", "kForce[2] = {-20, 20}"))
        subprocess.run(["cc", "-shared", "-fPIC", f"-I{pathlib.Path(__file__).parents[2]}", "-o", self.folder / "mine.so", self.folder / "stronger.c", "-lm"], check=True)
        self.refused(DATA, ["CartPendulum-v0 were -10 to 10", "are -20 to 20 now"], "eval", checkpoint, "--episodes", 1)

    @unittest.skipUnless(shutil.which("cc"), "no C compiler")
    def test_the_header_says_what_there_is(self):
        checkpoint = self.of_a_plugin()
        said = self.ok("export", checkpoint, "--format", "c", "--out", "arm.c", "--name", "arm").stdout
        self.assertIn("arm.h", said)
        header = (self.folder / "arm.h").read_text()
        self.assertIn("in the task's units, from the checkpoint: -10 to 10", header)
        main = ('#include "arm.h"\n#include <stdio.h>\nint main() { float obs[ARM_OBS_SIZE] = {0.1f, 0, 0.2f, 0}, action[ARM_ACTION_SIZE];\n'
                'arm_act(obs, action); printf("%d %d %.6g", ARM_OBS_SIZE, ARM_ACTION_SIZE, action[0]); return 0; }\n')
        for name, compiler in (("main.c", "cc"), ("main.cpp", "c++")):
            (self.folder / name).write_text(main)
            subprocess.run(["cc", "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-Wmissing-prototypes", "-c", "arm.c"], cwd=self.folder, check=True)
            subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "-o", "main", name, "arm.o", "-lm"], cwd=self.folder, check=True)
            obs, action, value = subprocess.run([self.folder / "main"], capture_output=True, text=True, check=True).stdout.split()
            self.assertEqual((obs, action), ("4", "1"))
            self.assertLessEqual(abs(float(value)), 10)
        self.refused(USAGE, ["arm.h", "--overwrite"], "export", checkpoint, "--format", "c", "--out", self.moved("arm.c"))

    def moved(self, name):
        (self.folder / name).rename(self.folder / f"other_{name}")
        return name

    @unittest.skipUnless(shutil.which("cc"), "no C compiler")
    def test_a_nan_is_seen_and_does_not_lift_the_limits(self):
        source = self.export(self.trained("run", network={"actor_layer_norm": False}, safety={"max_action_change": 0.01}), "c")
        size = int(re.search(r"policy_act\([^)]*obs\[(\d+)\]", source.read_text())[1])
        main = ('#include <stdio.h>\n#include <math.h>\n#include "%s"\n' % source +
                "int main(void) { policy_state s; float obs[%d] = {0}, a[3][2]; int i, j; policy_reset(&s);\n" % size +
                "for (i = 0; i < 3; ++i) { obs[0] = i == 1 ? NAN : 0; policy_act(&s, obs, a[i]); }\n"
                "for (i = 0; i < 3; ++i) for (j = 0; j < 2; ++j) printf(\"%g \", a[i][j]); return 0; }\n")
        (self.folder / "main.c").write_text(main)
        subprocess.run(["cc", "-o", self.folder / "main", self.folder / "main.c", "-lm"], check=True)
        a = [float(x) for x in subprocess.run([self.folder / "main"], capture_output=True, text=True, check=True).stdout.split()]
        self.assertTrue(all(math.isnan(x) for x in a[2:4]), a)
        for before, after in zip(a[:2], a[4:]):
            self.assertLessEqual(abs(after - before), 0.01 + 1e-6)

    def test_what_fails_its_check_is_not_left(self):
        checkpoint = self.trained("run")
        tools = self.folder / "tools"
        tools.mkdir()
        cc = tools / "cc"
        # compilers that fail, that make a program that says nothing, and one that says something else
        zeros = "printf '#!/bin/sh\\nhead -c 2048 /dev/zero\\n' > check; chmod +x check"
        for script, says in (("echo no; exit 1", "does not compile"), ("printf '#!/bin/sh\\n' > check; chmod +x check", "numbers"), (zeros, "acts differently")):
            cc.write_text(f"#!/bin/sh\n{script}\n")
            cc.chmod(cc.stat().st_mode | stat.S_IXUSR)
            env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
            code = DATA if says == "numbers" else MACHINE
            before = sorted(self.folder.iterdir())
            result = self.call("export", checkpoint, "--format", "c", "--out", "policy.c", env=env)
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertIn(says, result.stderr)
            self.assertEqual(sorted(self.folder.iterdir()), before, "nothing is left behind")

    def test_refusals(self):
        checkpoint = self.trained("run")
        self.refused(USAGE, ["pickle", "onnx"], "export", checkpoint, "--format", "pickle", "--out", "x")
        self.refused(USAGE, ["--name", "2nd"], "export", checkpoint, "--format", "c", "--name", "2nd", "--out", "x")
        self.refused(USAGE, ["--stochastic"], "export", checkpoint, "--format", "c", "--stochastic", "--out", "x")
        self.refused(USAGE, ["--action-high"], "export", checkpoint, "--format", "c", "--action-low", -2, "--out", "x")
        self.refused(USAGE, ["low goes first"], "export", checkpoint, "--format", "c", "--action-low", 2, "--action-high", 1, "--out", "x")
        self.refused(USAGE, ["3 numbers", "2 actions"], "export", checkpoint, "--format", "c", "--action-low", 0, "--action-high", "1,2,3", "--out", "x")
        (self.folder / "old").write_text("mine")
        self.refused(USAGE, ["old", "--overwrite"], "export", checkpoint, "--format", "onnx", "--out", "old")
        self.refused(DATA, ["none.safetensors"], "export", "none.safetensors", "--format", "onnx", "--out", "x")
        self.refused(MACHINE, ["nowhere"], "export", checkpoint, "--format", "onnx", "--out", "nowhere/x")
        self.ok("export", checkpoint, "--format", "onnx", "--out", "old", "--overwrite")


if __name__ == "__main__":
    main()
