// On the map: layer switches, legend, zoom, base map, keys.

const FACILITY_MARKS = [["open", "开放"], ["planned", "规划"], ["closed", "停办"]];

function fillMapTools(state, act) {
  const { layers } = state;
  const toggle = (key, title) => el("button", { type: "button", class: "toggle", "data-layer": key, "aria-pressed": layers[key] ? "true" : "false", on: { click: () => act.layer(key) } }, title);
  document.getElementById("map-tools").replaceChildren(
    state.hasTownships ? segmented("填色", [["cells", "网格"], ["areas", "乡镇"]], layers.fill, act.fill) : "",
    el("div", { class: "toggles" }, toggle("facilities", "设施"), toggle("gaps", "盲区"), toggle("borders", "界线"),
      el("button", { type: "button", class: "toggle", id: "base-switch", "aria-expanded": "false", "aria-pressed": state.baseLayer ? "true" : "false", on: { click: act.baseForm } }, "底图")),
    el("button", { type: "button", class: "toggle lone", id: "dock-button", "aria-pressed": state.dock ? "true" : "false", on: { click: act.dock } }, svg(ICONS.table, 14), "数据表"));
}

function fillLegend(state) {
  const { type } = state;
  const swatch = (i) => el("span", { class: "legend-class" + (i === 3 ? " after-limit" : "") }, el("i", { class: "class-" + i }), el("span", {}, type.labels[i]));
  const mark = ([status, title]) => {
    const drawing = svg(glyph(type.family), 13);
    drawing.setAttribute("class", "mark-" + status);
    return el("span", { class: "legend-item" }, drawing, title);
  };
  const here = new Set(type.facilities.map((facility) => ({ building: "planned", suspended: "closed" })[facility.status] || facility.status));
  const what = state.layers.fill === "cells" ? "" : "（乡镇中位数）";
  document.getElementById("legend").replaceChildren(
    el("h2", {}, `步行到最近的${type.title}${what}`, el("small", {}, ` ${type.unit}`)),
    el("div", { class: "legend-scale" }, [0, 1, 2, 3, 4, 5].map(swatch)),
    el("div", { class: "legend-ends" }, el("span", {}, "已覆盖"), el("span", {}, "未覆盖")),
    el("div", { class: "legend-row" }, el("span", { class: "legend-item" }, el("i", { class: "class-6" }), "无路可达"),
      type.gaps.length && state.layers.gaps ? el("span", { class: "legend-item" }, el("i", { class: "legend-gap" }, "1"), "服务盲区") : null,
      state.layers.facilities ? FACILITY_MARKS.filter(([status]) => here.has(status)).map(mark) : null));
}

function addZoomTools(map, goHome) {
  const button = (icon, title, handler) => el("button", { type: "button", class: "icon", "aria-label": title, title, on: { click: handler } }, svg(ICONS[icon], 16));
  document.getElementById("zoom-tools").append(button("plus", "放大", () => map.zoomIn(1)), button("minus", "缩小", () => map.zoomOut(1)), button("home", "回到全域（H）", goHome));
  const scale = L.control.scale({ imperial: false, position: "bottomright", maxWidth: 110 });
  scale._updateMetric = function (maxMeters) {
    const metres = this._getRoundNum(maxMeters);
    this._updateScale(this._mScale, metres < 1000 ? `${metres} 米` : `${metres / 1000} 千米`, metres / maxMeters);
  };
  scale.addTo(map);
}

function isTileAddress(text) {
  return /^https?:\/\//.test(text) && ["{x}", "{y}", "{z}"].every((part) => text.includes(part));
}

function openBaseForm(state, act) {
  const given = JSON.parse(document.getElementById("base-map-data").textContent);
  const box = document.getElementById("base-form");
  const input = el("input", { type: "url", id: "base-address", autocomplete: "off", spellcheck: "false", placeholder: "https://…/{z}/{x}/{y}.png" });
  input.value = state.baseAddress || given.url || "";
  const message = el("p", { class: "muted small", role: "status" }, "默认不联网。开启后只从这个地址读取底图瓦片，请使用 CGCS2000 或 WGS 84 的底图。");
  const on = () => {
    const address = input.value.trim();
    if (!isTileAddress(address)) {
      message.textContent = "地址须以 http:// 或 https:// 开头，并含 {z}、{x}、{y}。";
      message.classList.add("is-wrong");
      input.focus();
      return;
    }
    const isGiven = address === given.url;
    act.baseOn(address, isGiven ? given.attribution : "", isGiven && given.subdomains ? given.subdomains : "01234567");
  };
  box.replaceChildren(
    el("div", { class: "explain-head" }, el("h2", {}, "底图"), el("button", { type: "button", class: "icon", "aria-label": "关闭", on: { click: act.baseForm } }, svg(ICONS.close, 16))),
    el("label", { for: "base-address" }, "瓦片地址"), input, message,
    el("div", { class: "form-actions" }, el("button", { type: "button", class: "primary", id: "base-on", on: { click: on } }, "显示底图"),
      el("button", { type: "button", id: "base-off", disabled: !state.baseLayer, on: { click: act.baseOff } }, "关闭底图")));
  box.hidden = false;
  input.focus();
}

const KEYS = [
  ["1 – 9", "选择设施类型"], ["R / G / I / N", "排名 / 盲区 / 指标 / 说明"], ["T", "数据表"], ["F", "网格 / 乡镇"], ["H", "回到全域"],
  ["+ / −", "放大 / 缩小（焦点在地图上时）"], ["D", "深色 / 浅色"], ["P", "打印"], ["Esc", "关闭"], ["?", "快捷键"],
];

function toggleHelp() {
  const box = document.getElementById("help");
  box.hidden = !box.hidden;
  if (box.hidden) return;
  box.replaceChildren(
    el("div", { class: "explain-head" }, el("h2", {}, "快捷键"), el("button", { type: "button", class: "icon", "aria-label": "关闭", on: { click: toggleHelp } }, svg(ICONS.close, 16))),
    el("dl", { class: "facts keys" }, KEYS.map(([key, what]) => [el("dt", {}, key), el("dd", {}, what)])));
  box.querySelector("button").focus();
}

function showTip(state, event) {
  const tip = document.getElementById("tip");
  const text = state.view ? tipText(state, event) : "";
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  const stage = document.getElementById("stage").getBoundingClientRect();
  const x = event.originalEvent.clientX - stage.left;
  const y = event.originalEvent.clientY - stage.top;
  tip.style.left = Math.min(x + 14, stage.width - tip.offsetWidth - 8) + "px";
  tip.style.top = (y + tip.offsetHeight + 24 > stage.height ? y - tip.offsetHeight - 10 : y + 16) + "px";
}

function thingAt(state, event) {
  const map = state.map;
  const world = 256 * 2 ** map.getZoom();
  const point = map.project(event.latlng);
  const x = point.x / world;
  const y = point.y / world;
  const px = point.x - state.view.left;
  const py = point.y - state.view.top;
  const mark = state.marks.find((item) => Math.hypot(item.x - px, item.y - py) <= item.radius);
  const gap = state.layers.gaps ? state.type.gaps.find((item) => isInside(item.shape, x, y)) : null;
  const find = (level) => state.report.divisions.find((division) => division.level === level && isInside(division.shape, x, y));
  return { mark, gap, cell: state.layers.fill === "cells" ? cellAt(state.report.grid, x, y) : -1, division: () => find(state.level) || find("township") || find("county") };
}

function tipText(state, event) {
  const { type, group, report } = state;
  const at = thingAt(state, event);
  if (at.mark) {
    if (at.mark.members.length > 1) return `${type.title} ${whole(at.mark.members.length)} 处，放大查看`;
    const one = at.mark.members[0];
    return [one.name, FACILITY_STATUS[one.status] || one.status, one.capacity].filter(Boolean).join(" · ");
  }
  const division = at.division();
  const words = division ? [division.name] : [];
  if (at.cell >= 0 && group.cells && group.cells.classes[at.cell] >= 0) {
    const { status, median, share } = group.cells;
    words.push(`${whole(report.grid.persons[at.cell])} 人`);
    words.push(median[at.cell] === MISSING_WALK ? STATUS_TITLES[status[at.cell]] : `步行 ${walkText(type, median[at.cell])}`);
    if (share[at.cell] !== 255) words.push(`覆盖率 ${share[at.cell]}%`);
  } else if (division) {
    const figures = divisionFigures(group, division.index);
    words.push(figures.total === null ? `不足 ${report.minimum} 人，不显示` : `覆盖率 ${percent(figures.ratio)}%`);
  }
  if (at.gap) words.push(`第 ${at.gap.rank} 处盲区`);
  return words.join(" · ");
}
