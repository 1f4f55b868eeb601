#!/usr/bin/env python3
"""Takes the README's pictures of a report, in headless Chromium.

    .venv/bin/python scripts/pictures.py [REPORT.html [FOLDER]]     default: runs/demo/report.html (of `make demo`), docs/images
"""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "apps"))
from browser import CHROMIUM, Browser  # noqa: E402

# name, width of the window, colours, from the top of one element to the end of another, at most so many pixels
PICTURES = [
    ("demo", 1120, "light", "main", '[data-plot="eval-success_rate"], [data-plot^="eval-"]', 1300),
    ("diagnostics", 1120, "dark", "#diagnostics h2", "#diagnostics .grid:nth-of-type(3)", 1400),
    ("phone", 390, "light", "main", '[data-plot^="eval-"]', 1200),
]
MARGIN = 16


def picture(browser, page, file, width, scheme, first, last, most, task=0):
    """False when the report has no such part. `task`: which one, in a report of several"""
    browser.size(width)
    browser.colours(scheme)
    browser.open(page.resolve().as_uri())
    if task:
        browser.choose("task", task)
    browser.value("new Promise((done) => setTimeout(done, 1000))")  # plots that grow into place
    box = browser.value(f"""(() => {{
        const a = document.querySelector({first!r}), b = document.querySelector({last!r});
        if (!a || !b) return null;
        const end = (b.closest("figure") || b).getBoundingClientRect().bottom;
        return [a.getBoundingClientRect().top + scrollY, end + scrollY];
    }})()""")
    if box is None:
        return False
    top = max(0, box[0] - MARGIN)
    browser.picture(file, (0, top, width, min(most, box[1] + MARGIN - top)))
    return True


def main(page, folder):
    if not CHROMIUM:
        sys.exit("Chromium is not installed: apt-get install chromium")
    browser = Browser()
    try:
        for name, *how in PICTURES:
            file = folder / f"{name}.png"
            print(file if picture(browser, page, file, *how) else f"{name}: this report has no such part")
    finally:
        browser.close()


if __name__ == "__main__":
    arguments = [pathlib.Path(a) for a in sys.argv[1:]]
    main(arguments[0] if arguments else ROOT / "runs/demo/report.html", arguments[1] if len(arguments) > 1 else ROOT / "docs/images")
