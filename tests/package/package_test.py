"""What leaves the build tree: `cmake --install` with find_package, and the tarball of `make dist`, both used from elsewhere."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "apps"))
from harness import *

SOURCE, BUILD = pathlib.Path(os.environ["WARMSTART_SOURCE"]), pathlib.Path(os.environ["WARMSTART_BUILD"])
# what every Debian 12 has: libc6, libstdc++6, libgcc-s1
SYSTEM = re.compile(r"^(linux-vdso|/lib64/ld-linux|ld-linux|libc|libm|libdl|libpthread|librt|libresolv|libstdc\+\+|libgcc_s)[.-]")


def run(*arguments, **options):
    result = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=900, **options)
    if result.returncode != 0:
        raise AssertionError(f"{arguments}: exit code {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result.stdout


def libraries(program):
    """[(name, path)] as the loader finds them, with nothing in the environment."""
    out = run("ldd", program, env={"PATH": os.environ["PATH"]})
    return re.findall(r"^\s*(\S+) => (.+?)(?: \(0x|$)", out, re.M)


class Package(Case):
    def setUp(self):
        super().setUp()
        self.assertNotIn(SOURCE, self.folder.parents, "the test must work outside the repository")

    def check_program(self, prefix):
        """The program in `prefix` finds everything there: nothing is left of the build tree."""
        clean = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder)}
        program = prefix / "bin" / "warmstart"
        found = json.loads(run(program, "doctor", "--json", cwd=self.folder, env=clean))
        self.assertEqual(found["tasks"]["missing"], [])
        self.assertEqual(found["tasks"]["assets"], str(prefix / "share/warmstart/assets"))
        self.assertEqual(found["plotly"]["path"], str(prefix / "share/warmstart/plotly.min.js"))
        recipes = json.loads(run(program, "list", "recipes", "--json", cwd=self.folder, env=clean))
        self.assertGreater(len(recipes), 10)
        for recipe in recipes:
            self.assertTrue(recipe["path"].startswith(str(prefix)), recipe)
            self.assertNotIn("error", recipe)
        short = ["--collect.steps", 400, "--pretrain.steps", 20, "--warm_up.steps", 20, "--finetune.steps", 20, "--eval.episodes", 1]
        run(program, "train", "recipes/quick/wsrl.toml", "--out", self.folder / "run", *short, cwd=self.folder, env=clean)
        self.assertIn("Plotly", (self.folder / "run" / "report.html").read_text())

    def test_tarball(self):
        run(SOURCE / "scripts" / "dist.sh", self.folder)
        (archive,) = self.folder.glob("warmstart-*.tar.gz")
        unpacked = self.folder / "a place of its own"
        unpacked.mkdir()
        run("tar", "-C", unpacked, "-xzf", archive)
        (prefix,) = unpacked.iterdir()
        for name, path in libraries(prefix / "bin" / "warmstart"):
            self.assertTrue(SYSTEM.match(name) or str(path).startswith(str(prefix)), f"{name} comes from {path}")
        licences = prefix / "share/warmstart/licences"
        listed = [line.split()[:2] for line in (licences / "BUNDLED.txt").read_text().splitlines()[1:]]
        bundled = {p.name for p in (prefix / "lib/warmstart").glob("*.so*") if not p.name.startswith("libmujoco")}
        self.assertEqual({name for name, _ in listed}, bundled)
        for _, package in listed:
            self.assertGreater((licences / package / "copyright").stat().st_size, 100)
        for wheel in ["mujoco", "gymnasium", "gymnasium_robotics", "plotly"]:
            self.assertTrue(list((licences / wheel).iterdir()), wheel)
        self.check_program(prefix)
        self.use_library(prefix)

    def test_install(self):
        prefix = self.folder / "prefix"
        run("cmake", "--install", BUILD, "--prefix", prefix)
        moved = self.folder / "moved"
        prefix.rename(moved)
        self.check_program(moved)
        self.assertTrue((moved / "share/man/man1/warmstart.1").read_text().startswith(".TH WARMSTART"))
        for shell, page in (("bash", "bash-completion/completions/warmstart"), ("zsh", "zsh/site-functions/_warmstart"),
                            ("fish", "fish/vendor_completions.d/warmstart.fish")):
            self.assertEqual((moved / "share" / page).read_text(), run(moved / "bin/warmstart", "reference", "--format", shell))
        self.use_library(moved)

    def use_library(self, prefix):
        """The examples, copied, against find_package(warmstart) alone."""
        source, build = self.folder / "mine", self.folder / "mine-build"
        shutil.copytree(SOURCE / "examples", source)
        run("cmake", "-G", "Ninja", "-B", build, "-S", source, f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Release")
        commands = (build / "build.ninja").read_text()
        self.assertNotIn(str(SOURCE), commands, "the package points back to its source")
        run("cmake", "--build", build, "--parallel", 2)
        for name, path in libraries(build / "custom_env"):
            if name.startswith("libmujoco"):
                self.assertTrue(path.startswith(str(prefix)), path)
        self.assertIn("return ", run(build / "custom_env", "run-mine", cwd=self.folder))
        self.assertIn(" 0 allocations", run(build / "act", "run-mine/final.safetensors", 200, 0.2, cwd=self.folder))
        # a task that needs files finds those of the installation, from a program that lies elsewhere
        recipe = self.write_recipe("for-finetune.toml", data={"path": "maze.hdf5"}, pretrain={"steps": 20}, finetune={"steps": 20})
        point = prefix / "share/warmstart/assets/gymnasium_robotics/envs/assets/point/point.xml"
        good = point.read_text()
        point.write_text("<mujoco>")
        refused = subprocess.run([build / "finetune", recipe, "run-maze"], capture_output=True, text=True, cwd=self.folder)
        self.assertEqual(refused.returncode, MACHINE, refused.stderr)
        self.assertIn(str(point), refused.stderr)
        point.write_text(good)
        self.assertIn("done:", run(build / "finetune", recipe, "run-maze", cwd=self.folder))
        run(prefix / "bin" / "warmstart", "doctor", "--env-plugin", build / "plugin_env.so", cwd=self.folder)


if __name__ == "__main__":
    main()
