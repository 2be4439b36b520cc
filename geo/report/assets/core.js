// Small helpers: elements without markup (every text goes in as text), numbers as Chinese readers write them.

const LEVEL_TITLES = { province: "省", prefecture: "市", county: "区县", township: "乡镇（街道）", village: "村（社区）" };
const STATUS_TITLES = ["已覆盖", "超出标准", "小区门关闭", "路网不连通", "未接入路网"];
const STATUS_REASONS = [
  "",
  "最近的开放设施超出时限或距离",
  "所有小区门都开放时可以到达",
  "所在路网片段内没有开放的设施",
  "连接距离上限内没有可步行的街道",
];
const FACILITY_STATUS = { open: "开放", planned: "规划", building: "在建", suspended: "暂停", closed: "停办" };

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [type, handler] of Object.entries(value)) node.addEventListener(type, handler);
    else if (key === "style") for (const [name, text] of Object.entries(value)) node.style.setProperty(name, text);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function svg(path, size, options) {
  const ns = "http://www.w3.org/2000/svg";
  const node = document.createElementNS(ns, "svg");
  node.setAttribute("viewBox", (options && options.box) || "0 0 16 16");
  node.setAttribute("width", size);
  node.setAttribute("height", size);
  node.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(ns, "path");
  line.setAttribute("d", path);
  line.setAttribute("fill", (options && options.fill) || "none");
  line.setAttribute("stroke", "currentColor");
  line.setAttribute("stroke-width", (options && options.width) || 1.5);
  line.setAttribute("stroke-linejoin", "round");
  line.setAttribute("stroke-linecap", "round");
  node.append(line);
  return node;
}

const ICONS = {
  moon: "M13 9.6A5.6 5.6 0 0 1 6.4 3a5.6 5.6 0 1 0 6.6 6.6Z",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM8 1.2v1.6M8 13.2v1.6M1.2 8h1.6M13.2 8h1.6M3.2 3.2l1.1 1.1M11.7 11.7l1.1 1.1M3.2 12.8l1.1-1.1M11.7 4.3l1.1-1.1",
  print: "M4.5 6V2h7v4M4.5 11.5H2.5v-5h11v5h-2M4.5 9.5h7V14h-7Z",
  close: "M4 4l8 8M12 4l-8 8",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  home: "M2.5 7.5 8 2.8l5.5 4.7M4 6.8V13h8V6.8",
  table: "M2.5 3.5h11v9h-11ZM2.5 6.5h11M2.5 9.5h11M6.5 6.5v6",
  chevron: "M6 3.5 10.5 8 6 12.5",
  fly: "M8 14s4.5-4.2 4.5-7.6a4.5 4.5 0 0 0-9 0C3.5 9.8 8 14 8 14ZM8 8a1.6 1.6 0 1 0 0-3.2A1.6 1.6 0 0 0 8 8Z",
};

// One shape per family, so that types can be told apart in a grey print.
const GLYPHS = {
  EL: "M8 2 14 7.2V14H2V7.2Z",
  CH: "M8 2.2 14.2 13.4H1.8Z",
  SW: "M2.8 2.8h10.4v10.4H2.8Z",
  RL: "M8 1.6 14.4 8 8 14.4 1.6 8Z",
  MR: "M8 2.2a5.8 5.8 0 1 0 0 11.6A5.8 5.8 0 0 0 8 2.2Z",
  FU: "M3.4 14V6.6a4.6 4.6 0 0 1 9.2 0V14Z",
  CS: "M4.9 2.6h6.2L14.2 8l-3.1 5.4H4.9L1.8 8Z",
};

function glyph(family) {
  return GLYPHS[family] || GLYPHS.MR;
}

const wholeFormat = new Intl.NumberFormat("zh-CN", { maximumFractionDigits: 0 });
const oneFormat = new Intl.NumberFormat("zh-CN", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const fineFormat = new Intl.NumberFormat("zh-CN", { maximumFractionDigits: 2 });

function isMissing(value) {
  return value === null || value === undefined || Number.isNaN(value);
}

function whole(value) {
  return isMissing(value) ? "—" : wholeFormat.format(value);
}

function percent(ratio) {
  if (isMissing(ratio)) return "—";
  // Never rounded up to a whole that is not reached.
  const shown = ratio < 1 ? Math.min(ratio * 100, 99.9) : 100;
  return ratio > 0 && shown < 0.1 ? "<0.1" : oneFormat.format(shown);
}

function minutes(seconds) {
  return isMissing(seconds) ? "—" : oneFormat.format(seconds / 60);
}

function ratioOf(part, total) {
  return isMissing(part) || isMissing(total) || total <= 0 ? null : part / total;
}

function figure(number, unit) {
  return number === "—" ? ["—"] : [number, el("small", {}, " " + unit)];
}

function speedText(speed) {
  return isMissing(speed) ? "按年龄段步速" : fineFormat.format(speed) + " m/s";
}

function walkText(type, value) {
  if (isMissing(value)) return "—";
  return type.minutes !== null ? minutes(value) + " 分钟" : whole(value) + " 米";
}

function limitText(type) {
  return type.minutes !== null ? fineFormat.format(type.minutes) + " 分钟" : whole(type.metres) + " 米";
}

function cssToken(name) {
  return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}
