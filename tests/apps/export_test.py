"""Exported policies against other people's arithmetic: onnxruntime and a C compiler, held to numpy in 64 bits."""
import math
import re
import stat

from harness import *

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
