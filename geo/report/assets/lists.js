// Lower part of the panel: ranked divisions, gaps, indicators, and what the numbers rest on.

const VIEWS = [
  { key: "rank", title: "排名" },
  { key: "gaps", title: "盲区" },
  { key: "indicators", title: "指标" },
  { key: "notes", title: "说明" },
];

function viewTabs(state, choose) {
  const items = VIEWS.map((view) => ({
    key: view.key, id: "view-" + view.key,
    body: [view.title, view.key === "gaps" ? el("span", { class: "count" }, whole(state.type.gaps.length)) : null],
  }));
  return tabs("内容", items, state.listing, choose, "view-tabs");
}

function isWithin(division, ancestor) {
  for (let up = division; up; up = up.up) if (up === ancestor) return true;
  return false;
}

const nextLevel = (level) => ({ province: "prefecture", prefecture: "county", county: "township", township: "village" })[level];

function presentLevels(state) {
  const { total } = state.group.people;
  return ["county", "township", "village"].filter((level) =>
    state.report.divisions.some((division) => division.level === level && total[division.index] >= 0)
  );
}

// Divisions of the chosen level inside the chosen scope, worst first.
function rankedDivisions(state) {
  const rows = [];
  for (const division of state.report.divisions) {
    if (division.level !== state.level && !(division.code === "outside" && !state.scope)) continue;
    if (state.scope && !isWithin(division, state.scope)) continue;
    const figures = divisionFigures(state.group, division.index);
    if (figures.total === 0 || (figures.total === null && division.level !== "village")) continue;
    rows.push({ division, figures });
  }
  const worst = state.order === "ratio" ? (row) => row.figures.ratio ?? 2 : (row) => -(row.figures.uncovered ?? -1);
  rows.sort((a, b) => worst(a) - worst(b) || (b.figures.total || 0) - (a.figures.total || 0) || (a.division.code < b.division.code ? -1 : 1));
  return rows;
}

function segmented(label, items, chosen, onChoose) {
  return el("div", { class: "segmented", role: "group", "aria-label": label }, items.map(([key, title]) =>
    el("button", { type: "button", "aria-pressed": key === chosen ? "true" : "false", "data-key": key, on: { click: () => onChoose(key) } }, title)));
}

function scopeLine(state, act) {
  const line = el("nav", { class: "scope", "aria-label": "范围" });
  const chain = [];
  for (let up = state.scope; up; up = up.up) chain.unshift(up);
  if (chain[0] && chain[0].level === "prefecture") chain.shift();
  const crumb = (title, scope) => el("button", { type: "button", "aria-current": scope === state.scope ? "true" : null, on: { click: () => act.scope(scope) } }, title);
  line.append(crumb("全域", null));
  for (const division of chain) line.append(el("span", { "aria-hidden": "true" }, "›"), crumb(division.name, division));
  return line;
}

const FIRST_ROWS = 40;

function rankList(state, act) {
  if (!presentLevels(state).length)
    return el("p", { class: "empty" }, "没有分区数据，因为没有导入行政区划，可以看上方的合计、地图和“指标”。");
  const rows = rankedDivisions(state);
  const most = Math.max(1, ...rows.map((row) => row.figures.uncovered || 0));
  const box = el("div", { class: "rank" });
  const levels = presentLevels(state).filter((level) => !state.scope || ["county", "township"].indexOf(state.scope.level) < ["county", "township", "village"].indexOf(level))
    .filter((level) => level !== "village" || state.scope);
  box.append(
    scopeLine(state, act),
    el("div", { class: "rank-head" },
      levels.length > 1 ? segmented("级别", levels.map((level) => [level, LEVEL_TITLES[level]]), state.level, act.level) : el("span", { class: "muted" }, LEVEL_TITLES[state.level]),
      sortButton(state, act, "ratio", "覆盖率", "覆盖率最低的在前"), sortButton(state, act, "people", "未覆盖", "未覆盖人数最多的在前"))
  );
  if (!rows.length) {
    box.append(el("p", { class: "empty" }, `没有${LEVEL_TITLES[state.level]}数据，因为这里没有导入这一级区划，可以返回上一级查看。`));
    return box;
  }
  const list = el("ol", { class: "bars" });
  const shown = state.allRows ? rows : rows.slice(0, FIRST_ROWS);
  for (const { division, figures } of shown) list.append(rankRow(state, act, division, figures, most));
  box.append(list);
  if (rows.length > shown.length)
    box.append(el("button", { type: "button", class: "more", on: { click: act.allRows } }, `显示全部 ${whole(rows.length)} 个`));
  return box;
}

function sortButton(state, act, key, title, hint) {
  const isOn = state.order === key;
  return el("button", { type: "button", class: "sort", "data-key": key, title: hint, "aria-pressed": isOn ? "true" : "false", on: { click: () => act.order(key) } },
    title, el("span", { "aria-hidden": "true" }, isOn ? (key === "ratio" ? " ↑" : " ↓") : ""));
}

function rankRow(state, act, division, figures, most) {
  const isHidden = figures.total === null;
  const byRatio = state.order === "ratio";
  const width = byRatio ? (figures.ratio || 0) * 100 : ((figures.uncovered || 0) / most) * 100;
  const canDrill = division.children.length && nextLevel(division.level);
  const label = isHidden
    ? `${division.name}，不足 ${state.report.minimum} 人，不显示`
    : `${division.name}，覆盖率 ${percent(figures.ratio)}%，未覆盖 ${whole(figures.uncovered)} 人`;
  return el("li", { "data-code": division.code, class: state.division === division ? "is-chosen" : null },
    el("button", {
      type: "button", class: "bar", "aria-label": label, title: isHidden ? `不足 ${state.report.minimum} 人，不显示` : null,
      on: { click: () => act.division(division), mouseenter: () => act.hover(division), mouseleave: () => act.hover(null) },
    }, el("span", { class: "bar-name" }, division.name), el("span", { class: "bar-track" + (byRatio ? " is-ratio" : "") + (isHidden ? " is-empty" : "") },
      isHidden ? null : el("span", { style: { width: width.toFixed(1) + "%" } })),
      el("span", { class: "bar-value" + (byRatio ? " is-sorted" : "") }, isHidden ? "—" : figure(percent(figures.ratio), "%")),
      el("span", { class: "bar-value" + (byRatio ? "" : " is-sorted") }, isHidden ? "—" : figure(whole(figures.uncovered), "人"))),
    canDrill ? el("button", { type: "button", class: "drill", "aria-label": `查看${division.name}下级`, title: "查看下级", on: { click: () => act.drill(division) } }, svg(ICONS.chevron, 14)) : el("span", { class: "drill" }));
}

function gapReason(gap) {
  const parts = STATUS_TITLES.slice(1).map((title, i) => [title, gap.persons[i + 2]]).filter(([, count]) => count > 0);
  parts.sort((a, b) => b[1] - a[1]);
  if (!parts.length) return "多种原因";
  return parts.length === 1 ? parts[0][0] : parts.flatMap(([title, count], i) => [i ? " · " : "", el("span", {}, `${title} ${whole(count)} 人`)]);
}

function gapNearest(gap) {
  if (isMissing(gap.metres)) return gap.persons[2] !== 0 ? "搜索上限内走不到任何开放的设施" : "没有步行路径通往开放的设施";
  return [`最近 ${gap.facility || "设施"}，`, el("span", {}, `步行 ${whole(gap.metres)} 米`)];
}

function gapList(state, act) {
  const { gaps, hiddenGaps } = state.type;
  const box = el("div", { class: "gaps" });
  if (!gaps.length) {
    box.append(el("p", { class: "empty" }, "没有成片的服务盲区，因为未覆盖的人都很分散，可以在“排名”里按人数查看。"));
    return box;
  }
  box.append(el("p", { class: "muted lead" }, "连片未覆盖的区域，按人数从多到少。"));
  const shown = state.allRows || gaps.indexOf(state.gap) >= FIRST_ROWS ? gaps : gaps.slice(0, FIRST_ROWS);
  box.append(el("ol", { class: "gap-list" }, shown.map((gap) =>
    el("li", { class: state.gap === gap ? "is-chosen" : null, "data-rank": gap.rank },
      el("button", { type: "button", class: "gap", on: { click: () => act.gap(gap) }, "aria-label": `第 ${gap.rank} 处盲区，${gap.place}，${whole(gap.persons[0])} 人，飞到` },
        el("span", { class: "gap-rank" }, String(gap.rank)),
        el("span", { class: "gap-text" }, el("span", { class: "gap-place" }, gap.place), el("span", { class: "gap-why" }, gapNearest(gap)), el("span", { class: "gap-why" }, gapReason(gap))),
        el("span", { class: "gap-people" }, figure(whole(gap.persons[0]), "人"), el("span", { class: "fly" }, "飞到")))))));
  if (gaps.length > shown.length)
    box.append(el("button", { type: "button", class: "more", on: { click: act.allRows } }, `显示全部 ${whole(gaps.length)} 处`));
  if (state.type.scattered) box.append(el("p", { class: "muted lead" }, `其余未覆盖的 ${whole(state.type.scattered)} 人居住分散，不成片。`));
  if (hiddenGaps) box.append(el("p", { class: "muted" }, `另有 ${whole(hiddenGaps)} 处不足 ${state.report.minimum} 人，不单独列出，已计入合计。`));
  return box;
}

function indicatorValue(row) {
  if (isMissing(row.value)) return ["—"];
  if (row.unit === "%") return figure(percent(row.value), "%");
  if (row.unit === "百分点") return figure(oneFormat.format(row.value * 100), "百分点");
  return figure(Math.abs(row.value) >= 100 ? whole(row.value) : fineFormat.format(row.value), row.unit);
}

function indicatorList(state) {
  const rows = state.type.indicators;
  if (!rows.length) return el("p", { class: "empty" }, "没有指标，因为本次分析没有计算指标，可以查看上方的三个数。");
  return el("ul", { class: "indicators" }, rows.map((row) =>
    el("li", {}, el("button", { type: "button", class: "indicator", "aria-haspopup": "dialog", on: { click: (event) => openExplain(event.currentTarget, explainIndicator(state, row)) } },
      el("span", { class: "indicator-id" }, row.id), el("span", { class: "indicator-title" }, row.title, isMissing(row.value) && row.note ? el("span", { class: "gap-why" }, row.note) : null),
      el("span", { class: "bar-value" }, indicatorValue(row))))));
}

function explainIndicator(state, row) {
  const formula = [];
  if (!isMissing(row.numerator)) formula.push(["分子", row.numeratorTitle, whole(row.numerator)]);
  if (!isMissing(row.denominator)) formula.push(["分母", row.denominatorTitle, whole(row.denominator)]);
  formula.push(["结果", row.title, el("span", {}, indicatorValue(row))]);
  const facts = [["方法", row.method], ["区划口径", row.unitSet], ["来源", row.source], ["质量", row.quality], ["备注", row.note], ...runFacts(state)];
  return { title: `${row.id} ${row.title} · ${state.type.title}`, formula, facts: facts.filter(([, value]) => value) };
}

function noteList(state) {
  const { report } = state;
  const section = (title, ...body) => el("section", {}, el("h3", {}, title), ...body);
  const facts = (pairs) => el("dl", { class: "facts" }, pairs.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  const moved = report.grid && report.grid.moved ? `其中 ${whole(report.grid.moved)} 人居住过于分散，并入最近的网格。` : "";
  return el("div", { class: "notes" },
    section("参数", facts([...report.parameters, ["人口口径", report.population], ["数据日期", report.dataDate], ["生成日期", report.generatedOn]])),
    report.quality.length ? section("数据质量", el("ul", { class: "plain" }, report.quality.map(([title, count, unit, note]) =>
      el("li", {}, el("span", {}, title, isMissing(count) ? "" : [" ", el("b", {}, whole(count)), ` ${unit}`]), el("span", { class: "gap-why" }, note))))) : null,
    report.imports.length ? section("导入", el("ul", { class: "plain" }, report.imports.map(([layer, source, file, day, read, stored, repaired, refused]) =>
      el("li", {}, el("span", {}, `${layer} · ${file}`), el("span", { class: "gap-why" }, `${day} · 读取 ${whole(read)}，入库 ${whole(stored)}，修正 ${whole(repaired)}，拒绝 ${whole(refused)}`))))) : null,
    report.sources.length ? section("来源", el("ul", { class: "plain" }, report.sources.map(([title, day, note]) =>
      el("li", {}, el("span", {}, `${title}(${day})`), note ? el("span", { class: "gap-why" }, note) : null)))) : null,
    section("说明", el("ul", { class: "plain" },
      el("li", {}, `地图按网格显示，每格边长不小于 100 米、不少于 ${report.minimum} 人；不显示任何个人位置。${moved}`),
      el("li", {}, `盲区人数取整到 ${report.minimum} 的倍数；个别原因不足 ${report.minimum} 人时不列各原因人数。`),
      el("li", {}, "坐标系为 CGCS2000。界线经过简化，示意图，不作为划界依据。"),
      el("li", {}, "时间从住处走到设施，包括两端到街道的距离；小区门按出行时刻判断。"),
      el("li", {}, "地图组件：Leaflet 1.9.4(BSD-2-Clause)。"))));
}
