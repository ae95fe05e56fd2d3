"""The page of a report: whole, harmless, and drawn by a browser in both color schemes."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from .conftest import TAG
from .test_cli import error, run

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
#: Tags without an end.
VOID = {"meta", "br", "rect", "line", "circle", "polyline"}


class Page(HTMLParser):
    """The tags of a page, checked to be nested; its text; and what it refers to."""

    def __init__(self, text):
        HTMLParser.__init__(self)
        self.open, self.tags, self.words, self.refers, self.anchors = [], [], [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "data", "action"):
                self.refers.append(value)
            if name == "id":
                self.anchors.add(value)

    def handle_startendtag(self, tag, attrs):
        assert tag in VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def report(mixed, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    assert "200 rows and 6 columns" in run("report", mixed / "m.pf", mixed / "t.csv", "-o", path).stdout
    return path


def test_page_is_whole_and_refers_to_nothing(report):
    text = report.read_text()
    page = Page(text)
    assert page.open == []
    assert "script" not in page.tags
    assert page.refers
    assert all(target.startswith("#") and target[1:] in page.anchors for target in page.refers)
    assert not re.search(r"url\(|@import|https?://", text)
    said = " ".join(page.words)
    for name in ("place", "visits", "amount", "day", "open", "score"):
        assert name in said
    assert TAG not in text, "text of the table is escaped"
    assert TAG[:12] in said, "and shown"
    assert page.tags.count("svg") > 15
    assert "nan" not in re.findall(r'="([^"]*)"', text)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium")
@pytest.mark.parametrize(("scheme", "is_dark"), [(0, True), (1, False)])
def test_a_browser_draws_it(report, tmp_path, scheme, is_dark):
    picture = tmp_path / "page.png"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--window-size=600,900"]
    options += [f"--user-data-dir={tmp_path}", f"--blink-settings=preferredColorScheme={scheme}"]
    command = [str(BROWSER), *options, f"--screenshot={picture}", report.as_uri()]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stderr
    assert "CONSOLE" not in said
    drawn = np.asarray(Image.open(picture).convert("L"))
    assert (np.median(drawn) < 80) == is_dark
    assert drawn.std() > 10


def test_refusals(mixed, tmp_path):
    wrong = error("report", mixed / "m.pf", mixed / "t.csv", "-o", tmp_path / "r.pdf")
    assert "`-o` must be an .html file" in wrong
    (tmp_path / "t.csv").write_text("place,visits\nEly,3\n")
    assert "amount" in error("report", mixed / "m.pf", tmp_path / "t.csv", "-o", tmp_path / "r.html")
    assert not list(tmp_path.glob("r.*"))
