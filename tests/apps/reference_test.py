"""The generated reference: docs/reference.md is the program's, the manual page is sound, completions complete."""
import re

from harness import *

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Reference(Case):
    def text(self, form):
        return self.ok("reference", "--format", form).stdout

    def test_the_page_is_up_to_date(self):
        page = (ROOT / "docs/reference.md").read_text()
        self.assertEqual(page, self.text("markdown"), "write it anew: build/release/warmstart reference > docs/reference.md")

    def test_everything_is_named(self):
        verbs = re.findall(r"^  (\w+)  ", self.ok("--help").stdout.split("Subcommands:")[1], re.M)
        keys = [entry["key"] for entry in json.loads(self.ok("explain", "--json").stdout)]
        self.assertGreater(min(len(verbs), len(keys)), 10)
        for form in ("markdown", "man", "bash", "zsh", "fish"):
            text = self.text(form).replace("\\-", "-")
            for word in verbs + keys:
                self.assertIn(word, text, form)

    def complete(self, *words):
        script = self.folder / "completion.bash"
        script.write_text(self.text("bash"))
        call = f'source "{script}"; COMP_WORDS=({" ".join(map(repr, words))}); COMP_CWORD={len(words) - 1}; _warmstart; echo "${{COMPREPLY[@]}}"'
        return subprocess.run(["bash", "-uc", call], capture_output=True, text=True, check=True, cwd=self.folder).stdout.split()

    def test_bash_completes(self):
        self.assertEqual(self.complete("warmstart", "fine"), ["finetune"])
        self.assertEqual(self.complete("warmstart", "train", "x.toml", "--agent.ta")[0], "--agent.tau")
        self.assertEqual(self.complete("warmstart", "bench", "mem"), ["memory"])
        self.assertEqual(self.complete("warmstart", "bench", "act", "--ca"), ["--case", "--calls"])
        self.assertEqual(self.complete("warmstart", "explain", "agent.n_"), ["agent.n_step"])
        self.assertIn("tiny.toml", self.complete("warmstart", "train", "tin"), "files too")

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_the_manual_page_is_sound(self):
        page = subprocess.run(["groff", "-man", "-Tutf8", "-ww"], input=self.text("man"), capture_output=True, text=True)
        self.assertEqual((page.returncode, page.stderr), (0, ""))
        self.assertIn("finetune", page.stdout)


if __name__ == "__main__":
    main()
