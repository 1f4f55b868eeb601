"""Files as other people have them: read, or refused with a reason and a remedy. The lines of Python in docs/formats are run here."""
import re

from harness import *

HERE = pathlib.Path(__file__).resolve()
DOCS = HERE.parents[2] / "docs/formats"


def has_module(name):
    return subprocess.run([PYTHON, "-c", f"import {name}"], capture_output=True).returncode == 0


def lines_of(page, heading, nth=0):
    """The nth block of Python under a heading."""
    text = (DOCS / page).read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", text, re.S)[nth]


class Made(Case):
    maker = None

    @classmethod
    def setUpClass(cls):
        cls.made = pathlib.Path(tempfile.mkdtemp(prefix="warmstart-apps-other-"))
        cls.addClassCleanup(shutil.rmtree, cls.made, ignore_errors=True)
        subprocess.run([PYTHON, HERE.with_name(cls.maker), cls.made], check=True, timeout=300)

    def run_lines(self, code):
        result = subprocess.run([PYTHON, "-c", code], cwd=self.made, capture_output=True, text=True, timeout=120)
        self.assertEqual(result.returncode, 0, f"{code}\n{result.stderr}")

    def numbers(self, path):
        """Steps, terminals, timeouts, and the array's ranges."""
        info = json.loads(self.ok("data", "info", path, "--json").stdout)
        return info["steps"], info["episodes"]["terminals"], info["episodes"]["timeouts"], info["observations"], info["actions"], info["rewards"]


class OtherPrograms(Made):
    maker = "make_other_data.py"

    def check_way(self, source, heading, module="numpy", nth=0, ends=None, mapped=False):
        with self.subTest(source=source):
            self.refused(DATA, [source, f'"{heading}" in docs/formats/other.md'], "data", "info", self.made / source)
            if not has_module(module):
                return
            self.run_lines(lines_of("other.md", heading, nth))
            got, wanted = self.numbers(self.made / "mine.npz"), self.numbers(self.made / "expected.npz")
            if mapped:  # the file says the range of its actions, which becomes -1 .. 1
                self.assertEqual([got[4]["min"], got[4]["max"]], [-1, 1])
                got, wanted = (*got[:4], None, got[5]), (*wanted[:4], None, wanted[5])
            if ends:  # formats that do not say how an episode ended
                self.assertEqual(got[:3], (wanted[0], *ends))
                self.assertEqual(got[3:5], wanted[3:5])
            else:
                self.assertEqual(got, wanted)
            (self.made / "mine.npz").unlink()

    def test_the_documented_ways(self):
        self.check_way("robomimic.hdf5", "robomimic and LIBERO")
        self.check_way("maniskill.h5", "ManiSkill")
        self.check_way("aloha/episode_0.hdf5", "ALOHA", ends=(3, 0), mapped=True)
        self.check_way("theirs.pkl", "Pickles")
        self.check_way("theirs73.mat", "MATLAB", nth=1)
        self.check_way("theirs.csv", "Text: CSV and JSON")
        self.check_way("theirs.mat", "MATLAB", module="scipy")
        self.check_way("lerobot", "LeRobot and Parquet", module="pyarrow")
        self.check_way("theirs.zarr", "Zarr", module="zarr", ends=(3, 0))

    def test_the_range_of_actions_is_kept(self):
        self.run_lines(lines_of("other.md", "ALOHA"))
        self.ok("data", "convert", self.made / "mine.npz", self.folder / "a.hdf5")
        self.ok("data", "pack", self.folder / "a.hdf5", self.folder / "a.pack")
        self.ok("data", "convert", self.folder / "a.pack", self.folder / "b.hdf5")
        self.run_lines(f"""import h5py, numpy as np
a, b = np.load("mine.npz"), h5py.File("{self.folder}/b.hdf5")
for side in ("low", "high"):
    assert np.array_equal(a[f"metadata/action_{{side}}"], b[f"metadata/action_{{side}}"][:].astype("f4")), side""")
        (self.made / "mine.npz").unlink()

    def test_what_is_no_dataset_is_named(self):
        for name, parts in {
            "empty.hdf5": ["empty (0 bytes)"],
            "page.hdf5": ["web page", "raw link"],
            "denied.hdf5": ["XML", "address or a permission"],
            "pointer.hdf5": ["Git LFS", "git lfs pull"],
            "good.hdf5.gz": ["gzip", "gunzip -k"],
            "recipe.toml": ["text", '"[env]"'],
            "theirs.json": ["JSON", "Text: CSV and JSON"],
            "bag.bag": ["ROS 1", "Recordings of ROS"],
            "bag.mcap": ["MCAP", "Recordings of ROS"],
            "bag.db3": ["SQLite", "Recordings of ROS"],
            "lerobot/data/chunk-000/episode_000000.parquet": ["Parquet", "LeRobot"],
            "rlds": ["RLDS"],
            "rlds/x-train.tfrecord-00000-of-00001": ["TFRecord", "RLDS"],
            "torch.pt": ["PyTorch", "Pickles"],
            "packed.zip": ["ZIP archive", "good.hdf5", "unzip"],
            "alone.npy": ["single NumPy array", "numpy.savez"],
            "aloha": ["folder", "episode_0.hdf5, episode_1.hdf5"],
            "noise.hdf5": ["not a readable HDF5 file"],
            "cut.hdf5": ["truncated"],
        }.items():
            with self.subTest(data=name):
                self.refused(DATA, [self.made / name, *parts], "data", "info", self.made / name)

    def test_every_section_that_an_error_names_is_there(self):
        source = (HERE.parents[2] / "warmstart/io/foreign.cpp").read_text()
        named = set(re.findall(r'way\("([^"]+)"\)', source)) | set(re.findall(r'\\"([^"\\{}]+)\\" in ', source))
        self.assertLessEqual({"Pickles", "ManiSkill", "Recordings of ROS"}, named)
        for heading in named:
            self.assertIn(f"\n## {heading}\n", (DOCS / "other.md").read_text())


class Zip(Case):
    def write(self, code):
        subprocess.run([PYTHON, "-c", f"""import numpy as np, zipfile, io, h5py
a = dict(observations=np.ones((5, 2)), actions=np.zeros((5, 1)), rewards=np.ones(5), terminals=np.arange(5) == 4, timeouts=np.zeros(5))
{code}"""], cwd=self.folder, check=True, timeout=60)

    def test_entries_that_are_no_arrays_are_listed(self):
        self.write("np.savez('a.npz', **a); zipfile.ZipFile('a.npz', 'a').writestr('meta.json', '{}')")
        self.assertIn("not used, as they are no .npy arrays: meta.json", self.ok("data", "info", self.folder / "a.npz").stdout)

    def test_a_name_that_stands_twice_is_refused(self):
        self.write("""np.savez('a.npz', **a); b = io.BytesIO(); np.save(b, np.zeros(5))
zipfile.ZipFile('a.npz', 'a').writestr('rewards.npy', b.getvalue())""")
        self.refused(DATA, ["two arrays are named 'rewards'", "a.npz"], "data", "info", self.folder / "a.npz")

    def test_arrays_in_a_group_are_found(self):
        self.write("f = h5py.File('a.hdf5', 'w')\nfor k in a: f['data/' + k] = a[k]")
        self.refused(DATA, ["'observations'", "group 'data'"], "data", "info", self.folder / "a.hdf5")


class Hdf5(Made):
    maker = "make_hdf5_cases.py"

    def test_read_as_the_plain_file(self):
        wanted = self.numbers(self.made / "plain.hdf5")
        for name in ["gzip", "lzf", "virtual", "external", "soft", "raw", "v110", "flags", "szip"]:
            with self.subTest(data=name):
                if name != "szip" or (self.made / "szip.hdf5").exists():
                    self.assertEqual(self.numbers(self.made / f"{name}.hdf5"), wanted)
        self.assertEqual(self.numbers(self.made / "scaled.hdf5")[1:3], wanted[1:3])

    def test_refused(self):
        for name, parts in {
            "filter": ["'observations'", "zstd", "32015", "docs/formats/hdf5.md"],
            "virtual_gone": ["'observations'", "virtual", "gone.hdf5", "missing"],
            "virtual_short": ["virtual dataset of 15000 values", "short.hdf5", "14500"],
            "virtual_half": ["7500 of its 15000 values"],
            "external_gone": ["'observations'", "external link", "gone.hdf5", "missing"],
            "soft_gone": ["'observations'", "soft link", "/somewhere/else"],
            "raw_gone": ["'observations'", "gone.raw", "missing"],
            "raw_short": ["'observations'", "short.raw", "120000 bytes", "119960"],
            "unwritten": ["'observations'", "all of it", "never written"],
            "stopped": ["'rewards'", "never written", "first at row 1000"],
            "none": ["no arrays"],
            "huge": ["'observations'", "too large"],
            "many": ["'observations'", "all of it", "never written"],
        }.items():
            with self.subTest(data=name):
                begin = time.monotonic()
                self.refused(DATA, [self.made / f"{name}.hdf5", *parts], "data", "info", self.made / f"{name}.hdf5")
                self.assertLess(time.monotonic() - begin, 60)

    def test_a_newer_format_is_read_or_named(self):
        result = self.call("data", "info", self.made / "latest.hdf5", "--json")
        if result.returncode == DONE:  # the HDF5 library is new enough
            self.assertEqual(self.numbers(self.made / "latest.hdf5"), self.numbers(self.made / "plain.hdf5"))
        else:
            self.check_error(result.returncode, result.stderr, DATA, ["newer format", "version", "v110"])
        shutil.copy(self.made / "latest.hdf5", self.made / "theirs.hdf5")
        self.run_lines(lines_of("hdf5.md", "Filters").replace(", hdf5plugin", "", 1))
        self.assertEqual(self.numbers(self.made / "mine.hdf5"), self.numbers(self.made / "plain.hdf5"))

    def test_rows_before_the_first_missing_one_can_be_kept(self):
        shutil.copy(self.made / "stopped.hdf5", self.made / "theirs.hdf5")
        self.run_lines(lines_of("hdf5.md", "Files that are being written"))
        self.assertEqual(self.numbers(self.made / "mine.hdf5")[0], 500)

    def test_compressed_rows_of_a_thousand_numbers(self):
        info = json.loads(self.ok("data", "info", self.made / "wide.hdf5", "--json").stdout)
        self.assertEqual((info["steps"], info["observation_size"]), (50_000, 1024))
        self.assertAlmostEqual(info["observations"]["mean"], 1 / 1024, 6)

    def writer(self, code):
        """A Python program that has a file open; it goes on when its standard input closes."""
        process = subprocess.Popen([PYTHON, "-c", f"import h5py, numpy as np, os, sys\n{code}\nprint('open', flush=True)\nsys.stdin.read()"],
                                   cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (process.kill(), process.wait(), process.stdin.close(), process.stdout.close()))
        self.assertEqual(process.stdout.readline(), "open\n")
        return process

    def test_a_file_that_another_program_writes(self):
        self.writer("f = h5py.File('now.hdf5', 'w'); f['observations'] = np.zeros((5, 2)); f.flush()")
        self.refused(DATA, ["now.hdf5", "another program has it open"], "data", "info", self.folder / "now.hdf5")
        process = self.writer("f = h5py.File('swmr.hdf5', 'w', libver='v110'); f['observations'] = np.zeros((5, 2)); f.swmr_mode = True")
        self.refused(DATA, ["swmr.hdf5", "not closed"], "data", "info", self.folder / "swmr.hdf5")
        process.kill()
        process.wait()
        self.refused(DATA, ["swmr.hdf5", "not closed", "h5clear -s"], "data", "info", self.folder / "swmr.hdf5")


if __name__ == "__main__":
    main()
