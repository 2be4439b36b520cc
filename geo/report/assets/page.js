// Puts the page together: one state, one way to change it, and the address that keeps it.

const state = {
  report: null, map: window.fangyuMap, type: null, group: null, listing: "rank", scope: null, level: "township", order: "ratio", sort: null,
  division: null, gap: null, hovered: null, dock: false, allRows: false, isPrint: false, baseLayer: null, baseAddress: "",
  layers: { fill: "cells", facilities: true, gaps: true, borders: true }, hasTownships: false, marks: [], view: null, colours: null,
};
let paint = null;

const reduced = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

function flyTo(shape) {
  if (!shape) return;
  const options = { maxZoom: 14.5, duration: 0.18, ...framePadding() };
  if (reduced()) state.map.fitBounds(shapeBounds(shape), { ...options, animate: false });
  else state.map.flyToBounds(shapeBounds(shape), options);
}

function framePadding() {
  const inspector = state.division && state.map.getSize().x > 640 ? 320 : 0;
  return { paddingTopLeft: [24, 56], paddingBottomRight: [24 + inspector, 60] };
}

function goHome() {
  state.map.fitBounds(homeBounds(), { animate: !reduced(), paddingTopLeft: [16, 16], paddingBottomRight: [16, 40] });
}

function homeBounds() {
  const shapes = state.report.divisions.map((division) => division.shape).filter(Boolean);
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  const grow = (x0, y0, x1, y1) => {
    box[0] = Math.min(box[0], x0);
    box[1] = Math.min(box[1], y0);
    box[2] = Math.max(box[2], x1);
    box[3] = Math.max(box[3], y1);
  };
  for (const shape of shapes) grow(...shape.box);
  const { grid } = state.report;
  if (!shapes.length && grid) for (let i = 0; i < grid.size; i++) grow(grid.x0[i], grid.y0[i], grid.x1[i], grid.y1[i]);
  if (!shapes.length && !(grid && grid.size))
    for (const type of state.report.types) for (const facility of type.facilities) grow(facility.x, facility.y, facility.x, facility.y);
  return Number.isFinite(box[0]) ? shapeBounds({ box }) : [[18, 74], [53, 134]];
}

const act = {
  type(slug) {
    state.type = state.report.types.find((type) => type.slug === slug) || state.report.types[0];
    const group = state.type.groups.find((item) => item.slug === (state.group && state.group.slug)) || state.type.groups[0];
    state.group = group.read();
    state.gap = null;
    refresh();
  },
  group(slug) {
    state.group = (state.type.groups.find((item) => item.slug === slug) || state.type.groups[0]).read();
    if (state.level === "village" && state.group.slug !== "all") act.leaveVillages();
    refresh();
  },
  leaveVillages() {
    state.level = "township";
    state.scope = state.scope ? state.scope.up : null;
    if (state.scope && state.scope.level !== "county") state.scope = null;
  },
  listing(key) {
    state.listing = key;
    state.allRows = false;
    refresh();
    document.getElementById("panel-list").scrollTop = 0;
  },
  level(level) {
    state.level = level;
    state.allRows = false;
    refresh();
  },
  order(order) {
    state.order = order;
    refresh();
  },
  allRows() {
    state.allRows = true;
    refresh();
  },
  scope(division) {
    state.scope = division;
    state.level = division ? nextLevel(division.level) : presentLevels(state).includes("township") ? "township" : "county";
    if (division && division.level === "prefecture") state.level = "county";
    state.division = division;
    state.allRows = false;
    refresh();
    if (division) flyTo(division.shape);
    else goHome();
  },
  division(division) {
    state.division = state.division === division ? null : division;
    state.hovered = null;
    refresh();
    if (state.division) flyTo(state.division.shape);
  },
  drill(division) {
    state.division = null;
    state.listing = "rank";
    if (division.level === "township") state.group = state.type.groups[0].read();
    act.scope(division);
  },
  gap(gap) {
    state.gap = gap;
    state.division = null;
    state.layers.gaps = true;
    refresh();
    flyTo(gap.shape);
  },
  hover(division) {
    if (state.hovered === division) return;
    state.hovered = division;
    document.querySelectorAll("[data-code].is-hovered").forEach((node) => node.classList.remove("is-hovered"));
    if (division) document.querySelectorAll(`[data-code="${CSS.escape(division.code)}"]`).forEach((node) => node.classList.add("is-hovered"));
    paint.redraw();
  },
  sort(key) {
    state.sort = state.sort && state.sort.key === key ? { key, isDown: !state.sort.isDown } : { key, isDown: key !== "name" && key !== "ratio" };
    refresh();
  },
  dock() {
    state.dock = !state.dock;
    refresh();
    state.map.invalidateSize({ animate: false });
  },
  layer(key) {
    state.layers[key] = !state.layers[key];
    refresh();
  },
  fill(key) {
    state.layers.fill = key;
    refresh();
  },
  baseForm() {
    const box = document.getElementById("base-form");
    if (box.hidden) openBaseForm(state, act);
    else box.hidden = true;
    document.getElementById("base-switch").setAttribute("aria-expanded", String(!box.hidden));
  },
  baseOn(address, attribution, subdomains) {
    act.removeBase();
    state.baseAddress = address;
    state.baseLayer = L.tileLayer(address, { subdomains, maxZoom: 18, attribution }).addTo(state.map);
    document.getElementById("base-form").hidden = true;
    refresh();
  },
  baseOff() {
    act.removeBase();
    document.getElementById("base-form").hidden = true;
    refresh();
  },
  removeBase() {
    if (state.baseLayer) state.baseLayer.remove();
    state.baseLayer = null;
  },
  theme() {
    const root = document.documentElement;
    setTheme(root.dataset.theme === "dark" ? "light" : "dark");
    refresh();
  },
};

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  state.colours = null;
  document.getElementById("theme-switch").replaceChildren(svg(theme === "dark" ? ICONS.sun : ICONS.moon, 16));
}

function refresh() {
  const panel = document.getElementById("panel");
  const focused = document.activeElement && panel.contains(document.activeElement) ? document.activeElement : null;
  const key = focused && focusKey(focused);
  const old = document.getElementById("panel-list");
  const top = old ? old.scrollTop : 0;
  const lists = { rank: rankList, gaps: gapList, indicators: indicatorList, notes: noteList };
  panel.replaceChildren(
    el("div", { class: "panel-head" }, typeTabs(state, act.type), el("p", { class: "standard" }, el("span", {}, "标准"), state.type.standard),
      groupTabs(state, act.group), keyFigures(state)),
    viewTabs(state, act.listing),
    el("div", { class: "panel-list", id: "panel-list", role: "tabpanel", "aria-labelledby": "view-" + state.listing }, lists[state.listing](state, act)));
  document.getElementById("panel-list").scrollTop = top;
  if (key) restoreFocus(panel, key);
  fillInspector(state, act);
  fillDock(state, act);
  fillMapTools(state, act);
  fillLegend(state);
  paint.redraw();
  saveAddress();
}

function focusKey(node) {
  const owner = node.closest("[data-code]") || node.closest("[data-rank]");
  if (owner) return owner.dataset.code ? `[data-code="${CSS.escape(owner.dataset.code)}"] .${node.className}` : `[data-rank="${owner.dataset.rank}"] button`;
  if (node.id) return "#" + CSS.escape(node.id);
  return node.dataset.key ? `[data-key="${CSS.escape(node.dataset.key)}"]` : null;
}

function restoreFocus(panel, key) {
  const again = panel.querySelector(key);
  if (again) again.focus({ preventScroll: true });
}

function saveAddress() {
  const centre = state.map.getCenter();
  const words = new URLSearchParams({ t: state.type.slug, g: state.group.slug, v: state.listing, z: state.map.getZoom().toFixed(2), c: `${centre.lng.toFixed(4)},${centre.lat.toFixed(4)}` });
  if (state.division) words.set("d", state.division.code);
  if (state.scope) words.set("s", state.scope.code);
  if (state.layers.fill !== "cells") words.set("f", state.layers.fill);
  try {
    history.replaceState(null, "", "#" + words);
  } catch (error) {
    // Some viewers open mailed files where the address may not change; nothing is lost but the link.
  }
}

function readAddress() {
  const words = new URLSearchParams(location.hash.slice(1));
  const { report } = state;
  state.type = report.types.find((type) => type.slug === words.get("t")) || report.types[0];
  state.group = (state.type.groups.find((group) => group.slug === words.get("g")) || state.type.groups[0]).read();
  if (VIEWS.some((view) => view.key === words.get("v"))) state.listing = words.get("v");
  state.scope = report.byCode.get(words.get("s")) || null;
  state.level = state.scope ? nextLevel(state.scope.level) || "village" : presentLevels(state).includes("township") ? "township" : presentLevels(state)[0] || "county";
  state.division = report.byCode.get(words.get("d")) || null;
  if (words.get("f") === "areas" && state.hasTownships) state.layers.fill = "areas";
  const [lon, lat] = (words.get("c") || "").split(",").map(Number);
  const zoom = Number(words.get("z"));
  return Number.isFinite(lat) && lon && zoom ? { centre: [lat, lon], zoom } : null;
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) {
    if (event.key === "Escape") document.getElementById("base-form").hidden = true;
    return;
  }
  const views = { r: "rank", g: "gaps", i: "indicators", n: "notes" };
  const key = event.key.toLowerCase();
  if (/^[1-9]$/.test(key) && state.report.types[key - 1]) act.type(state.report.types[key - 1].slug);
  else if (views[key]) act.listing(views[key]);
  else if (key === "t") act.dock();
  else if (key === "f" && state.hasTownships) act.fill(state.layers.fill === "cells" ? "areas" : "cells");
  else if (key === "h") goHome();
  else if (key === "d") act.theme();
  else if (key === "p") window.print();
  else if (key === "?") toggleHelp();
  else if (key === "escape") closeSomething();
}

function closeSomething() {
  const help = document.getElementById("help");
  const form = document.getElementById("base-form");
  if (!help.hidden) help.hidden = true;
  else if (!form.hidden) form.hidden = true;
  else if (closeExplain()) return;
  else if (state.division || state.gap) {
    state.division = state.gap = null;
    refresh();
  } else if (state.dock) act.dock();
}

function onMapClick(event) {
  const at = thingAt(state, event);
  if (at.mark) {
    if (at.mark.members.length > 1) return void state.map.setView(event.latlng, Math.min(18, state.map.getZoom() + 2));
    return void L.popup({ closeButton: false, offset: [0, -2] }).setLatLng(event.latlng).setContent(el("span", {}, tipText(state, event))).openOn(state.map);
  }
  if (at.gap) {
    state.listing = "gaps";
    act.gap(at.gap);
    const row = document.querySelector(`[data-rank="${at.gap.rank}"]`);
    if (row) row.scrollIntoView({ block: "nearest" });
    return undefined;
  }
  const division = at.division();
  return division ? act.division(division) : undefined;
}

function printing(isPrint) {
  if (state.isPrint === isPrint) return;
  state.isPrint = isPrint;
  document.documentElement.classList.toggle("is-printing", isPrint);
  if (isPrint) fillPrint(state);
  state.theme = isPrint ? document.documentElement.dataset.theme : state.theme;
  setTheme(isPrint ? "light" : state.theme || "light");
  state.map.invalidateSize({ animate: false });
  if (isPrint) state.map.fitBounds(state.division ? shapeBounds(state.division.shape) : homeBounds(), { animate: false, padding: [8, 8] });
  paint.redraw();
}

function start() {
  state.report = readReport();
  state.hasTownships = state.report.divisions.some((division) => division.level === "township" && division.shape);
  const kept = readAddress();
  setTheme(window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  paint = new PaintLayer((view) => paintMap(view, state));
  state.map.invalidateSize({ animate: false });
  if (kept) state.map.setView(kept.centre, kept.zoom, { animate: false });
  else state.map.fitBounds(homeBounds(), { animate: false, paddingTopLeft: [16, 16], paddingBottomRight: [16, 40] });
  paint.addTo(state.map);
  addZoomTools(state.map, goHome);
  refresh();
  const holder = state.map.getContainer();
  holder.setAttribute("role", "application");
  holder.setAttribute("aria-label", "地图：方向键移动，加减键缩放；同样的内容在左侧列表和数据表中");
  state.map.on("moveend", saveAddress);
  state.map.on("mousemove", (event) => showTip(state, event));
  state.map.on("mouseout movestart", () => (document.getElementById("tip").hidden = true));
  state.map.on("click", onMapClick);
  document.getElementById("theme-switch").addEventListener("click", act.theme);
  const print = document.getElementById("print-button");
  print.append(svg(ICONS.print, 16));
  print.addEventListener("click", () => window.print());
  const help = document.getElementById("help-button");
  help.append("?");
  help.addEventListener("click", toggleHelp);
  document.addEventListener("keydown", onKey);
  document.addEventListener("pointerdown", (event) => {
    const box = document.getElementById("explain");
    if (!box.hidden && !box.contains(event.target)) closeExplain();
  });
  window.addEventListener("beforeprint", () => printing(true));
  window.addEventListener("afterprint", () => printing(false));
  document.documentElement.dataset.ready = "true";
}

start();
