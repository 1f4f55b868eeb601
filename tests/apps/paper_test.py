"""docs/paper.md: every function and file that it names is there, and its table of switches has the program's values."""
import re

from harness import *

ROOT = pathlib.Path(__file__).resolve().parents[2]
# what the reference implementation does, found by running it
REFERENCE = {
    "agent.idle_adam_steps": "true",
    "network.shared_output": "true",
    "agent.subset_with_replacement": "true",
    "warm_up.reference_count": "true",
    "agent.actor_reduce": '"min"',
    "agent.temperature_at": '"next_obs"',
    "network.final_scale": "0.01",
    "cql.fresh_alpha_draws": "true",
    "retention.interleave": "false",
    "finetune.timeout_hides_terminal": "true",
}


def tables(page):
    """Rows of cells, one list for each table, headers included."""
    found, rows = [], []
    for line in page.splitlines() + [""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
        elif rows:
            found.append([r for r in rows if not set("".join(r)) <= set("-")])
            rows = []
    return found


def words(cell):
    return re.findall(r"`([^`]+)`", cell)


def sources(place):
    path = ROOT / "warmstart" / place
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return "\n".join(re.sub(r"//.*", "", f.read_text()) for f in files if f.is_file())


def defines(text, name):
    """A function or class of that name is declared or defined in C++ source `text`."""
    last = name.split("::")[-1]
    return re.search(rf"(?:^|[\w>&*] ?|::){last}\([^;]*|(?:class|struct) {last}\b", text, re.M) is not None


class Paper(Case):
    def setUp(self):
        super().setUp()
        self.tables = tables((ROOT / "docs/paper.md").read_text())

    def test_every_function_is_in_its_file(self):
        rows = self.tables[0][1:]
        self.assertGreater(len(rows), 20)
        for row in rows:
            places = words(row[3])
            for place in places:
                self.assertTrue((ROOT / "warmstart" / place).exists(), place)
            text = "\n".join(sources(place) for place in places)
            names = [n for n in words(row[2]) if n != "if"]
            self.assertTrue(names, row)
            for name in names:
                self.assertTrue(defines(text, name), f"{name} is not in {places}")

    def test_the_check_can_say_no(self):
        text = sources("data/mc_return.cpp")
        self.assertTrue(defines(text, "mc_returns"))
        self.assertFalse(defines(text, "monte_carlo_returns"))

    def test_switches_have_the_values_of_program_and_reference(self):
        rows = self.tables[1][1:]
        keys = {entry["key"]: entry for entry in json.loads(self.ok("explain", "--json").stdout)}
        self.assertEqual([words(row[1])[0] for row in rows], list(REFERENCE))
        for _, key, reference, default, paper in rows:
            key = words(key)[0]
            self.assertEqual(reference, REFERENCE[key], key)
            self.assertEqual(default, keys[key]["default"], key)
            self.assertEqual(paper, keys[key]["paper"] or keys[key]["default"], key)
        grouped = {words(row[1])[0] for row in rows if row[3] != row[4]}
        self.assertEqual(grouped, {key for key, entry in keys.items() if entry["paper"]}, "the group of run.fidelity")


if __name__ == "__main__":
    main()
