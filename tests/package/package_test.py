"""What leaves the build tree: `cmake --install` with find_package, and the tarball of `make dist`, both used from elsewhere."""
import pathlib
import re
import shlex
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
        short = ["--collect.steps", 400, "--pretrain.steps", 20, "--warm_up.steps", 20, "--finetune.steps", 20, "--finetune.batch", 8,
                 "--finetune.utd", 1, "--eval.episodes", 1]
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
        run("cmake", "-G", "Ninja", "-B", build, "-S", source, f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Release",
            "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")  # RunOptions{.folder = ...} is no warning in anybody's program
        commands = (build / "build.ninja").read_text()
        self.assertNotIn(str(SOURCE), commands, "the package points back to its source")
        run("cmake", "--build", build, "--parallel", 2)
        self.use_policy(prefix, build / "act")
        for name, path in libraries(build / "custom_env"):
            if name.startswith("libmujoco"):
                self.assertTrue(path.startswith(str(prefix)), path)
        self.assertIn("return ", run(build / "custom_env", "run-mine", cwd=self.folder))
        self.assertIn(" 0 allocations", run(build / "act", "run-mine/final.safetensors", 200, 0.2, cwd=self.folder))
        self.act_alone(prefix)
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

    HEAVY = ("hdf5", "mujoco", "curl", "dnnl", "png", "gif", "libzip")

    def use_policy(self, prefix, act):
        """The example that only acts has few libraries, and its header says which C++ and which version."""
        names = [name for name, _ in libraries(act)]
        self.assertFalse([n for n in names if any(word in n for word in self.HEAVY)], names)
        header = self.folder / "version.cpp"
        header.write_text('#include "warmstart/policy.h"\n'
                          "#if !WARMSTART_VERSION_AT_LEAST(0, 1, 0) || WARMSTART_VERSION_AT_LEAST(WARMSTART_VERSION_MAJOR + 1, 0, 0)\n"
                          "#error macro\n#endif\n"
                          "#include <cstdio>\nint main() { std::puts(WARMSTART_VERSION); }\n")
        compiler = ["g++", f"-I{prefix}/include", "-Wall", "-Wextra", "-Werror", header]
        run(*compiler, "-std=c++20", "-o", self.folder / "version")
        self.assertEqual(run(self.folder / "version").strip(), run(prefix / "bin/warmstart", "--version").strip())
        old = subprocess.run([*map(str, compiler), "-std=c++17"], capture_output=True, text=True)
        self.assertNotEqual(old.returncode, 0)
        self.assertIn("need C++20", old.stderr)

    def act_alone(self, prefix):
        """A program that only acts, where nothing but the policy's part can be found: by CMake, and by pkg-config in a shared object."""
        source = self.folder / "robot"
        source.mkdir()
        (source / "robot.cpp").write_text(
            '#include "warmstart/policy.h"\n#include <cstdio>\n'
            "extern \"C\" int robot(const char* path) try {\n"
            "  const warmstart::SavedPolicy saved = warmstart::read_policy(path);\n"
            "  warmstart::Controller controller(saved);\n"
            "  std::vector<float> obs(saved.obs_size()), action(saved.action_size());\n"
            "  controller.act(obs, action);\n"
            "  std::printf(\"%s %.9g\\n\", saved.task.c_str(), action[0]);\n  return 0;\n"
            "} catch (const warmstart::Error& e) {\n  return static_cast<int>(e.code());\n}\n")
        (source / "main.cpp").write_text('extern "C" int robot(const char*);\nint main(int, char** argv) { return robot(argv[1]); }\n')
        (source / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(robot LANGUAGES CXX)\n"
            "find_package(warmstart REQUIRED COMPONENTS policy)\n"
            "foreach(heavy mujoco DNNL::dnnl hdf5::hdf5 PNG::PNG warmstart::warmstart)\n"
            "  if(TARGET ${heavy})\n    message(FATAL_ERROR \"${heavy} was looked for\")\n  endif()\nendforeach()\n"
            "add_executable(robot main.cpp robot.cpp)\ntarget_link_libraries(robot PRIVATE warmstart::policy)\n")
        run("cmake", "-G", "Ninja", "-B", source / "build", "-S", source, f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Release")
        run("cmake", "--build", source / "build")
        said = run(source / "build" / "robot", "run-mine/final.safetensors", cwd=self.folder)
        self.assertRegex(said, r"^Line-v0 -?\d")
        names = [name for name, _ in libraries(source / "build" / "robot")]
        self.assertFalse([n for n in names if any(word in n for word in self.HEAVY)], names)
        self.assertEqual(subprocess.run([source / "build" / "robot", "none.safetensors"], cwd=self.folder).returncode, DATA)
        if shutil.which("pkg-config"):
            flags = shlex.split(run("pkg-config", "--cflags", "--libs", "warmstart-policy",
                        env={**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")}))
            bundled = f"-Wl,-rpath,{prefix}/lib/warmstart"
            shared = source / "librobot.so"
            run("g++", "-std=c++20", "-O2", "-fPIC", "-shared", source / "robot.cpp", "-o", shared, *flags, bundled, "-Wl,-z,defs")
            run("g++", source / "main.cpp", "-o", source / "robot", shared, f"-Wl,-rpath,{source}", f"-Wl,-rpath-link,{prefix}/lib/warmstart")
            self.assertEqual(run(source / "robot", "run-mine/final.safetensors", cwd=self.folder), said)


if __name__ == "__main__":
    main()
