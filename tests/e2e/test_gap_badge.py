"""A gap's number stands inside the gap, whatever shape it has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.e2e.test_report_page import browser, pytestmark

__all__ = ["browser", "pytestmark"]

ASSETS = Path(__file__).resolve().parents[2] / "geo" / "report" / "assets"
SHAPES = {
    "square": [[0, 0, 4, 0, 4, 4, 0, 4]],
    "ring": [[0, 0, 9, 0, 9, 9, 0, 9], [2, 2, 2, 7, 7, 7, 7, 2]],
    "hook": [[0, 0, 9, 0, 9, 1, 1, 1, 1, 8, 9, 8, 9, 9, 0, 9]],
    "stairs": [[0, 0, 2, 0, 2, 1, 9, 1, 9, 9, 8, 9, 8, 2, 1, 2, 1, 1, 0, 1]],
}


def function_of(file: str, name: str) -> str:
    text = (ASSETS / file).read_text(encoding="utf-8")
    found = re.search(rf"^function {name}\(.*?^}}$", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[0]


@pytest.mark.parametrize("name", list(SHAPES))
def test_the_place_of_a_number_lies_inside_its_gap(browser: Browser, name: str) -> None:
    page = browser.new_page()
    code = function_of("draw.js", "centreOf") + function_of("data.js", "isInside")
    question = """(parts) => {
      const all = parts.flat();
      const [xs, ys] = [all.filter((_, i) => i % 2 === 0), all.filter((_, i) => i % 2 === 1)];
      const shape = { parts, box: [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)] };
      return isInside(shape, ...centreOf(shape));
    }"""
    page.add_script_tag(content=code)
    assert page.evaluate(question, SHAPES[name]) is True
    page.close()
