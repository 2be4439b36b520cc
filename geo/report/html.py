"""The single-file map a planner mails: folium's map, Leaflet inlined, data embedded, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import cast

import folium
import jinja2
from branca.element import Figure, MacroElement
from folium.template import Template

from geo.catalog.map_layer import map_layer
from geo.errors import InputError
from geo.report.model import CoverageReport
from geo.report.payload import date_zh, report_json
from geo.report.privacy import check_report

_SCRIPTS = (
    "core.js",
    "data.js",
    "canvas.js",
    "draw.js",
    "figures.js",
    "lists.js",
    "detail.js",
    "tools.js",
    "page.js",
)
_STYLES = ("tokens.css", "page.css", "print.css")
_MAP_ID = "fangyu"


@dataclass(frozen=True, slots=True)
class BaseMap:
    """A tile service a reader may switch on; it is off until then, and the only thing the page may fetch.

    Parameters
    ----------
    url_template : str
        Address with ``{x}``, ``{y}`` and ``{z}``, optionally ``{s}``. Readers of the page can see it and any
        key in it.
    attribution : str
        What the service wants named.
    subdomains : str
        Characters for ``{s}``.
    """

    url_template: str
    attribution: str = ""
    subdomains: str = ""


def tianditu(key: str, layer: str = "vec") -> BaseMap:
    """Return Tianditu's street or image map, which is in CGCS2000 as the data are.

    Parameters
    ----------
    key : str
        The reader's own key.
    layer : str
        ``vec`` for streets, ``img`` for images, ``ter`` for terrain.

    Returns
    -------
    BaseMap
        Its WMTS address in web mercator.
    """
    query = (
        f"SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER={layer}&STYLE=default&TILEMATRIXSET=w"
        f"&FORMAT=tiles&TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}&tk={key}"
    )
    return BaseMap(f"https://t{{s}}.tianditu.gov.cn/{layer}_w/wmts?{query}", "天地图", "01234567")


def write_html(report: CoverageReport, path: Path, *, base_map: BaseMap | None = None) -> None:
    """Write the report as one HTML file, replacing an existing one.

    Parameters
    ----------
    report : CoverageReport
        The report.
    path : Path
        The file.
    base_map : BaseMap or None
        Tile address offered behind the base-map switch; without one the switch asks for an address.

    Raises
    ------
    InputError
        If the report breaks the privacy rule, its numbers do not add up, or the tile address is none.
    """
    path.write_text(render_html(report, base_map=base_map), encoding="utf-8", newline="\n")


def render_html(report: CoverageReport, *, base_map: BaseMap | None = None) -> str:
    """Return the page; the same report gives the same text.

    Parameters
    ----------
    report : CoverageReport
        The report.
    base_map : BaseMap or None
        Tile address offered behind the base-map switch.

    Returns
    -------
    str
        A whole HTML document.

    Raises
    ------
    InputError
        If the report breaks the privacy rule, its numbers do not add up, or the tile address is none.
    """
    check_report(report)
    _check_base_map(base_map)
    figure = _map_parts()
    scripts = [_leaflet_js(), figure.script, _own_script()]
    tokens, *rest = (_asset(name) for name in _STYLES)
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_asset("page.html")).render(
        policy=_policy(scripts),
        licence=_asset("leaflet/LICENSE").replace("--", "- -"),
        styles=[_leaflet_css(), figure.style, legend_style() + tokens, *rest],
        map_div=figure.div,
        scripts=scripts,
        data=report_json(report),
        base_map=_script_json(
            {}
            if base_map is None
            else {
                "url": base_map.url_template,
                "attribution": base_map.attribution,
                "subdomains": base_map.subdomains,
            }
        ),
        report=report,
        data_date=date_zh(report.data_date),
        generated_on=date_zh(report.generated_on),
    )


@dataclass(frozen=True, slots=True)
class _MapParts:
    """What folium renders, taken apart."""

    style: str
    div: str
    script: str


class _Handle(MacroElement):
    """Tells the page's script which map folium made."""

    _template = Template(
        "{% macro script(this, kwargs) %}window.fangyuMap = {{ this._parent.get_name() }};{% endmacro %}"
    )


def _map_parts() -> _MapParts:
    """Let folium make the map, and leave behind every stock link it brings."""
    world = folium.Map(
        location=[36.0, 118.0],
        zoom_start=9,
        tiles=None,
        zoom_control=False,
        attribution_control=False,
        zoom_snap=0.25,
        zoom_delta=0.5,
        min_zoom=5,
        max_zoom=18,
        keyboard_pan_delta=120,
    )
    world._id = _MAP_ID
    world.default_js = []
    world.default_css = []
    world.add_child(_Handle())  # type: ignore[no-untyped-call]
    figure = cast(Figure, world.get_root())
    world.render()  # type: ignore[no-untyped-call]
    style = re.findall(r"<style>(.*?)</style>", figure.header.render(), flags=re.DOTALL)
    # Only the map's own size rule is kept; the page has its own rules for html and body.
    sizes = [text for text in style if f"#map_{_MAP_ID}" in text]
    return _MapParts("\n".join(sizes), figure.html.render().strip(), figure.script.render().strip() + "\n")


@cache
def _asset(name: str) -> str:
    """Return one file of the assets folder."""
    return resources.files("geo.report").joinpath("assets", *name.split("/")).read_text(encoding="utf-8")


@cache
def _leaflet_js() -> str:
    """Return Leaflet without the line that sends debuggers looking for a source map."""
    return re.sub(r"\n//# sourceMappingURL=.*", "\n", _asset("leaflet/leaflet.js"))


@cache
def legend_style() -> str:
    """Return the colours that the page shares with the map's layers, for light ground; those for dark are its own.

    Returns
    -------
    str
        CSS: classes from the nearest to the farthest, ground about which nothing is known, and gaps.
    """
    cells, gaps = map_layer("coverage_cells"), map_layer("gaps")
    if cells.ramp is None or cells.ramp.unknown is None:
        raise ValueError("the layer table gives coverage_cells no ramp, or none for what is not known")
    classes = "".join(f"--class-{number}:{colour};" for number, colour in enumerate(reversed(cells.ramp.colours)))
    return f":root{{{classes}--hatch:{cells.ramp.unknown};--gap:{gaps.colour};}}"


def _leaflet_css() -> str:
    """Return Leaflet's rules without those that name picture files, which this page has no use for."""
    return re.sub(
        r"^\s*(background-image|behavior):\s*url\([^)]*\);\s*$", "", _asset("leaflet/leaflet.css"), flags=re.M
    )


@cache
def _own_script() -> str:
    """Return the page's own script in one function scope."""
    body = "\n".join(_asset(name) for name in _SCRIPTS)
    return f'(function () {{\n"use strict";\n{body}\n}})();\n'


def _policy(scripts: list[str]) -> str:
    """Return a policy under which only these scripts run and only pictures (the tiles) are fetched."""
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii") for text in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob: https: http:; base-uri 'none'; form-action 'none'"
    )


def _script_json(value: dict[str, str]) -> str:
    """Return JSON that cannot end a script element."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace("&", "\\u0026")


def _check_base_map(base_map: BaseMap | None) -> None:
    """Refuse an address that is no tile template."""
    if base_map is None:
        return
    url = base_map.url_template
    if not re.match(r"https?://", url) or not all(part in url for part in ("{x}", "{y}", "{z}")):
        raise InputError(
            f"底图地址“{url}”不可用：须以 http:// 或 https:// 开头，并含 {{x}}、{{y}}、{{z}}",
            f'tile address "{url}" is refused: allowed is http:// or https:// with {{x}}, {{y}} and {{z}}',
        )
