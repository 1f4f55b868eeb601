"""Datasets of every format, written by minari, h5py and numpy: read by path, converted, packed, refused with a reason."""
from harness import *

MAKER = pathlib.Path(__file__).with_name("make_own_data.py")


def used_in_pack(raw, at):
    """Whether byte `at` is more than padding, by docs/formats/pack.md."""
    obs, action, has_next = struct.unpack_from("<III", raw, 12)
    (text,) = struct.unpack_from("<I", raw, 28)
    steps, ends, _ = struct.unpack_from("<QQQ", raw, 32)
    begin = 4096
    used = at < 128
    for size in [4 * steps, steps, steps, 4 * steps * has_next, 4 * steps * (obs + action), 4 * steps * action, 4 * ends * obs, text]:
        used = used or begin <= at < begin + size
        begin += (size + 4095) // 4096 * 4096
    assert begin == len(raw)
    return used


class OwnData(Case):
    _made = None

    def setUp(self):
        super().setUp()
        self.make_data()
        if OwnData._made is None:
            keep = pathlib.Path(tempfile.mkdtemp(prefix="warmstart-apps-own-"))
            unittest.addModuleCleanup(shutil.rmtree, keep, ignore_errors=True)
            self.python("write", self.data, keep)
            self.ok("data", "pack", self.data, keep / "good.pack")
            self.python("packs", keep, keep / "good.pack")
            OwnData._made = keep
        self.made = OwnData._made

    def python(self, *arguments):
        subprocess.run([PYTHON, MAKER, *map(str, arguments)], check=True, timeout=300, env=os.environ | {"PYTHONWARNINGS": "ignore"})

    def convert(self, source, *options):
        target = self.folder / "converted.hdf5"
        result = self.ok("data", "convert", source, target, "--overwrite", *options)
        return target, result.stdout

    def test_every_format_converts_to_the_same_numbers(self):
        for source in ["maze/flat-v0", "maze/flat-v0/data", "maze/flat-v0/data/main_data.hdf5", "plain.npz", "packed.dat", "wide.npz", "good.pack"]:
            with self.subTest(source=source):
                self.python("same", self.data, self.convert(self.made / source)[0])
        target, said = self.convert(self.made / "maze/dict-v0", "--env", ENV)
        self.python("same", self.data, target)
        self.assertIn("observation (4), desired_goal (2)", said)

    def test_oracle_can_say_no(self):
        target = shutil.copy(self.data, self.folder / "other.hdf5")
        subprocess.run([PYTHON, "-c", "import h5py,sys; h5py.File(sys.argv[1],'a')['rewards'][3] += 1", target], check=True)
        result = subprocess.run([PYTHON, MAKER, "same", self.data, target], capture_output=True, text=True)
        self.assertIn("rewards", result.stderr)

    def test_nested_dict_is_flattened_as_gymnasium_does(self):
        self.python("nested", self.folder)
        target, said = self.convert(self.folder / "own/nested-v0")
        self.assertIn("Alpha (1), alpha (3), middle/a (1), middle/b (6), zeta (2)", said)
        self.python("same_nested", target, self.folder)

    def test_info(self):
        info = json.loads(self.ok("data", "info", self.made / "maze/dict-v0", "--json").stdout)
        self.assertEqual((info["format"], info["steps"], info["observation_size"]), ("Minari", 400, 8))
        self.assertEqual(info["observation_keys"], ["achieved_goal (2)", "desired_goal (2)", "observation (4)"])
        wanted = json.loads(self.ok("data", "info", self.data, "--json").stdout)
        for source in ["maze/flat-v0", "packed.dat", "good.pack"]:
            info = json.loads(self.ok("data", "info", self.made / source, "--json").stdout)
            for key in ["steps", "transitions", "episodes", "rewards", "actions", "observations", "returns", "clipped_actions"]:
                self.assertEqual(info[key], wanted[key], f"{source}: {key}")

    def test_observation_keys(self):
        args = ["data", "info", self.made / "maze/dict-v0", "--observation-keys"]
        self.assertIn("desired_goal (2), observation (4)", self.ok(*args, "desired_goal,observation").stdout)
        self.refused(DATA, ["'goal'", "achieved_goal, desired_goal, observation"], *args, "observation,goal")
        # a recipe can choose them; another order is another dataset of the same size
        def run(name, *options):
            self.ok("pretrain", self.recipe, "--data", self.made / "maze/dict-v0", "--out", self.folder / name, "--pretrain.steps", 5,
                    "--eval.episodes", 1, *options)
            return read_safetensors(self.folder / name / "pretrained.safetensors")[1]
        plain = run("plain")
        self.assertEqual(plain, run("same", "--data.observation_keys", "observation,desired_goal"))
        self.assertNotEqual(plain, run("other", "--data.observation_keys", "desired_goal,observation"))
        self.refused(DATA, ["size 4", "has 6"], "pretrain", self.recipe, "--data", self.made / "maze/dict-v0", "--out", self.folder / "few",
                     "--data.observation_keys", "observation")

    def test_verify(self):
        for source in ["maze/dict-v0", "maze/flat-v0", "plain.npz", "packed.dat", "good.pack"]:
            with self.subTest(source=source):
                self.assertIn("ok: 400 transitions", self.ok("data", "verify", self.made / source, "--env", ENV).stdout)
        result = self.refused(DATA, ["2 problems", "Hopper-v5"], "data", "verify", self.made / "maze/dict-v0", "--env", "Hopper-v5")
        self.assertIn("achieved_goal (2), desired_goal (2), observation (4)) have size 8, but task Hopper-v5 has 11", result.stdout)

    def test_training_gives_the_same_bits(self):
        runs = {}
        for name, source in {"file": self.data, "minari": self.made / "maze/dict-v0", "npz": self.made / "packed.dat",
                             "pack": self.made / "good.pack"}.items():
            runs[name] = self.folder / name
            self.ok("train", self.recipe, "--data", source, "--out", runs[name], "--retention.mode", "mixed", "--agent.n_step", 3)
        for name in ["minari", "npz", "pack"]:
            self.assert_same_run(runs["file"], runs[name], ["metrics.csv"])

    def test_pack_of_a_file_without_next_observations(self):
        source = self.folder / "short.hdf5"
        subprocess.run([PYTHON, "-c", "import h5py,sys\nf=h5py.File(sys.argv[1],'a')\ndel f['next_observations']\nf['actions'][5:9]=1\n"
                        "f['timeouts'][-1]=False", shutil.copy(self.data, source)], check=True)
        pack = self.folder / "short.pack"
        self.assertIn("entries are clipped", self.ok("data", "pack", source, pack).stdout)
        for name, data in {"a": source, "b": pack}.items():
            self.ok("train", self.recipe, "--data", data, "--out", self.folder / name, "--retention.mode", "append")
        self.assert_same_run(self.folder / "a", self.folder / "b", ["metrics.csv"])
        self.assertEqual(*[json.loads(self.ok("data", "info", f, "--json").stdout)["actions"] for f in (source, pack)])

    def test_refused(self):
        bad = self.made / "bad"
        for name, parts in {
            "no_terminations/main_data.hdf5": ["episode_2/terminations", "missing"],
            "short_observations/main_data.hdf5": ["episode_1/observations", "one observation more"],
            "wide_observations/main_data.hdf5": ["episode_1/observations", "7 values per step", "6"],
            "discrete/main_data.hdf5": ["episode_0/observations", "Box"],
            "text/main_data.hdf5": ["episode_0/observations", "string"],
            "bytes/main_data.hdf5": ["episode_0/observations", "images"],
            "tuple/main_data.hdf5": ["episode_0/observations", "Tuple"],
            "discrete_space": ["observation_space", "Discrete"],
            "images": ["observation_space", "images", "[64,64,3]"],
            "flags/main_data.hdf5": ["episode_1/truncations", "2"],
            "arrow": ["arrow", "hdf5"],
            "truncated.hdf5": ["truncated"],
            "object.npz": ["'rewards'", "Python objects"],
            "fortran.npz": ["'observations'", "Fortran", "ascontiguousarray"],
            "big_endian.npz": ["'actions'", "big-endian"],
            "half.npz": ["'actions'", "<f2"],
            "no_flags.npz": ["'timeouts'", "missing", "names understood"],
            "lengths.npz": ["'rewards'", "397", "400"],
            "nothing.npz": ["without .npy arrays"],
            "alone.npy": ["numpy.savez"],
            "truncated.npz": ["NPZ"],
            "flipped.npz": ["'observations'", "CRC"],
            "truncated.pack": ["truncated"],
            "stub.pack": ["truncated"],
            "long.pack": ["too long"],
            "header.pack": ["header is damaged"],
            "version.pack": ["format 18"],
            "rewards.pack": ["checksum of rewards"],
            "rows.pack": ["checksum of"],
        }.items():
            with self.subTest(data=name):
                self.refused(DATA, [bad / name.split("/")[0], *parts], "data", "verify", bad / name, "--env", ENV)
        for name in ["truncated.pack", "rewards.pack", "no_terminations/main_data.hdf5", "flipped.npz", "nan/main_data.hdf5"]:
            with self.subTest(train=name):
                self.refused(DATA, [name], "pretrain", self.recipe, "--data", bad / name, "--out", self.folder / "run")
                self.assertFalse((self.folder / "run").exists(), "refused before anything is written")

    def test_flipped_bytes_never_crash(self):
        for name in ["packed.dat", "good.pack", "maze/flat-v0/data/main_data.hdf5"]:
            raw = (self.made / name).read_bytes()
            target = self.folder / "flipped"
            found = 0
            for at in range(0, len(raw), len(raw) // 40):
                changed = bytearray(raw)
                changed[at] ^= 0xFF
                target.write_bytes(changed)
                result = self.call("data", "info", target, errors="replace")  # names may be damaged
                self.assertIn(result.returncode, (DONE, DATA), f"{name}, byte {at}: {result.stderr}")
                found += result.returncode == DATA
                self.assertNotIn("(unexpected)", result.stderr, f"{name}, byte {at}")
                if name == "good.pack":
                    self.assertEqual(result.returncode == DATA, used_in_pack(raw, at), f"byte {at}")
            # HDF5 keeps no checksums of uncompressed arrays
            self.assertGreater(found, {"packed.dat": 35}.get(name, 0), name)

    def test_outputs_are_safe(self):
        target = self.folder / "out.pack"
        self.refused(DATA, ["NaN in rewards"], "data", "pack", self.made / "bad/nan/main_data.hdf5", target)
        self.assertEqual(list(self.folder.glob("out*")), [], "nothing is left of a pack that failed")
        before = self.data.read_bytes()
        self.refused(USAGE, ["same file"], "data", "pack", self.data, self.data, "--overwrite")
        self.refused(USAGE, ["exists", "--overwrite"], "data", "convert", self.made / "plain.npz", self.data)
        self.assertEqual(self.data.read_bytes(), before)
        self.refused(MACHINE, ["nowhere"], "data", "pack", self.data, self.folder / "nowhere/a.pack")

    def test_an_expert_of_another_layout_is_refused(self):
        source = pathlib.Path(__file__).resolve().parents[2] / "data/policies/dapg_door.npz"
        subprocess.run([PYTHON, "-c", "import numpy as np, sys; d = dict(np.load(sys.argv[1])); d['W0'] = np.ascontiguousarray(d['W0'].T); np.savez(sys.argv[2], **d)",
                        source, self.folder / "turned.npz"], check=True)
        self.refused(DATA, ["'W0'", "turned.npz", "(39, 32)", "(32, 39)"], "collect", "--env", "door-binary-v0", "--policy", "expert",
                     "--expert", "turned.npz", "--steps", 5, "--out", "x.hdf5")

    def test_packs_of_a_study_are_held_to_the_task(self):
        self.make_data()
        subprocess.run([PYTHON, "-c", "import h5py,sys\nf=h5py.File(sys.argv[1],'a')\ndel f['timeouts']", self.data], check=True)
        self.ok("study", "dataset", self.recipe, "a.pack")
        self.ok("collect", "--env", "HalfCheetah-v4", "--policy", "random", "--steps", 50, "--out", "cheetah.hdf5")
        other = self.write_recipe("other.toml", env={"id": "Walker2d-v4"}, data={"path": "cheetah.hdf5", "sparse_reward": False})
        self.refused(DATA, ["HalfCheetah-v4", "Walker2d-v4", "cheetah.hdf5"], "study", "dataset", other, "b.pack")
        self.assertFalse((self.folder / "b.pack").exists())


if __name__ == "__main__":
    main()
