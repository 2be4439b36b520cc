// Paints the map: land, water and roads, cells, borders, gaps, facilities, names — data above everything else.

const CELL_MIN_PX = 2.6;

function coloursNow() {
  const names = ["land", "outside", "water", "green", "road", "road-casing", "rail", "border", "label", "halo", "gap", "mark",
    "mark-fill", "mark-far", "hatch", "hatch-ground", "accent", "ink", "ground"];
  const colours = Object.fromEntries(names.map((name) => [name, cssToken(name)]));
  colours.classes = [0, 1, 2, 3, 4, 5].map((i) => cssToken("class-" + i));
  colours.font = cssToken("font");
  return colours;
}

// Cells of one size: those small enough are added up by class, and the block shows its median person's class.
function cellLevel(grid, cells, level) {
  if (cells.levels.has(level)) return cells.levels.get(level);
  const blocks = new Map();
  for (let i = 0; i < grid.size; i++) {
    if (cells.classes[i] < 0) continue;
    const side = Math.max(2 ** level, grid.span[i]);
    const column = Math.floor(grid.column[i] / side) * side;
    const row = Math.floor(grid.row[i] / side) * side;
    const key = side * 2 ** 46 + row * 2 ** 23 + column;
    let block = blocks.get(key);
    if (!block) blocks.set(key, (block = { column, row, side, weights: new Float64Array(7), total: 0 }));
    block.weights[cells.classes[i]] += grid.persons[i];
    block.total += grid.persons[i];
  }
  const byClass = Array.from({ length: 7 }, () => []);
  for (const block of blocks.values()) {
    let sum = 0;
    let found = 0;
    for (; found < 6; found++) {
      sum += block.weights[found];
      if (sum * 2 >= block.total && sum > 0) break;
    }
    byClass[found].push(
      unitX(grid.west + block.column * grid.dx), unitY(grid.south + (block.row + block.side) * grid.dy),
      unitX(grid.west + (block.column + block.side) * grid.dx), unitY(grid.south + block.row * grid.dy)
    );
  }
  const made = byClass.map((list) => Float64Array.from(list));
  cells.levels.set(level, made);
  return made;
}

function fillOfClass(view, colours, number) {
  return number === 6 ? hatch(view.context, colours["hatch-ground"], colours.hatch, 5, view.ratio) : colours.classes[number];
}

function paintCells(view, colours, grid, cells, isPrint) {
  if (!grid || !cells) return;
  const unitPx = (view.world * grid.dx) / 360;
  const level = Math.max(0, Math.ceil(Math.log2(CELL_MIN_PX / unitPx)));
  const blocks = cellLevel(grid, cells, level);
  const sidePx = unitPx * 2 ** level;
  const seam = sidePx > 14 ? 1 : 0;
  const { context } = view;
  blocks.forEach((list, number) => {
    const path = new Path2D();
    for (let i = 0; i < list.length; i += 4) {
      if (list[i + 2] < view.box[0] || list[i] > view.box[2] || list[i + 3] < view.box[1] || list[i + 1] > view.box[3]) continue;
      const x = Math.round(list[i] * view.world - view.left);
      const y = Math.round(list[i + 1] * view.world - view.top);
      const width = Math.round(list[i + 2] * view.world - view.left) - x - seam;
      const height = Math.round(list[i + 3] * view.world - view.top) - y - seam;
      path.rect(x, y, Math.max(1, width), Math.max(1, height));
    }
    context.fillStyle = fillOfClass(view, colours, number);
    context.fill(path);
    if (isPrint && number >= 3 && number < 6) {
      context.fillStyle = hatch(context, "", number === 5 ? "rgba(255,255,255,.55)" : "rgba(70,30,0,.5)", 4, view.ratio);
      context.fill(path);
    }
  });
}

// The median person's class, counting those who reach nothing: the stored median is only about those who do.
function fillClass(type, figures) {
  if ((figures.disconnected + figures.notLinked) * 2 > figures.total) return 6;
  const median = type.minutes !== null ? figures.p50 : figures.p50m;
  const status = figures.covered * 2 >= figures.total ? 0 : 1;
  return classOf(type, status, median === null ? MISSING_WALK : median);
}

function paintFills(view, colours, type, group, divisions, level) {
  const byClass = Array.from({ length: 7 }, () => []);
  for (const division of divisions) {
    if (division.level !== level || !division.shape || !isVisible(view, division.shape.box)) continue;
    const figures = divisionFigures(group, division.index);
    if (figures.total === null || figures.total === 0) continue;
    byClass[fillClass(type, figures)].push(division.shape);
  }
  byClass.forEach((shapes, number) => {
    if (!shapes.length) return;
    view.context.fillStyle = fillOfClass(view, colours, number);
    view.context.fill(pathOf(view, shapes, true), "evenodd");
  });
}

function paintLand(view, colours, report, hasBaseMap) {
  const { context } = view;
  if (hasBaseMap) return;
  context.fillStyle = colours.outside;
  context.fillRect(0, 0, view.width, view.height);
  const top = ["province", "prefecture", "county", "township"].find((level) =>
    report.divisions.some((division) => division.level === level && division.shape)
  );
  const shapes = report.divisions.filter((division) => division.level === top).map((division) => division.shape);
  context.fillStyle = colours.land;
  if (shapes.length) context.fill(pathOf(view, shapes, true), "evenodd");
  else context.fillRect(0, 0, view.width, view.height);
  const kinds = (kind) => report.context.filter((item) => item.kind === kind).map((item) => item.shape);
  for (const kind of ["green", "water"]) {
    context.fillStyle = colours[kind];
    context.fill(pathOf(view, kinds(kind), true), "evenodd");
  }
  const roads = pathOf(view, kinds("main_road"), false);
  context.lineJoin = context.lineCap = "round";
  const width = view.zoom < 11 ? 1.2 : view.zoom < 13 ? 2 : 3.5;
  if (width > 1.5) stroke(context, roads, colours["road-casing"], width + 1.2);
  stroke(context, roads, colours.road, width);
  stroke(context, pathOf(view, kinds("railway"), false), colours.rail, 1, [6, 4]);
}

function stroke(context, path, colour, width, dash) {
  context.setLineDash(dash || []);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke(path);
  context.setLineDash([]);
}

const BORDERS = [
  { level: "village", width: 0.7, dash: [1.5, 3], from: 12.5, opacity: 0.6 },
  { level: "township", width: 1, dash: [5, 3], from: 8.5, opacity: 0.55 },
  { level: "county", width: 1.5, dash: [9, 3, 2, 3], from: 0, opacity: 0.9 },
  { level: "prefecture", width: 2, dash: [], from: 0, opacity: 1 },
  { level: "province", width: 2.4, dash: [], from: 0, opacity: 1 },
];

function paintBorders(view, colours, report) {
  const { context } = view;
  context.lineJoin = "round";
  context.lineCap = "butt";
  for (const border of BORDERS) {
    if (view.zoom < border.from) continue;
    const shapes = report.divisions.filter((division) => division.level === border.level).map((division) => division.shape);
    const path = pathOf(view, shapes, true);
    context.globalAlpha = border.opacity;
    if (border.width >= 1.5) stroke(context, path, colours.halo, border.width + 1.6);
    stroke(context, path, colours.border, border.width, border.dash);
    context.globalAlpha = 1;
  }
}

// A place inside a shape, winding ones included: the middle of the widest stretch on a few lines across it.
function centreOf(shape) {
  if (shape.centre) return shape.centre;
  const [west, south, east, north] = shape.box;
  let best = [(west + east) / 2, (south + north) / 2];
  let widest = 0;
  for (const share of [0.501, 0.351, 0.651, 0.201, 0.801]) {
    const y = south + (north - south) * share;
    const crossings = [];
    for (const part of shape.parts) {
      for (let i = 0, j = part.length - 2; i < part.length; j = i, i += 2) {
        const [ax, ay, bx, by] = [part[j], part[j + 1], part[i], part[i + 1]];
        if ((ay > y) !== (by > y)) crossings.push(ax + ((y - ay) / (by - ay)) * (bx - ax));
      }
    }
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const width = crossings[i + 1] - crossings[i];
      // Nearer the middle wins unless another stretch is clearly wider.
      if (width > widest * 1.2) {
        widest = width;
        best = [(crossings[i] + crossings[i + 1]) / 2, y];
      }
    }
  }
  shape.centre = best;
  return best;
}

function paintGaps(view, colours, gaps, chosen, taken, isOnCells) {
  const { context } = view;
  const shown = gaps.filter((gap) => gap.shape && isVisible(view, gap.shape.box));
  const path = pathOf(view, shown.map((gap) => gap.shape), true, 14);
  context.lineJoin = "round";
  const isFar = view.zoom < 11.5;
  if (!isFar) stroke(context, path, colours.halo, 3.2);
  context.globalAlpha = isFar ? 0.85 : 1;
  if (!isFar || isOnCells) stroke(context, path, colours.gap, isFar ? 1 : 1.6);
  context.globalAlpha = 1;
  if (chosen && chosen.shape) {
    const own = pathOf(view, [chosen.shape], true, 14);
    stroke(context, own, colours.ground, 5);
    stroke(context, own, colours.gap, 2.6);
  }
  context.textAlign = "center";
  context.textBaseline = "middle";
  const limit = gapLimit(view.zoom);
  for (const gap of shown) {
    const isChosen = gap === chosen;
    if (gap.rank > limit && !isChosen) continue;
    const [ux, uy] = centreOf(gap.shape);
    const x = ux * view.world - view.left;
    const y = uy * view.world - view.top;
    const radius = isChosen ? 12 : 9.5;
    const box = [x - radius, y - radius, x + radius, y + radius];
    if (!isChosen && taken.some((other) => overlaps(other, box))) continue;
    taken.push(box);
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = colours.gap;
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = colours.halo;
    context.stroke();
    context.fillStyle = colours.ground;
    context.font = `600 ${String(gap.rank).length > 2 ? 9 : 11}px ${colours.font}`;
    context.fillText(String(gap.rank), x, y + 0.5);
  }
}

// Far out only the first ranks carry their number; the list has them all.
function gapLimit(zoom) {
  return zoom < 11 ? 12 : zoom < 12 ? 30 : Infinity;
}

function overlaps(a, b) {
  return a[0] < b[2] && a[2] > b[0] && a[1] < b[3] && a[3] > b[1];
}

const glyphPaths = new Map();
function glyphPath(family) {
  if (!glyphPaths.has(family)) glyphPaths.set(family, new Path2D(glyph(family)));
  return glyphPaths.get(family);
}

// Facilities that would cover each other are drawn once, with their number where there is room for it.
function facilityMarks(view, facilities) {
  const reach = view.zoom < 11 ? 9 : view.zoom < 13 ? 20 : view.zoom < 14.5 ? 15 : 1;
  const marks = new Map();
  for (const facility of facilities) {
    const x = facility.x * view.world - view.left;
    const y = facility.y * view.world - view.top;
    if (x < -20 || y < -20 || x > view.width + 20 || y > view.height + 20) continue;
    const key = Math.floor((facility.x * view.world) / reach) + "/" + Math.floor((facility.y * view.world) / reach);
    const mark = marks.get(key);
    if (!mark) marks.set(key, { x, y, members: [facility] });
    else mark.members.push(facility);
  }
  return [...marks.values()];
}

function paintFacilities(view, colours, type, marks) {
  const { context } = view;
  const size = view.zoom < 11 ? 4.5 : view.zoom < 12.5 ? 10 : 14;
  const path = glyphPath(type.family);
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const mark of marks) {
    const states = mark.members.map((facility) => facility.status);
    const isOpen = states.includes("open");
    const isPlanned = !isOpen && states.some((state) => state === "planned" || state === "building");
    const many = mark.members.length;
    const side = many > 1 && size > 6 ? size + 5 : size;
    mark.radius = size > 6 ? Math.max(12, side / 2) : 7;
    context.save();
    context.translate(mark.x - side / 2, mark.y - side / 2);
    context.scale(side / 16, side / 16);
    context.lineWidth = (size > 6 ? 1.4 : 1.1) * (16 / side);
    context.strokeStyle = size <= 6 ? colours["mark-far"] : colours.mark;
    context.fillStyle = isOpen && size <= 6 ? colours["mark-far"] : colours["mark-fill"];
    context.globalAlpha = isOpen ? (size > 6 ? 1 : 0.8) : isPlanned ? 0.9 : 0.75;
    if (!isPlanned || size > 6) context.fill(path);
    if (isPlanned) context.setLineDash([2.2 * (16 / side), 1.6 * (16 / side)]);
    context.stroke(path);
    context.setLineDash([]);
    if (!isOpen && !isPlanned && size > 6) {
      context.beginPath();
      context.moveTo(1, 15);
      context.lineTo(15, 1);
      context.stroke();
    }
    context.restore();
    if (size > 6) {
      context.fillStyle = colours.mark;
      if (many > 1) {
        context.font = `600 ${many > 9 ? 9 : 10}px ${colours.font}`;
        context.fillText(String(many), mark.x, mark.y + 1.5);
      } else if (isOpen) {
        context.beginPath();
        context.arc(mark.x, mark.y + 1, side / 7, 0, 2 * Math.PI);
        context.fill();
      }
    }
  }
}

const LABELS = [
  { level: "county", from: 0, to: 11.75, size: 14, weight: 600 },
  { level: "township", from: 11, to: 15, size: 12, weight: 500 },
  { level: "village", from: 14, to: 99, size: 11, weight: 400 },
];

function paintLabels(view, colours, report, taken) {
  const { context } = view;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  for (const rule of LABELS) {
    if (view.zoom < rule.from || view.zoom >= rule.to) continue;
    context.font = `${rule.weight} ${rule.size}px ${colours.font}`;
    for (const division of report.divisions) {
      if (division.level !== rule.level || !division.shape || !isVisible(view, division.shape.box)) continue;
      if (!division.anchors) division.anchors = labelAnchors(division.shape);
      const half = context.measureText(division.name).width / 2 + 3;
      const spots = division.anchors.map(([ux, uy]) => [ux * view.world - view.left, uy * view.world - view.top]);
      const spot = spots.find(([x, y]) => !taken.some((other) => overlaps(other, labelBox(x, y, half, rule.size))));
      if (!spot) continue;
      const [x, y] = spot;
      taken.push(labelBox(x, y, half, rule.size));
      context.strokeStyle = colours.halo;
      context.lineWidth = 3.5;
      context.strokeText(division.name, x, y);
      context.fillStyle = colours.label;
      context.fillText(division.name, x, y);
    }
  }
}

function labelBox(x, y, half, size) {
  return [x - half, y - size * 0.75, x + half, y + size * 0.75];
}

// Middles of the widest inner stretches of a few horizontal cuts: always inside, those near the centre first.
function labelAnchors(shape) {
  const [x0, y0, x1, y1] = shape.box;
  const found = [];
  for (const share of [0.5, 0.42, 0.58, 0.34, 0.66, 0.25, 0.75]) {
    const y = y0 + (y1 - y0) * share;
    const cuts = [];
    for (const points of shape.parts)
      for (let i = 0, j = points.length - 2; i < points.length; j = i, i += 2) {
        const yi = points[i + 1];
        const yj = points[j + 1];
        if (yi > y !== yj > y) cuts.push(((points[j] - points[i]) * (y - yi)) / (yj - yi) + points[i]);
      }
    cuts.sort((a, b) => a - b);
    for (let i = 0; i + 1 < cuts.length; i += 2) {
      const score = (cuts[i + 1] - cuts[i]) * (1 - Math.abs(share - 0.5));
      found.push({ score, point: [(cuts[i] + cuts[i + 1]) / 2, y] });
    }
  }
  found.sort((a, b) => b.score - a.score);
  return found.slice(0, 5).map((item) => item.point);
}

function paintChosen(view, colours, shape) {
  if (!shape) return;
  const path = pathOf(view, [shape], true);
  view.context.lineJoin = "round";
  stroke(view.context, path, colours.ground, 5);
  stroke(view.context, path, colours.accent, 2.6);
}

function paintMap(view, state) {
  const { context } = view;
  context.clearRect(0, 0, view.width, view.height);
  const colours = state.colours || (state.colours = coloursNow());
  const { report, type, group, layers } = state;
  paintLand(view, colours, report, Boolean(state.baseLayer));
  context.globalAlpha = state.baseLayer ? 0.78 : 1;
  if (layers.fill === "cells") paintCells(view, colours, report.grid, group.cells, state.isPrint);
  else paintFills(view, colours, type, group, report.divisions, "township");
  context.globalAlpha = 1;
  if (layers.borders) paintBorders(view, colours, report);
  const taken = [];
  state.marks = layers.facilities ? facilityMarks(view, type.facilities) : [];
  paintFacilities(view, colours, type, state.marks);
  if (state.hovered && state.hovered.shape) stroke(context, pathOf(view, [state.hovered.shape], true), colours.accent, 1.6);
  paintChosen(view, colours, state.division && state.division.shape);
  if (layers.gaps) paintGaps(view, colours, type.gaps, state.gap, taken, layers.fill === "cells");
  if (layers.borders) paintLabels(view, colours, report, taken);
  state.view = view;
}
