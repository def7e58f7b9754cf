"""Reports: the page of the command line, in a file and as the value of a notebook's cell; of one run and of several."""

from __future__ import annotations

import html
import re
import subprocess
from pathlib import Path

import innerloop_meta as il
import innerloop_meta._library as library
import pytest


def test_a_report_is_the_command_lines_page(maml: il.Run, tmp_path: Path) -> None:
    page = maml.report(out=tmp_path / "page.html", count=5)
    text = Path(page).read_text()
    assert page.path == str(tmp_path / "page.html") and page.path in repr(page)
    assert len(list(tmp_path.glob("page-*.png"))) == page.pictures > 3
    program = library._FILE.resolve().parent.parent / "innerloop"
    if program.is_file():  # where the command line is built as well
        subprocess.run([program, "report", maml.path, "--tasks", "5", "--out", tmp_path / "other.html"], check=True,
                       capture_output=True)  # fmt: skip
        assert text == (tmp_path / "other.html").read_text()

    shown = page._repr_html_()
    frame = re.fullmatch(r'<iframe srcdoc="([^"]*)" sandbox title="[^"]*" width="100%" height="640" style="[^"]*"></iframe>', shown)
    assert frame and html.unescape(frame.group(1)) == text  # all of it is in the notebook
    sources = re.findall(r'<img[^>]*src="(.{10})', text) + re.findall(r'href="(.{10})', text)
    assert all(s.startswith(("data:", "#")) for s in sources) and "<script" not in text and "5-way 2-shot" in text


def test_several_runs_stand_side_by_side(sines: il.Run, tmp_path: Path) -> None:
    other = il.train("sinusoid-10shot-maml", out=tmp_path / "seed2", seed=2, outer={"steps": 60}, eval={"every": 0}, progress=False)
    page = sines.report(other, out=tmp_path, count=5, eval={"steps": [0, 1]})
    text = Path(page).read_text()
    assert page.path == str(tmp_path / "report.html") and sines.path in text and other.path in text
    by_path = sines.report(other.path, out=tmp_path / "again.html", count=5, eval={"steps": [0, 1]})
    assert Path(by_path).read_text() == text


def test_what_is_refused(sines: il.Run, tmp_path: Path) -> None:
    for ask in (lambda: il.Run("nowhere").report(), lambda: il.Run("nowhere").metrics, lambda: sines.report("nowhere", out=tmp_path)):
        with pytest.raises(il.FileError, match="nowhere: there is no run"):
            ask()
    with pytest.raises(il.ArgumentError, match="outer.steps cannot be changed"):
        sines.report(out=tmp_path, outer={"steps": 3})
