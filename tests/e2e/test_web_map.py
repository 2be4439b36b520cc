"""The web map in a real browser: what it draws, what it asks for, and that it can be read and used."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Playwright, Route, expect, sync_playwright

from api.app import create_app
from api.settings import WEB_BUILD, settings_for
from geo.store import open_store
from tests.e2e.test_report_page import ARGUMENTS, CHROMIUM, pytestmark
from tests.store.frames import bring_in, every_layer, segments

pytestmark = [
    *pytestmark,
    pytest.mark.skipif(not (WEB_BUILD / "index.html").is_file(), reason="the web map is not built"),
]
SIZES: Final = [(1440, 900), (1024, 768)]
PATIENCE_S: Final = 20
"""Drawing in software takes its time where other work is going on."""
SHELL: Final = 550_000
"""Bytes of compressed script that the map may load before it shows itself."""
NEAR: Final = "14.50/36.80000/118.00000"
"""The first facility, at the border of its county."""
CELLS: Final = "15/36.00500/118.00500"


@dataclass
class Watched:
    """A page with what went wrong on it."""

    page: Page
    home: str
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def go(self, query: str = "") -> None:
        self.page.goto(f"/map/{query}")
        self.settle()

    def settle(self) -> None:
        """Wait until the map shows everything it is asked to."""
        until = time.monotonic() + 30
        ready = "() => Boolean(window.fangyuMap?.loaded() && window.fangyuMap.areTilesLoaded())"
        while not self.page.evaluate(ready):
            assert time.monotonic() < until, f"the map is not ready: {self.complaints}"
            self.page.wait_for_timeout(50)
        # What depends on the map at rest is put on the page in the next frame.
        self.page.wait_for_timeout(150)

    def drawn(self, source: str) -> list[dict[str, Any]]:
        """Return the properties of what is drawn of a layer."""
        script = """source => window.fangyuMap.queryRenderedFeatures()
            .filter(one => one.source === source).map(one => one.properties)"""
        found: list[dict[str, Any]] = self.page.evaluate(script, source)
        return found

    def shows(self, source: str, *, is_there: bool = True) -> bool:
        """Wait until something is drawn of a layer, or nothing any more; false if that does not come."""
        until = time.monotonic() + PATIENCE_S
        while bool(self.drawn(source)) != is_there:
            if time.monotonic() > until:
                return False
            self.page.wait_for_timeout(50)
        return True

    def click(self, lon: float, lat: float) -> None:
        """Click a place on the map, when the facilities are on it."""
        assert self.shows("facilities_eldercare")
        script = """([lon, lat]) => {
            const { x, y } = window.fangyuMap.project([lon, lat]);
            const box = window.fangyuMap.getCanvas().getBoundingClientRect();
            return [box.x + x, box.y + y];
        }"""
        self.page.mouse.click(*self.page.evaluate(script, [lon, lat]))

    def facts(self) -> dict[str, str]:
        """Return what the inspector says, by its titles."""
        self.page.wait_for_selector(".inspector dl")
        terms = self.page.locator(".inspector dt").all_inner_texts()
        return dict(zip(terms, self.page.locator(".inspector dd").all_inner_texts(), strict=True))


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=PATIENCE_S * 1000)
    with sync_playwright() as running:
        yield running


def launch(playwright: Playwright, *arguments: str) -> Browser:
    plain = [one for one in ARGUMENTS if one != "--disable-gpu"]
    return playwright.chromium.launch(executable_path=CHROMIUM, args=[*plain, *arguments])


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Open a browser that draws WebGL in software, as a machine without a graphics card does."""
    found = launch(playwright, "--enable-unsafe-swiftshader")
    yield found
    found.close()


def serve(store: Path, cache: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings_for(str(store), cache, demo=True)), port=port, log_level="warning")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a store with something in every layer."""
    folder = tmp_path_factory.mktemp("map")
    with open_store(str(folder / "city.gpkg")) as store:
        for name, frame in every_layer().items():
            # The map shows what is in force today, and the facilities lie in the county abolished.
            bring_in(store, name, frame.assign(valid_to=None) if name == "admin_divisions" else frame)
    yield from serve(folder / "city.gpkg", folder / "cache")


def watch(browser: Browser, home: str, *, size: tuple[int, int] = SIZES[0], **options: Any) -> Watched:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, base_url=home, reduced_motion="reduce",
        **{"locale": "zh-CN", **options},
    )  # fmt: skip
    watched = Watched(context.new_page(), home)
    page = watched.page
    own = (f"{home}/", "data:", f"blob:{home}/")
    page.on("request", lambda one: None if one.url.startswith(own) else watched.foreign.append(one.url))
    page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    # The driver tells how slow it is to read pixels in software; that is no fault of the page.
    page.on("console", lambda one: None if "GPU stall" in one.text else watched.complaints.append(one.text))
    return watched


@pytest.fixture
def opened(browser: Browser, home: str) -> Iterator[Watched]:
    watched = watch(browser, home)
    yield watched
    assert watched.foreign == []
    assert watched.complaints == []
    watched.page.context.close()


@pytest.mark.parametrize("size", SIZES)
def test_the_map_shows_streets_and_divisions_and_asks_no_other_host(
    browser: Browser, home: str, size: tuple[int, int]
) -> None:
    watched = watch(browser, home, size=size)
    watched.go()
    assert watched.shows("divisions")
    assert watched.shows("division-names")
    assert "示范东区" in {one["name"] for one in watched.drawn("divisions")}
    assert "示范东区" in {one["name"] for one in watched.drawn("division-names")}, "names lie on the map"
    street = segments().geometry.iloc[1].centroid
    watched.go(f"?at=16/{street.y:.5f}/{street.x:.5f}")
    assert watched.shows("streets")
    assert "residential" in {one["kind"] for one in watched.drawn("streets")}
    assert watched.page.inner_text(".maplibregl-ctrl-scale").endswith(("米", "公里"))
    # Nothing hangs over the edge, and the map has most of the page.
    assert watched.page.evaluate("document.documentElement.scrollWidth") == size[0]
    ground = watched.page.locator(".ground").bounding_box()
    assert ground is not None
    assert ground["width"] * ground["height"] > 0.55 * size[0] * size[1]
    assert watched.foreign == []
    assert watched.complaints == []
    watched.page.context.close()


def test_the_pages_lead_to_the_map_and_back(opened: Watched) -> None:
    opened.page.goto("/ogc?f=html")
    opened.page.click("text=地图")
    opened.settle()
    assert opened.page.url.startswith(f"{opened.home}/map/")
    assert opened.page.locator(".rail a").all_inner_texts() == ["地图", "报告", "图层表", "接口"]
    opened.page.click("text=图层表")
    assert opened.page.url == f"{opened.home}/ogc?f=html"


def test_a_layer_is_taken_off_and_put_on_again(opened: Watched) -> None:
    opened.go(f"?at={NEAR}")
    assert opened.shows("facilities_eldercare")
    opened.page.uncheck("#layer-facilities_eldercare")
    opened.settle()
    assert opened.shows("facilities_eldercare", is_there=False)
    assert opened.shows("divisions"), "the others stay"
    layers = opened.page.url.split("layers=")[1].split("&")[0].split(",")
    assert "divisions" in layers
    assert "facilities_eldercare" not in layers
    opened.page.check("#layer-facilities_eldercare")
    opened.settle()
    assert opened.shows("facilities_eldercare")


def test_a_click_shows_a_feature_under_the_titles_and_words_of_the_catalogue(opened: Watched) -> None:
    opened.go(f"?at={NEAR}")
    opened.click(118.0001, 36.8)
    facts = opened.facts()
    assert facts["名称"] == "示范街道第1长者食堂"
    assert facts["类型"] == "养老机构"
    assert facts["状态"] == "运营"
    assert facts["启用日期"] == "2020年5月1日"
    assert facts["容量"] == "120.5"
    assert facts["地址"] == "—"
    assert opened.page.inner_text(".inspector .kind") == "养老服务设施"
    assert opened.page.inner_text("[aria-live=polite]") == "已选中：示范街道第1长者食堂，养老服务设施"
    # The county beneath is one click away.
    opened.page.click(".hits button >> text=示范西县")
    expect(opened.page.locator(".inspector h2")).to_have_text("示范西县")
    assert opened.facts()["层级"] == "县级"
    opened.page.click("text=在表格中查看")
    assert "/ogc/collections/divisions/items/" in opened.page.url


def test_what_is_chosen_comes_out_from_under_the_inspector(browser: Browser, home: str) -> None:
    watched = watch(browser, home, size=SIZES[1])
    watched.go("?at=13.00/36.80000/117.97500")
    watched.click(118.0001, 36.8)
    assert watched.facts()["名称"] == "示范街道第1长者食堂"
    watched.settle()
    point = watched.page.evaluate("() => window.fangyuMap.project([118.0001, 36.8]).x")
    left = watched.page.evaluate(
        "() => document.querySelector('.inspector').getBoundingClientRect().left"
        " - window.fangyuMap.getCanvas().getBoundingClientRect().left"
    )
    assert 0 < point < left - 20
    assert watched.complaints == []
    watched.page.context.close()


def test_the_address_brings_the_same_picture_back(browser: Browser, opened: Watched) -> None:
    opened.go(f"?at={NEAR}")
    opened.page.uncheck("#layer-streets")
    opened.click(118.0, 36.8)
    opened.facts()
    address = opened.page.url.removeprefix(opened.home)
    for part in ("at=14.50/36.80000/118.00000", "chosen=facilities_eldercare/", "layers="):
        assert part in address
    again = watch(browser, opened.home)
    again.page.goto(address)
    again.settle()
    assert again.facts()["名称"] == "示范街道第1长者食堂"
    assert not again.page.is_checked("#layer-streets")
    assert again.shows("chosen"), "what is chosen is lit"
    centre = again.page.evaluate("() => [...window.fangyuMap.getCenter().toArray(), window.fangyuMap.getZoom()]")
    assert centre == pytest.approx([118.0, 36.8, 14.5], abs=1e-4)
    assert again.page.url.removeprefix(again.home) == address
    again.page.context.close()


def test_results_are_there_for_the_role_that_may_see_them(opened: Watched) -> None:
    opened.go(f"?at={CELLS}")
    assert opened.page.locator("#layer-coverage_cells").count() == 0
    with opened.page.expect_navigation():
        opened.page.select_option("#role-choice", "planner")
    opened.settle()
    assert opened.page.is_checked("#layer-coverage_cells")
    assert opened.shows("coverage_cells")
    assert 0.5 in {one.get("covered_share") for one in opened.drawn("coverage_cells")}
    assert opened.shows("gaps")
    legend = opened.page.locator(".legend li").all_inner_texts()
    assert legend == ["100%", "80% – 100%", "60% – 80%", "40% – 60%", "20% – 40%", "低于 20%", "未给出"]
    style = opened.page.request.get("/ogc/collections/coverage_cells/style").json()
    fill = next(one for one in style["layers"] if one["type"] == "fill")["paint"]["fill-color"]
    swatches = opened.page.locator(".legend rect").evaluate_all("all => all.map(one => one.getAttribute('fill'))")
    assert swatches == [*reversed(fill[2][2::2]), fill[3]], "the legend has the colours of the map"


def test_results_are_of_one_service_at_a_time(opened: Watched) -> None:
    runs = {"runs": [{"run_id": "cov-2", "parameters": {"types": ["senior_canteen", "care_home"]}}]}
    opened.page.route("**/api/runs", lambda route: route.fulfill(json=runs))
    opened.page.request.post("/api/session/demo", data={"role": "planner"})
    opened.go(f"?at={CELLS}")
    assert opened.shows("gaps")
    assert {one["type"] for one in opened.drawn("gaps")} == {"senior_canteen"}
    assert opened.page.locator("#service option").all_inner_texts() == ["长者食堂", "养老机构"]
    opened.page.select_option("#service", "care_home")
    until = time.monotonic() + PATIENCE_S
    while {one["type"] for one in opened.drawn("gaps")} != {"care_home"}:
        assert time.monotonic() < until, "the other service is not shown"
        opened.page.wait_for_timeout(50)
    assert "service=care_home" in opened.page.url


def test_the_map_is_used_without_a_mouse(opened: Watched) -> None:
    opened.go(f"?at={NEAR}")
    opened.page.focus("#layer-divisions")
    opened.page.keyboard.press("Space")
    opened.settle()
    assert opened.shows("divisions", is_there=False)
    opened.page.keyboard.press("Space")
    opened.settle()
    canvas = opened.page.locator(".maplibregl-canvas")
    assert "方向键平移" in (canvas.get_attribute("aria-label") or "")
    assert opened.shows("facilities_eldercare")
    canvas.focus()
    expect(opened.page.locator(".cross")).to_be_visible()
    opened.page.keyboard.press("Enter")
    assert opened.facts()["名称"] == "示范街道第1长者食堂"
    expect(opened.page.locator(".inspector h2")).to_be_focused()
    opened.page.keyboard.press("Escape")
    expect(opened.page.locator(".inspector")).to_have_count(0)
    expect(canvas).to_be_focused()
    before = opened.page.url
    opened.page.keyboard.press("ArrowRight")
    opened.page.wait_for_url(lambda url: url != before)


def test_day_and_night_have_their_own_ground(browser: Browser, home: str) -> None:
    found = []
    for scheme in ("light", "dark"):
        watched = watch(browser, home, color_scheme=scheme)
        watched.go(f"?at={NEAR}")
        found.append(watched.page.evaluate("() => window.fangyuMap.getPaintProperty('land', 'background-color')"))
        watched.page.emulate_media(color_scheme="dark")
        until = time.monotonic() + PATIENCE_S
        while watched.page.evaluate("() => window.fangyuMap.getPaintProperty('land', 'background-color')") != "#12181f":
            assert time.monotonic() < until, "the map does not follow"
            watched.page.wait_for_timeout(50)
        assert watched.complaints == []
        watched.page.context.close()
    assert found == ["#f5f3ee", "#12181f"]


def test_the_page_speaks_english_where_the_browser_does(browser: Browser, home: str) -> None:
    watched = watch(browser, home, locale="en-GB")
    watched.go(f"?at={NEAR}")
    assert watched.page.title() == "Fangyu · Map"
    assert watched.page.get_attribute("html", "lang") == "en"
    assert "Administrative divisions" in watched.page.inner_text(".panel")
    watched.click(118.0, 36.8)
    assert watched.facts()["Type"] == "Residential care home"
    with watched.page.expect_navigation():
        watched.page.click("text=中文")
    watched.settle()
    assert "行政区划" in watched.page.inner_text(".panel")
    assert watched.complaints == []
    watched.page.context.close()


def test_a_service_that_does_not_answer_is_told_and_asked_again(browser: Browser, home: str) -> None:
    watched = watch(browser, home)
    watched.page.route("**/ogc/collections?f=json", lambda route: route.abort())
    watched.page.goto("/map/")
    notice = watched.page.locator(".panel [role=alert]")
    expect(notice).to_contain_text("图层清单未能读取")
    expect(notice).to_contain_text("服务没有应答")
    watched.page.unroute("**/ogc/collections?f=json")
    notice.locator("button").click()
    watched.settle()
    assert watched.shows("divisions")
    watched.page.context.close()


def test_tiles_that_fail_are_told(browser: Browser, home: str) -> None:
    watched = watch(browser, home)

    def fail(route: Route) -> None:
        route.fulfill(status=500, body="")

    watched.page.route("**/tiles/**", fail)
    watched.page.goto(f"/map/?at={NEAR}")
    notice = watched.page.locator(".stage [role=alert]")
    expect(notice).to_contain_text("部分瓦片未能读取")
    watched.page.unroute("**/tiles/**", fail)
    notice.locator("button").click()
    watched.settle()
    expect(notice).to_have_count(0)
    assert watched.shows("facilities_eldercare")
    watched.page.context.close()


def test_a_feature_that_is_gone_is_told(opened: Watched) -> None:
    opened.go(f"?at={NEAR}&chosen=facilities_eldercare/999999")
    expect(opened.page.locator(".inspector [role=alert]")).to_contain_text("已不存在")
    # The browser itself notes that something was not found.
    assert all("404" in one for one in opened.complaints)
    opened.complaints.clear()


def test_an_empty_store_says_what_to_do(browser: Browser, tmp_path: Path) -> None:
    with open_store(str(tmp_path / "new.gpkg")):
        pass
    for home in serve(tmp_path / "new.gpkg", tmp_path / "cache"):
        watched = watch(browser, home)
        watched.page.goto("/")
        watched.page.click("text=地图")
        expect(watched.page.locator(".panel .notice")).to_contain_text("fangyu import")
        assert watched.complaints == []
        watched.page.context.close()


def test_without_webgl_the_tables_are_offered(playwright: Playwright, home: str) -> None:
    browser = launch(playwright, "--disable-gpu", "--disable-software-rasterizer")
    watched = watch(browser, home)
    watched.page.goto("/map/")
    notice = watched.page.locator(".no-webgl")
    expect(notice).to_contain_text("此浏览器不能绘制地图")
    notice.locator("text=行政区划").click()
    assert watched.page.url == f"{home}/ogc/collections/divisions/items?f=html"
    assert watched.foreign == []
    browser.close()


def test_what_the_map_loads_first_is_small() -> None:
    scripts = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in WEB_BUILD.rglob("*.js")}
    assert scripts
    assert sum(scripts.values()) <= SHELL, json.dumps(scripts)
    assert all(path.suffix in {".js", ".css"} for path in (WEB_BUILD / "assets").iterdir())
