// Top of the panel: service, group, three key figures. Every figure is a button that opens its arithmetic.

function tabs(label, items, chosen, onChoose, className) {
  const list = el("div", { class: className, role: "tablist", "aria-label": label });
  const buttons = items.map((item, index) =>
    el("button", {
      type: "button", role: "tab", id: item.id, "aria-selected": item.key === chosen ? "true" : "false",
      tabindex: item.key === chosen ? 0 : -1, "data-key": item.key, title: item.hint || null,
      on: { click: () => onChoose(item.key), keydown: (event) => moveFocus(event, buttons, index, onChoose, items) },
    }, item.body)
  );
  list.append(...buttons);
  return list;
}

function moveFocus(event, buttons, index, onChoose, items) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  event.stopPropagation();
  const next = (index + step + buttons.length) % buttons.length;
  const list = buttons[index].parentNode.className;
  onChoose(items[next].key);
  const again = document.querySelector(`.${list.split(" ").join(".")} [data-key="${CSS.escape(items[next].key)}"]`);
  if (again) again.focus();
}

function typeTabs(state, choose) {
  const items = state.report.types.map((type) => ({
    key: type.slug, id: "type-" + type.slug, body: [svg(glyph(type.family), 16), el("span", {}, type.title)],
  }));
  const list = tabs("设施类型", items, state.type.slug, choose, "type-tabs");
  list.style.setProperty("--columns", Math.min(3, items.length));
  return list;
}

function groupTabs(state, choose) {
  const groups = state.type.groups;
  if (groups.length < 2) return null;
  const items = groups.map((group) => ({ key: group.slug, id: "group-" + group.slug, body: [group.title] }));
  return tabs("人群", items, state.group.slug, choose, "group-tabs");
}

function keyFigure(id, title, number, unit, under, explanation) {
  const isLong = number.length > 8;
  return el("button", {
    type: "button", class: "key-figure" + (isLong ? " is-long" : ""), id, "aria-haspopup": "dialog",
    on: { click: (event) => openExplain(event.currentTarget, explanation()) },
  }, el("span", { class: "key-title" }, title), el("span", { class: "key-number" }, figure(number, unit)),
    under ? el("span", { class: "key-under" }, under) : null);
}

const STATUS_KEYS = ["covered", "tooFar", "gateClosed", "disconnected", "notLinked"];

function statusBar(persons) {
  const total = persons[0];
  const bar = el("div", { class: "status-bar", role: "img" });
  const words = [];
  persons.slice(1).forEach((count, i) => {
    if (!count) return;
    words.push(`${STATUS_TITLES[i]} ${whole(count)} 人`);
    bar.append(el("span", { class: "status-" + STATUS_KEYS[i], style: { flex: `${count / total} 0 0` } }));
  });
  bar.setAttribute("aria-label", words.join(",") || "没有人口数据");
  return bar;
}

function circleLine(circle) {
  return circle.radius ? `半径 ${whole(circle.radius)} 米（${circle.basis}）` : circle.basis;
}

function keyFigures(state) {
  const { type, group } = state;
  const [total, covered] = group.persons;
  const ratio = ratioOf(covered, total);
  const circle = group.circle;
  const box = el("div", { class: "key-figures" }, el("p", { class: "print-subject" }, `${type.title} · ${group.title} · ${type.standard}`));
  box.append(
    keyFigure("figure-covered", "覆盖率", percent(ratio), "%", `${whole(covered)} / ${whole(total)} 人`, () => explainCovered(state)),
    statusBar(group.persons),
    el("div", { class: "key-pair" },
      keyFigure("figure-uncovered", "未覆盖", whole(total - covered), "人", gapsLine(type), () => explainUncovered(state)),
      circle
        ? keyFigure("figure-circle", "直线画圈多算", whole(circle.overstated), "人", circleShareLine(circle, ratio), () => explainCircle(state))
        : keyFigure("figure-circle", "直线画圈多算", "—", "", "本次分析没有比较", () => explainCircle(state))
    )
  );
  return box;
}

function gapsLine(type) {
  return type.gaps.length ? `${whole(type.gaps.length)} 处服务盲区` : "没有成片的盲区";
}

function circleShareLine(circle, ratio) {
  const share = ratioOf(circle.persons, circle.total);
  return share === null || ratio === null ? "" : `圈内 ${percent(share)}%，实际 ${percent(ratio)}%`;
}

function explainCovered(state) {
  const { type, group } = state;
  const [total, covered] = group.persons;
  return {
    title: `${type.title} · 人口覆盖率（${type.minutes !== null ? "M04" : "M01"}）`,
    formula: [["分子", `步行${limitText(type)}以内的人`, whole(covered) + " 人"], ["分母", group.title, whole(total) + " 人"],
      ["结果", "分子 ÷ 分母", percent(ratioOf(covered, total)) + "%"]],
    facts: runFacts(state),
  };
}

function explainUncovered(state) {
  const { type, group } = state;
  const rows = STATUS_KEYS.slice(1).map((key, i) => [STATUS_TITLES[i + 1], STATUS_REASONS[i + 1], whole(group.persons[i + 2]) + " 人"]);
  rows.push(["合计", "总人数减去覆盖的人", whole(group.persons[0] - group.persons[1]) + " 人"]);
  return { title: `${type.title} · 未覆盖的人（M07）`, formula: rows, facts: runFacts(state) };
}

function explainCircle(state) {
  const { type, group } = state;
  const circle = group.circle;
  const [total, covered] = group.persons;
  const rows = circle
    ? [["圈内的人", circleLine(circle), whole(circle.persons) + " 人"], ["其中多算", "在圈内，按路网却未覆盖", whole(circle.overstated) + " 人"],
        ["圈内比例", `÷ ${whole(circle.total)} 人`, percent(ratioOf(circle.persons, circle.total)) + "%"],
        ["实际覆盖率", "按路网步行", percent(ratioOf(covered, total)) + "%"]]
    : [["无数据", "本次分析没有计算直线圈", "—"]];
  for (const other of type.circles)
    rows.push([`${whole(other.radius)} 米圈`, other.basis, `${percent(ratioOf(other.persons, other.total))}%，多算 ${whole(other.overstated)} 人`]);
  return { title: `${type.title} · 直线画圈与实际步行（M06）`, formula: rows, facts: runFacts(state) };
}

function runFacts(state) {
  const { report, type, group } = state;
  return [["标准", type.standard], ["步速", speedText(group.speed)], ["人口", report.population], ["数据日期", report.dataDate],
    ["运行编号", type.run || "—"]];
}

let explainOrigin = null;

function openExplain(origin, content) {
  const box = document.getElementById("explain");
  explainOrigin = origin;
  box.replaceChildren(
    el("div", { class: "explain-head" }, el("h2", { id: "explain-title" }, content.title),
      el("button", { type: "button", class: "icon", "aria-label": "关闭", on: { click: closeExplain } }, svg(ICONS.close, 16))),
    el("table", { class: "formula" }, el("tbody", {}, content.formula.map(([name, how, value]) =>
      el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "how" }, how), el("td", { class: "value" }, value))))),
    el("dl", { class: "facts" }, content.facts.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]))
  );
  box.setAttribute("aria-labelledby", "explain-title");
  box.hidden = false;
  const at = origin.getBoundingClientRect();
  const width = box.offsetWidth;
  const left = at.right + 12 + width < window.innerWidth ? at.right + 12 : Math.max(12, at.left - width - 12);
  box.style.left = Math.max(12, Math.min(left, window.innerWidth - width - 12)) + "px";
  box.style.top = Math.max(52, Math.min(at.top, window.innerHeight - box.offsetHeight - 12)) + "px";
  box.querySelector("button").focus();
}

function closeExplain() {
  const box = document.getElementById("explain");
  if (box.hidden) return false;
  box.hidden = true;
  if (explainOrigin && explainOrigin.isConnected) explainOrigin.focus();
  explainOrigin = null;
  return true;
}
