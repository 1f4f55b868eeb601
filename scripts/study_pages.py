#!/usr/bin/env python3
"""Puts what studies gave into docs/studies: per study a table, a picture of its report and the raw CSV.

    .venv/bin/python scripts/study_pages.py [NAME...]      default: every study below runs/studies that has a table

docs/studies/NAME.md: the part between the two marks is written anew, the words around it (the verdict) stay.
"""
import json
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs/studies"
sys.path[:0] = [str(ROOT / "tests/apps"), str(ROOT / "scripts")]
from browser import CHROMIUM, Browser  # noqa: E402
from pictures import picture  # noqa: E402

# suffix of the file's name, what it shows, from one element to another, at most so many pixels, one for each task?
PICTURES = [
    ("", "Arms over seeds", "#study", "#study figure:last-of-type", 1400, False),
    ("-curves", "Evaluations after the switch", "#online h2", '#online [data-plot^="eval-"]', 700, True),
    ("-q", "Q-values and TD errors after the switch", "#diagnostics h2", "#diagnostics .grid:nth-of-type(2)", 1100, False),
]
EXPLAINED = ["01-no-retention"]  # studies whose diagnostics are an answer: their numbers come along
KEPT = ["q_offline", "q_online", "td_error_offline", "td_error_online", "below_pretrained_offline", "kl_offline"]
BEGIN, END = "<!-- written by scripts/study_pages.py -->", "<!-- end of what is written -->"


def facts(study, folder):
    """question, machine, time and the files, as Markdown"""
    runs = [json.loads(p.read_text()) for p in sorted((folder / "jobs").rglob("*.json"))]
    seconds = sum(r["cpu_seconds"] for r in runs)
    machine = study.get("machine", {})
    lines = [
        f"The paper: {study['claim']}",
        "",
        "```",
        f"build/release/warmstart study studies/{folder.name}.toml",
        "```",
        "",
        f"Seeds {', '.join(map(str, study['seeds']))}; {len(runs)} jobs, {seconds / 3600:.1f} core hours on {machine.get('cores', '?')} cores"
        f" ({machine.get('cpu', 'unknown CPU')}, {machine.get('isa', '?')}), Warmstart {machine.get('version', '?')} built by"
        f" {machine.get('compiler', '?')}, {machine.get('precision', '?')}. Raw numbers: [results](data/{folder.name}.csv), one line per run, "
        f"[curves](data/{folder.name}-curves.csv)"
        + (f", [diagnostics](data/{folder.name}-diagnostics.csv)." if folder.name in EXPLAINED else ".")
        + " \"Steps to\" count from the switch, 0 = already there; steps/s is wall-clock with evaluations, beside another run.",
        "",
        "",
    ]
    return "\n".join(lines)


def write_page(folder, browser):
    study = json.loads((folder / "summary.json").read_text())
    (DOCS / "data").mkdir(parents=True, exist_ok=True)
    (DOCS / "images").mkdir(exist_ok=True)
    shutil.copyfile(folder / "results.csv", DOCS / "data" / f"{folder.name}.csv")
    shutil.copyfile(folder / "curves.csv", DOCS / "data" / f"{folder.name}-curves.csv")
    table = (folder / "table.md").read_text().strip()
    text = facts(study, folder) + table[table.index("## ") :] + "\n"
    if folder.name in EXPLAINED:
        header, *rows = (folder / "diagnostics.csv").read_text().splitlines(keepends=True)
        (DOCS / "data" / f"{folder.name}-diagnostics.csv").write_text(header + "".join(r for r in rows if r.split(",")[-2] in KEPT))
    for suffix, what, first, last, most, each in PICTURES if browser else []:
        for task in range(len(study["tasks"]) if each else 1):
            file = f"images/{folder.name}{suffix}{task or ''}.png"
            if picture(browser, folder / "report.html", DOCS / file, 1120, "light", first, last, most, task):
                text += f"\n![{what}{', ' + study['tasks'][task] if len(study['tasks']) > 1 and suffix else ''}]({file})\n"
    page = DOCS / f"{folder.name}.md"
    whole = page.read_text() if page.exists() else f"# {study['question']}\n\n{BEGIN}\n{END}\n"
    before, rest = whole.split(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{text}{END}{rest.split(END)[1]}")
    print(page.relative_to(ROOT))


def main(names):
    folders = [ROOT / "runs/studies" / n for n in names] or sorted(p.parent for p in (ROOT / "runs/studies").glob("*/summary.json"))
    missing = [f.name for f in folders if not (f / "summary.json").exists()]
    if missing or not folders:
        sys.exit(f"no results of {', '.join(missing) or 'any study'}: run `warmstart study studies/NAME.toml` first")
    browser = Browser() if CHROMIUM else None
    try:
        for folder in folders:
            write_page(folder, browser)
    finally:
        if browser:
            browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
