// What opens when a division is chosen, the full table, and the pages that only print.

function pathOfDivision(division) {
  const names = [];
  for (let up = division; up; up = up.up) if (up.level !== "prefecture" && up.level !== "province") names.unshift(up.name);
  return names.join(" › ");
}

function fillInspector(state, act) {
  const box = document.getElementById("inspector");
  const { division, type, group } = state;
  box.hidden = !division;
  if (!division) return;
  const figures = divisionFigures(group, division.index);
  const close = el("button", { type: "button", class: "icon", "aria-label": "关闭", on: { click: () => act.division(null) } }, svg(ICONS.close, 16));
  const head = el("div", { class: "inspector-head" }, el("div", {}, el("p", { class: "muted" }, pathOfDivision(division.up) || LEVEL_TITLES[division.level] || "范围外"), el("h2", {}, division.name)), close);
  if (figures.total === null) {
    const why = group.slug !== "all" && division.level === "village" ? "村级不分年龄段公布" : `不足 ${state.report.minimum} 人，不显示`;
    box.replaceChildren(head, el("p", { class: "empty" }, `— ${why}`));
    return;
  }
  const persons = [figures.total, figures.covered, figures.tooFar, figures.gateClosed, figures.disconnected, figures.notLinked];
  const rows = STATUS_TITLES.map((title, i) => [title, persons[i + 1], i]).filter(([, count, i]) => i < 2 || count > 0);
  box.replaceChildren(head,
    el("p", { class: "inspector-figure" }, el("span", { class: "key-number" }, figure(percent(figures.ratio), "%")), el("span", { class: "key-under" }, `${whole(figures.covered)} / ${whole(figures.total)} 人`)),
    statusBar(persons),
    el("table", { class: "formula" }, el("tbody", {},
      rows.map(([title, count, i]) => el("tr", {}, el("th", { scope: "row" }, el("span", { class: "swatch status-" + STATUS_KEYS[i] }), title), el("td", { class: "value" }, figure(whole(count), "人")))),
      el("tr", { class: "rule" }, el("th", { scope: "row" }, "步行时间中位数"), el("td", { class: "value" }, figure(minutes(figures.p50), "分钟"))),
      el("tr", {}, el("th", { scope: "row" }, "九成的人在此以内"), el("td", { class: "value" }, figure(minutes(figures.p90), "分钟"))),
      el("tr", { class: "rule" }, el("th", { scope: "row" }, "直线圈内"), el("td", { class: "value" }, figure(percent(ratioOf(figures.circle, figures.total)), "%"))),
      el("tr", {}, el("th", { scope: "row" }, "其中多算"), el("td", { class: "value" }, figure(whole(figures.overstated), "人"))))),
    division.children.length && nextLevel(division.level)
      ? el("button", { type: "button", class: "wide", on: { click: () => act.drill(division) } }, `查看 ${whole(division.children.length)} 个${LEVEL_TITLES[nextLevel(division.level)]}`)
      : null,
    el("p", { class: "muted small" }, `${type.title} · ${group.title} · ${limitText(type)}`));
}

const COLUMNS = [
  { key: "name", title: "名称", text: true, of: (row) => row.division.name },
  { key: "total", title: "总人数（人）", of: (row) => row.figures.total, show: whole },
  { key: "covered", title: "已覆盖（人）", of: (row) => row.figures.covered, show: whole },
  { key: "ratio", title: "覆盖率（%）", of: (row) => row.figures.ratio, show: percent },
  { key: "tooFar", title: "超出标准（人）", of: (row) => row.figures.tooFar, show: whole },
  { key: "gateClosed", title: "小区门关闭（人）", of: (row) => row.figures.gateClosed, show: whole },
  { key: "disconnected", title: "路网不连通（人）", of: (row) => row.figures.disconnected, show: whole },
  { key: "notLinked", title: "未接入路网（人）", of: (row) => row.figures.notLinked, show: whole },
  { key: "circle", title: "直线圈内（%）", of: (row) => ratioOf(row.figures.circle, row.figures.total), show: percent },
  { key: "overstated", title: "直线多算（人）", of: (row) => row.figures.overstated, show: whole },
  { key: "p50", title: "中位（分钟）", of: (row) => row.figures.p50, show: minutes },
  { key: "p90", title: "九成以内（分钟）", of: (row) => row.figures.p90, show: minutes },
];

function sortedRows(state) {
  const rows = rankedDivisions(state);
  const sort = state.sort;
  if (!sort) return rows;
  const column = COLUMNS.find((item) => item.key === sort.key);
  const sign = sort.isDown ? -1 : 1;
  const collator = new Intl.Collator("zh-CN");
  return rows.sort((a, b) => {
    const x = column.of(a);
    const y = column.of(b);
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * (column.text ? collator.compare(x, y) : x - y);
  });
}

// The unit stands under the title, so that twelve columns fit beside the panel.
function headText(title, arrow) {
  const [words, unit] = title.split("（");
  return [words + arrow, el("small", {}, unit ? unit.replace("）", "") : "\u00a0")];
}

function divisionTable(state, rows, act) {
  const heads = COLUMNS.map((column) => {
    const isSorted = state.sort && state.sort.key === column.key;
    const sort = isSorted ? (state.sort.isDown ? "descending" : "ascending") : "none";
    const arrow = isSorted ? (state.sort.isDown ? " ↓" : " ↑") : "";
    return el("th", { scope: "col", "aria-sort": act ? sort : null, class: column.text ? "text" : null },
      act ? el("button", { type: "button", on: { click: () => act.sort(column.key) } }, headText(column.title, arrow)) : headText(column.title, ""));
  });
  const body = rows.map((row) =>
    el("tr", { "data-code": row.division.code, class: act && state.division === row.division ? "is-chosen" : null,
      on: act ? { click: () => act.division(row.division), mouseenter: () => act.hover(row.division), mouseleave: () => act.hover(null) } : null },
      COLUMNS.map((column) => {
        const value = column.of(row);
        if (column.text) return el("th", { scope: "row" }, act ? el("button", { type: "button" }, value) : value);
        return el("td", {}, column.show(value));
      })));
  return el("table", { class: "grid" }, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, body));
}

function fillDock(state, act) {
  const box = document.getElementById("dock");
  box.hidden = !state.dock;
  document.getElementById("stage").classList.toggle("has-dock", state.dock);
  if (!state.dock) return;
  const scroll = box.querySelector(".dock-scroll");
  const top = scroll ? scroll.scrollTop : 0;
  const scope = state.scope ? pathOfDivision(state.scope) : "全域";
  const rows = sortedRows(state);
  box.replaceChildren(
    el("div", { class: "dock-head" }, el("h2", {}, `${state.type.title} · ${scope} · ${LEVEL_TITLES[state.level]}`), el("span", { class: "muted" }, `${whole(rows.length)} 行 · ${state.group.title}`),
      el("span", { class: "spacer" }), el("button", { type: "button", class: "icon", "aria-label": "收起数据表", on: { click: act.dock } }, svg(ICONS.close, 16))),
    el("div", { class: "dock-scroll", tabindex: 0 }, divisionTable(state, rows, act)));
  box.querySelector(".dock-scroll").scrollTop = top;
}

// Printed after the map: the whole table of the chosen level, all gaps, parameters and quality.
function fillPrint(state) {
  const { report, type, group } = state;
  const rows = rankedDivisions({ ...state, scope: null, level: presentLevels(state).includes("township") ? "township" : state.level });
  const gaps = type.gaps.map((gap) => el("tr", {}, el("td", {}, String(gap.rank)), el("th", { scope: "row" }, gap.place), el("td", {}, whole(gap.persons[0])), el("td", { class: "text" }, gap.facility || "—"), el("td", {}, whole(gap.metres)), el("td", { class: "text" }, gapReason(gap))));
  document.getElementById("print-pages").replaceChildren(
    el("h2", {}, `${type.title} · 各乡镇（街道） · ${group.title} · ${type.standard}`), divisionTable({ ...state, sort: null }, rows, null),
    gaps.length ? el("div", { class: "print-block" }, el("h2", {}, `${type.title} · 服务盲区`), el("table", { class: "grid" }, el("thead", {}, el("tr", {}, ["序号", "位置", "人数（人）", "最近设施", "步行（米）", "原因"].map((title, i) => el("th", { scope: "col", class: [1, 3, 5].includes(i) ? "text" : null }, title)))), el("tbody", {}, gaps))) : "",
    el("div", { class: "print-block" }, noteList(state)));
}
