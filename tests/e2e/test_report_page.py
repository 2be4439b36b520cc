"""The mailed page in a real browser, with the network blocked."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from geo.report.html import BaseMap, write_html
from geo.report.model import CoverageReport
from tests.report.builders import coverage_report, with_names

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


@dataclass
class Watched:
    """A page with everything it asked for and everything it complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def number(self, selector: str) -> int:
        """The whole number that an element shows."""
        return int(re.sub(r"\D", "", self.page.locator(selector).first.inner_text()))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page at the demo city's size."""
    path = tmp_path_factory.mktemp("full") / "report.html"
    write_html(coverage_report(), path)
    return path


@pytest.fixture(scope="module")
def little(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("little") / "report.html"
    write_html(small(), path)
    return path


def small() -> CoverageReport:
    return coverage_report(6_000, 120, 12)


def show(browser: Browser, path: Path, *, width: int = 1440, height: int = 900, address: str = "") -> Watched:
    """Open the page; whatever is not the file itself is noted and refused."""
    context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    watched = Watched(context.new_page())

    def refuse(route: Route) -> None:
        if route.request.url.split("#")[0] == path.as_uri():
            route.continue_()
        else:
            watched.requests.append(route.request.url)
            route.abort()

    watched.page.route("**/*", refuse)
    watched.page.on("console", lambda message: watched.complaints.append(message.text))
    watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    watched.page.goto(path.as_uri() + address)
    watched.page.wait_for_selector("html[data-ready=true]")
    return watched


@pytest.fixture
def opened(browser: Browser, little: Path) -> Iterator[Watched]:
    watched = show(browser, little)
    yield watched
    assert watched.requests == []
    assert watched.complaints == []
    watched.page.context.close()


def test_the_full_page_is_small_quick_and_silent(browser: Browser, full: Path) -> None:
    assert full.stat().st_size < 15e6
    seconds = []
    for _ in range(3):
        watched = show(browser, full)
        timing = "performance.now() / 1000"
        watched.page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        seconds.append(float(watched.page.evaluate(timing)))
        assert watched.requests == []
        assert watched.complaints == []
        watched.page.context.close()
        if seconds[-1] < 3:
            break
    assert min(seconds) < 3


def test_the_map_is_painted_with_the_scale(opened: Watched) -> None:
    colours = opened.page.evaluate(
        """() => {
          const canvas = document.querySelector('canvas.paint');
          const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
          const seen = {};
          for (let i = 0; i < data.length; i += 4) {
            const parts = [data[i], data[i + 1], data[i + 2]].map(v => v.toString(16).padStart(2, '0'));
            const key = '#' + parts.join('').toUpperCase();
            seen[key] = (seen[key] || 0) + 1;
          }
          return seen;
        }"""
    )
    for colour in ("#0B3C6F", "#2F74B5", "#8FBCE6", "#FDD0A2", "#F08A3C", "#A8430F"):
        assert colours.get(colour, 0) > 50, colour


def test_key_figures_are_those_of_the_report(opened: Watched) -> None:
    for result in small().types:
        opened.page.click(f"#type-{result.slug}")
        persons = result.overall.persons
        under = opened.page.locator("#figure-covered .key-under").inner_text()
        assert [int(re.sub(r"\D", "", part)) for part in under.split("/")] == [persons.covered, persons.total]
        assert opened.number("#figure-uncovered .key-number") == persons.uncovered
        assert result.overall.straight_line is not None
        assert opened.number("#figure-circle .key-number") == result.overall.straight_line.overstated_persons
        for band in result.bands:
            opened.page.click(f"#group-{band.slug}")
            assert opened.number("#figure-uncovered .key-number") == band.persons.uncovered
        opened.page.click("#group-all")


def test_every_figure_opens_its_arithmetic(opened: Watched) -> None:
    for name in ("covered", "uncovered", "circle"):
        opened.page.click(f"#figure-{name}")
        box = opened.page.locator("#explain")
        assert "数据日期" in box.inner_text()
        assert "常住人口" in box.inner_text()
        opened.page.keyboard.press("Escape")
        assert box.is_hidden()
        assert opened.page.evaluate("document.activeElement.id") == f"figure-{name}"
    opened.page.click("#figure-covered")
    assert "分母" in opened.page.locator("#explain").inner_text()


def test_a_bar_flies_to_its_township_and_opens_it(opened: Watched) -> None:
    before = opened.page.evaluate("fangyuMap.getCenter().toString()")
    bar = opened.page.locator(".bars li .bar").first
    name = bar.locator(".bar-name").inner_text()
    bar.click()
    assert opened.page.locator("#inspector h2").inner_text() == name
    opened.page.wait_for_function("before => fangyuMap.getCenter().toString() !== before", arg=before)
    assert opened.page.evaluate("fangyuMap.getZoom()") > 11


def test_one_drills_from_district_to_township_to_village_and_back(opened: Watched) -> None:
    opened.page.click(".segmented [data-key=county]")
    assert opened.page.locator(".bars li").count() == 5
    for expected in ("乡镇", "村"):
        opened.page.locator("button.drill").first.click()
        assert expected in opened.page.locator(".rank-head").inner_text()
    assert opened.page.locator(".scope button").count() == 3
    opened.page.locator(".scope button").first.click()
    assert opened.page.locator(".scope button").count() == 1


def test_the_table_adds_up_and_sorts(opened: Watched) -> None:
    opened.page.keyboard.press("t")
    cells = opened.page.locator("#dock tbody tr td:nth-child(2)").all_inner_texts()
    totals = [int(text.replace(",", "")) for text in cells]
    assert sum(totals) == small().types[0].overall.persons.total
    opened.page.click("#dock thead th:nth-child(2) button")
    again = opened.page.locator("#dock tbody tr td:nth-child(2)").all_inner_texts()
    assert [int(text.replace(",", "")) for text in again] == sorted(totals, reverse=True)


def test_gaps_are_listed_by_rank_and_flown_to(opened: Watched) -> None:
    opened.page.click("#view-gaps")
    gaps = small().types[0].gaps
    assert opened.page.locator(".gap-list li").count() == min(len(gaps), 40)
    before = opened.page.evaluate("fangyuMap.getCenter().toString()")
    opened.page.locator(".gap-list button").nth(1).click()
    opened.page.wait_for_function("before => fangyuMap.getCenter().toString() !== before", arg=before)
    assert opened.page.locator(".gap-list li.is-chosen").get_attribute("data-rank") == "2"


def test_the_keyboard_alone_is_enough(opened: Watched) -> None:
    page = opened.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.focus("#type-senior_canteen")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "type-township_eldercare_center"
    assert page.locator("#type-township_eldercare_center").get_attribute("aria-selected") == "true"
    page.keyboard.press("3")
    assert page.locator("#type-care_home").get_attribute("aria-selected") == "true"
    page.keyboard.press("g")
    assert page.locator("#view-gaps").get_attribute("aria-selected") == "true"
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#help").is_hidden()
    page.keyboard.press("r")
    page.focus(".bars li:nth-child(2) .bar")
    page.keyboard.press("Enter")
    assert page.locator("#inspector").is_visible()
    assert page.evaluate("document.activeElement.className") == "bar"


def test_the_address_keeps_what_one_looks_at(browser: Browser, little: Path, opened: Watched) -> None:
    opened.page.click("#type-care_home")
    opened.page.click("#group-80_plus")
    opened.page.click("#view-indicators")
    opened.page.evaluate("fangyuMap.setView([36.75, 118.11], 12, {animate: false})")
    address = opened.page.evaluate("location.hash")
    centre = opened.page.evaluate("fangyuMap.getCenter()")
    again = show(browser, little, address=address)
    for chosen in ("type-care_home", "group-80_plus", "view-indicators"):
        assert again.page.locator(f"#{chosen}").get_attribute("aria-selected") == "true"
    assert again.page.evaluate("fangyuMap.getCenter().lng") == pytest.approx(centre["lng"], abs=1e-3)
    again.page.context.close()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768)])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_text_is_cut_and_no_page_scrolls(
    browser: Browser, little: Path, width: int, height: int, theme: str
) -> None:
    watched = show(browser, little, width=width, height=height)
    page = watched.page
    if theme == "dark":
        page.keyboard.press("d")
    page.locator(".bars .bar").first.click()
    for view in ("rank", "gaps", "indicators", "notes"):
        page.click(f"#view-{view}")
        cut = page.evaluate(
            """() => [...document.querySelectorAll('body *')]
              .filter(node => node.offsetParent && node.children.length === 0 && node.textContent.trim())
              .filter(node => !node.closest('.leaflet-container') && !node.matches('.skip'))
              .filter(node => node.scrollWidth > node.clientWidth + 1)
              .filter(node => getComputedStyle(node).display !== 'inline').map(node => node.textContent)"""
        )
        assert cut == []
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        wide = page.evaluate("(n => n.scrollWidth - n.clientWidth)(document.getElementById('panel-list'))")
        assert wide <= 0
    overlap = page.evaluate(
        """() => {
          const names = ['.map-tools .segmented', '.toggles', '#dock-button', '.legend', '#inspector',
            '#zoom-tools', '.map-note'];
          const boxes = names.map(name => [name, document.querySelector(name).getBoundingClientRect()]);
          const hits = [];
          boxes.forEach(([a, x], i) => boxes.slice(i + 1).forEach(([b, y]) => {
            if (x.left < y.right && x.right > y.left && x.top < y.bottom && x.bottom > y.top) hits.push(a + ' ' + b);
          }));
          return hits;
        }"""
    )
    assert overlap == []
    assert watched.complaints == []
    page.context.close()


def test_names_with_markup_are_shown_not_run(browser: Browser, tmp_path: Path) -> None:
    wicked = '</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1">'
    path = tmp_path / "wicked.html"
    write_html(with_names(small(), wicked), path)
    watched = show(browser, path)
    page = watched.page
    for key in ("g", "i", "n", "r", "t"):
        page.keyboard.press(key)
    page.locator(".bars .bar").first.click()
    page.click("#figure-circle")
    page.mouse.move(900, 450)
    assert page.title() == wicked
    assert page.locator(".top h1").inner_text() == wicked
    assert page.locator("#inspector h2").inner_text() == wicked
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
    assert watched.requests == []
    assert watched.complaints == []
    page.context.close()


def test_only_the_switched_on_base_map_is_fetched(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "tiles.html"
    write_html(small(), path, base_map=BaseMap("https://tiles.example/{z}/{x}/{y}.png", "某图"))
    watched = show(browser, path)
    assert watched.requests == []
    watched.page.click("#base-switch")
    watched.page.fill("#base-address", "javascript:alert(1)")
    watched.page.click("#base-on")
    assert "须以" in watched.page.locator("#base-form").inner_text()
    assert watched.requests == []
    watched.page.fill("#base-address", "https://tiles.example/{z}/{x}/{y}.png")
    watched.page.click("#base-on")
    watched.page.wait_for_timeout(300)
    assert watched.requests
    assert all(request.startswith("https://tiles.example/") for request in watched.requests)
    watched.page.click("#base-switch")
    watched.page.click("#base-off")
    watched.page.context.close()


def test_the_print_has_the_table_the_gaps_and_the_parameters(opened: Watched) -> None:
    opened.page.keyboard.press("d")
    opened.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    printed = opened.page.locator("#print-pages").inner_text()
    for word in ("各乡镇（街道）", "服务盲区", "参数", "数据质量", "CGCS2000"):
        assert word in printed
    assert opened.page.locator(".print-subject").is_visible()
    assert opened.page.evaluate("document.documentElement.dataset.theme") == "light"
    opened.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert opened.page.locator("#print-pages").is_hidden()
    assert opened.page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert len(opened.page.pdf(prefer_css_page_size=True, print_background=True)) > 20_000


def test_hovering_the_map_says_one_line_about_the_cell(opened: Watched) -> None:
    box = opened.page.locator("#stage").bounding_box()
    assert box is not None
    opened.page.click("[data-layer=facilities]")
    found = ""
    tip = opened.page.locator("#tip")
    for step in range(160):
        opened.page.mouse.move(box["x"] + 360 + step % 16 * 20, box["y"] + 250 + step // 16 * 30)
        if tip.is_visible() and "步行" in tip.inner_text():
            found = tip.inner_text()
            break
    assert re.search(r"[\d,]+ 人 · 步行 [\d.,]+ 分钟 · 覆盖率 \d+%", found)
    assert "\n" not in found


def test_a_report_of_one_type_at_one_speed_without_divisions_works(browser: Browser, tmp_path: Path) -> None:
    result = small().types[0]
    overall = replace(result.overall, divisions=(), straight_line=None)
    bare = replace(result, overall=overall, bands=(), gaps=(), facilities=(), indicators=(), circles=())
    path = tmp_path / "bare.html"
    write_html(replace(small(), types=(bare,), outlines=None, context=None), path)
    watched = show(browser, path)
    page = watched.page
    assert "没有导入行政区划" in page.locator("#panel-list").inner_text()
    assert page.locator("#figure-circle .key-number").inner_text() == "—"
    for key in ("g", "i", "n", "f", "t", "h", "r"):
        page.keyboard.press(key)
    page.mouse.click(900, 450)
    assert page.locator(".group-tabs").count() == 0
    assert watched.complaints == []
    page.context.close()


def test_township_fills_show_the_median_person_of_everybody(opened: Watched) -> None:
    result = small().types[2]
    opened.page.click("#type-care_home")
    opened.page.click("[data-key=areas]")
    rows = [row for row in result.overall.divisions if row.level == "township"]
    assert any(row.persons.ratio == 0 for row in rows)
    assert any((row.persons.ratio or 0) > 0.5 for row in rows)
    seen = opened.page.evaluate(
        """() => {
          const canvas = document.querySelector('canvas.paint');
          const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
          const count = (r, g, b) => {
            let n = 0;
            for (let i = 0; i < data.length; i += 4) n += data[i] === r && data[i + 1] === g && data[i + 2] === b;
            return n;
          };
          return { far: count(0xA8, 0x43, 0x0F), near: count(0x2F, 0x74, 0xB5) + count(0x8F, 0xBC, 0xE6) };
        }"""
    )
    assert seen["far"] > 2_000
    assert seen["near"] > 2_000
