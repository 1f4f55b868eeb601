"""Pictures of episodes: decoded by Pillow, compared with each other, and refused with a reason."""
from harness import *

# prints JSON about a GIF or a list of PNG files: sizes, mode, durations, how much a picture varies, what differs from picture to picture
LOOK = """
import json, sys
import numpy as np
from PIL import Image, ImageSequence
frames, durations = [], []
for path in sys.argv[1:]:
    image = Image.open(path)
    for frame in ImageSequence.Iterator(image):
        durations.append(frame.info.get("duration"))
        frames.append(np.asarray(frame.convert("RGB")).astype(int))
print(json.dumps({
    "count": len(frames), "sizes": sorted({f.shape for f in frames}), "durations": sorted({d for d in durations}, key=str),
    "spread": min(float(f.std()) for f in frames),
    "moved": [int((np.abs(a - b).max(2) > 20).sum()) for a, b in zip(frames, frames[1:])],
    "moved_in_all": int((np.abs(frames[0] - frames[-1]).max(2) > 20).sum()),
}))
"""

# the first picture of a GIF against a PNG file: mean difference of a channel
DIFFER = """
import sys
import numpy as np
from PIL import Image
a, b = (np.asarray(Image.open(p).convert("RGB")).astype(int) for p in sys.argv[1:])
print(np.abs(a - b).mean())
"""

FAKE_FFMPEG = """#!/bin/sh
for last; do :; done
echo "$@" >"$(dirname "$last")/arguments"
cat >"$last"
"""


class Render(Case):
    def python(self, code, *arguments):
        result = subprocess.run([PYTHON, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=120)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def render(self, task, out, *options, **more):
        return self.ok("render", "--env", task, "--out", self.folder / out, "--width", 160, "--height", 120, *options, **more)

    def frames(self, out):
        return sorted((self.folder / out).glob("frame_*.png"))

    def test_png_frames(self):
        said = self.render("HalfCheetah-v4", "run", "--max-episode-steps", 12).stdout
        self.assertIn("run: 13 pictures of 160 x 120", said)
        self.assertEqual([p.name for p in self.frames("run")], [f"frame_{i:05}.png" for i in range(13)])
        seen = self.python(LOOK, *self.frames("run"))
        self.assertEqual(seen["sizes"], [[120, 160, 3]])
        self.assertGreater(seen["spread"], 10)
        self.assertTrue(all(moved > 5 for moved in seen["moved"]), seen["moved"])

    def test_same_seed_same_bytes(self):
        for out, seed in (("a", 3), ("b", 3), ("c", 4)):
            self.render("FrankaPegInsertion-v0", out, "--max-episode-steps", 3, "--seed", seed)
        a, b, c = ([p.read_bytes() for p in self.frames(out)] for out in "abc")
        self.assertEqual(len(a), 4)
        self.assertEqual(a, b)
        self.assertNotEqual(a[0], c[0])
        self.assertGreater(self.python(LOOK, *self.frames("a"))["spread"], 10)

    def test_gif_runs_in_simulated_time(self):
        self.render("PointMaze_Medium-v3", "maze.gif", "--policy", "waypoint", "--max-episode-steps", 80)
        self.render("PointMaze_Medium-v3", "maze", "--policy", "waypoint", "--max-episode-steps", 80)
        seen = self.python(LOOK, self.folder / "maze.gif")
        self.assertEqual((seen["count"], seen["sizes"], seen["durations"]), (21, [[120, 160, 3]], [40]))  # every fourth step of 10 ms
        self.assertGreater(seen["moved_in_all"], 5)  # the ball
        # 256 colours of its own per picture come close to the PNG file
        self.assertLess(self.python(DIFFER, self.folder / "maze.gif", self.frames("maze")[0]), 4)
        self.assertEqual(len(self.frames("maze")), 21)

    def test_up_is_up(self):
        """The sky of the cheetah's world is lighter than nothing, the floor lies below: pictures have their rows from the top."""
        self.render("HalfCheetah-v4", "one", "--max-episode-steps", 1)
        code = "import sys, json, numpy as np; from PIL import Image; a = np.asarray(Image.open(sys.argv[1]).convert('L')).astype(int)\n"
        code += "print(json.dumps([float(np.abs(np.diff(h, axis=1)).mean()) for h in (a[:30], a[-30:])]))"
        sky, floor = self.python(code, self.frames("one")[0])
        self.assertGreater(floor, 2 * sky)  # tiles against a plain sky

    def test_mp4_goes_through_ffmpeg(self):
        tools = self.folder / "tools"
        tools.mkdir()
        (tools / "ffmpeg").write_text(FAKE_FFMPEG)
        (tools / "ffmpeg").chmod(0o755)
        with_it = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"}
        self.render("HalfCheetah-v4", "it's.mp4", "--max-episode-steps", 4, env=with_it)
        self.render("HalfCheetah-v4", "frames", "--max-episode-steps", 4)
        raw = (self.folder / "it's.mp4").read_bytes()
        self.assertEqual(len(raw), 5 * 160 * 120 * 3)
        self.assertIn("-s 160x120 -r 20 ", (self.folder / "arguments").read_text())
        code = "import sys, numpy as np; from PIL import Image\n"
        code += "print(int((np.asarray(Image.open(sys.argv[1])).tobytes() == open(sys.argv[2], 'rb').read()[-57600:])))"
        self.assertEqual(self.python(code, self.frames("frames")[-1], self.folder / "it's.mp4"), 1)
        (tools / "ffmpeg").write_text("#!/bin/sh\nexit 1\n")
        (self.folder / "b.mp4").write_text("older")
        self.refused(MACHINE, ["ffmpeg failed"], "render", "--env", "HalfCheetah-v4", "--out", "b.mp4", "--max-episode-steps", 2, env=with_it)
        self.assertEqual((self.folder / "b.mp4").read_text(), "older")
        self.assertEqual(list(self.folder.glob("*.tmp*")), [])
        self.refused(MACHINE, ["apt-get install ffmpeg"], "render", "--env", "HalfCheetah-v4", "--out", "c.mp4", env=os.environ | {"PATH": "/nowhere"})

    def test_a_saved_agent(self):
        self.make_data()
        self.ok("pretrain", self.recipe, "--out", self.folder / "run", "--pretrain.steps", 5)
        agent = self.folder / "run" / "pretrained.safetensors"
        said = self.ok("render", "--checkpoint", agent, "--out", "agent", "--width", 64, "--height", 64)
        self.assertIn("mean return", said.stdout)
        plain = self.ok("eval", agent, "--episodes", 2, "--json").stdout
        filmed = self.ok("eval", agent, "--episodes", 2, "--json", "--video", "film", "--width", 64, "--height", 64)
        drop = lambda text: {k: v for k, v in json.loads(text).items() if k != "steps_per_second"}
        self.assertEqual(drop(plain), drop(filmed.stdout))  # filming changes nothing
        self.assertIn("film: ", filmed.stderr)
        self.assertEqual([p.read_bytes() for p in self.frames("agent")], [p.read_bytes() for p in self.frames("film")])
        self.refused(DATA, [ENV], "render", "--checkpoint", agent, "--env", "HalfCheetah-v4", "--out", "x.gif")

    def test_refusals(self):
        cheetah = ["render", "--env", "HalfCheetah-v4", "--out"]
        self.refused(USAGE, [".gif or .mp4"], *cheetah, "x.avi")
        self.refused(USAGE, ['no camera "left"', "track"], *cheetah, "x.gif", "--camera", "left")
        self.refused(USAGE, ["16 to 4096"], *cheetah, "x.gif", "--width", 5)
        self.refused(USAGE, ["even sizes"], *cheetah, "x.mp4", "--width", 161)
        self.refused(USAGE, ["--env ID or --checkpoint"], "render", "--out", "x.gif")
        self.refused(MACHINE, ["/proc/none"], *cheetah, "/proc/none/x.gif", "--max-episode-steps", 2)
        self.assertEqual(list(self.folder.glob("*.gif")), [])

    def test_without_graphics_library(self):
        """EGL finds no driver: a remedy, and everything else works."""
        blind = os.environ | {"__EGL_VENDOR_LIBRARY_DIRS": str(self.folder)}
        self.refused(MACHINE, ["libegl1 libegl-mesa0 libgl1-mesa-dri"], "render", "--env", "HalfCheetah-v4", "--out", "x.gif", env=blind)
        self.ok("collect", "--env", "HalfCheetah-v4", "--policy", "random", "--steps", 20, "--out", "x.hdf5", env=blind)
        self.assertNotIn("GL", subprocess.run(["ldd", BINARY], capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main()
