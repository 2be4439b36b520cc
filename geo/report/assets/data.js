// Reads the embedded report back: typed arrays, shapes in unit mercator, divisions as a tree.

function bytesOf(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

const asInt32 = (text) => new Int32Array(bytesOf(text).buffer);
const asUint16 = (text) => new Uint16Array(bytesOf(text).buffer);
const MISSING_WALK = 0xffff;

function varints(text) {
  const bytes = bytesOf(text);
  const out = new Int32Array(bytes.length);
  let used = 0;
  for (let i = 0; i < bytes.length; ) {
    let value = 0;
    let scale = 1;
    let byte;
    do {
      byte = bytes[i++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte > 127);
    out[used++] = value % 2 ? -(value + 1) / 2 : value / 2;
  }
  return out.subarray(0, used);
}

const unitX = (lon) => (lon + 180) / 360;
function unitY(lat) {
  const s = Math.sin((lat * Math.PI) / 180);
  return 0.5 - Math.log((1 + s) / (1 - s)) / (4 * Math.PI);
}
const lonOf = (x) => x * 360 - 180;
const latOf = (y) => (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;

function boxOf(points) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < points.length; i += 2) {
    if (points[i] < box[0]) box[0] = points[i];
    if (points[i + 1] < box[1]) box[1] = points[i + 1];
    if (points[i] > box[2]) box[2] = points[i];
    if (points[i + 1] > box[3]) box[3] = points[i + 1];
  }
  return box;
}

// A shape is its parts (x0, y0, x1, y1 …) in unit mercator with their common box.
function readShapes(packed) {
  const counts = varints(packed.counts);
  const sizes = varints(packed.sizes);
  const deltas = varints(packed.deltas);
  const shapes = [];
  let part = 0;
  let at = 0;
  let x = 0;
  let y = 0;
  for (const count of counts) {
    const shape = { parts: [], box: [Infinity, Infinity, -Infinity, -Infinity] };
    for (let p = 0; p < count; p++) {
      const size = sizes[part++];
      const points = new Float64Array(size * 2);
      for (let i = 0; i < size; i++) {
        x += deltas[at++];
        y += deltas[at++];
        points[2 * i] = unitX(x / 1e5);
        points[2 * i + 1] = unitY(y / 1e5);
      }
      points.box = boxOf(points);
      shape.box = [
        Math.min(shape.box[0], points.box[0]), Math.min(shape.box[1], points.box[1]),
        Math.max(shape.box[2], points.box[2]), Math.max(shape.box[3], points.box[3]),
      ];
      shape.parts.push(points);
    }
    shapes.push(shape);
  }
  return shapes;
}

function isInside(shape, x, y) {
  if (!shape || x < shape.box[0] || x > shape.box[2] || y < shape.box[1] || y > shape.box[3]) return false;
  let inside = false;
  for (const points of shape.parts) {
    for (let i = 0, j = points.length - 2; i < points.length; j = i, i += 2) {
      const yi = points[i + 1];
      const yj = points[j + 1];
      if (yi > y !== yj > y && x < ((points[j] - points[i]) * (y - yi)) / (yj - yi) + points[i]) inside = !inside;
    }
  }
  return inside;
}

function shapeBounds(shape) {
  return [
    [latOf(shape.box[3]), lonOf(shape.box[0])],
    [latOf(shape.box[1]), lonOf(shape.box[2])],
  ];
}

function readGrid(raw) {
  if (!raw) return null;
  const column = asInt32(raw.column);
  const row = asInt32(raw.row);
  const span = bytesOf(raw.span);
  const grid = {
    ...raw, column, row, span, persons: asInt32(raw.persons), size: column.length,
    x0: new Float64Array(column.length), y0: new Float64Array(column.length),
    x1: new Float64Array(column.length), y1: new Float64Array(column.length), at: new Map(),
  };
  for (let i = 0; i < column.length; i++) {
    grid.x0[i] = unitX(raw.west + column[i] * raw.dx);
    grid.x1[i] = unitX(raw.west + (column[i] + span[i]) * raw.dx);
    grid.y1[i] = unitY(raw.south + row[i] * raw.dy);
    grid.y0[i] = unitY(raw.south + (row[i] + span[i]) * raw.dy);
    grid.at.set(span[i] * 2 ** 46 + row[i] * 2 ** 23 + column[i], i);
  }
  grid.spans = [...new Set(span)].sort((a, b) => a - b);
  return grid;
}

function cellAt(grid, x, y) {
  if (!grid) return -1;
  const column = Math.floor((lonOf(x) - grid.west) / grid.dx);
  const row = Math.floor((latOf(y) - grid.south) / grid.dy);
  if (column < 0 || row < 0) return -1;
  for (const span of grid.spans) {
    const found = grid.at.get(span * 2 ** 46 + Math.floor(row / span) * span * 2 ** 23 + Math.floor(column / span) * span);
    if (found !== undefined) return found;
  }
  return -1;
}

// Class of a walk: 0–2 covered, 3–5 not covered, 6 unreachable by any street, -1 nothing known.
function classOf(type, status, value) {
  if (status === 255) return -1;
  if (status >= 3) return 6;
  const known = value !== MISSING_WALK;
  if (status === 0) {
    if (!known) return 2;
    return value <= type.breaks[0] ? 0 : value <= type.breaks[1] ? 1 : 2;
  }
  if (!known) return 5;
  return value <= type.breaks[3] ? 3 : value <= type.breaks[4] ? 4 : 5;
}

function readGroup(raw, type) {
  const people = {};
  for (const key of ["total", "covered", "tooFar", "gateClosed", "disconnected", "notLinked", "circle", "overstated"])
    people[key] = asInt32(raw.divisions[key]);
  const walks = {};
  for (const key of ["p50", "p90", "p50m"]) walks[key] = asUint16(raw.divisions[key]);
  const group = { ...raw, people, walks, cells: null };
  if (raw.cells) {
    const status = bytesOf(raw.cells.status);
    const median = asUint16(raw.cells.median);
    const classes = new Int8Array(status.length);
    for (let i = 0; i < status.length; i++) classes[i] = classOf(type, status[i], median[i]);
    group.cells = { status, median, classes, share: bytesOf(raw.cells.share), levels: new Map() };
  }
  return group;
}

// One division's figures in one group; null for figures that are missing or hidden.
function divisionFigures(group, index) {
  const people = {};
  for (const [key, values] of Object.entries(group.people)) people[key] = values[index] < 0 ? null : values[index];
  const walks = {};
  for (const [key, values] of Object.entries(group.walks)) walks[key] = values[index] === MISSING_WALK ? null : values[index];
  const uncovered = people.total === null ? null : people.total - people.covered;
  return { ...people, ...walks, uncovered, ratio: ratioOf(people.covered, people.total) };
}

function lazily(make) {
  let made;
  return () => (made === undefined ? (made = make()) : made);
}

function readReport() {
  const raw = JSON.parse(document.getElementById("report-data").textContent);
  const shapes = readShapes(raw.shapes);
  const divisions = raw.divisions.map(([code, name, level, parent, shape], index) => ({
    index, code, name: name || code, level, parent, shape: shape < 0 ? null : shapes[shape], children: [],
  }));
  const byCode = new Map(divisions.map((division) => [division.code, division]));
  for (const division of divisions) {
    division.up = byCode.get(division.parent) || null;
    if (division.up) division.up.children.push(division);
  }
  const types = raw.types.map((type) => {
    const lonlat = asInt32(type.facilities.lonlat);
    const facilities = type.facilities.name.map((name, i) => ({
      name, status: type.facilities.status[i], capacity: type.facilities.capacity[i],
      x: unitX(lonlat[2 * i] / 1e5), y: unitY(lonlat[2 * i + 1] / 1e5),
    }));
    const gaps = type.gaps.map((gap) => ({ ...gap, shape: shapes[gap.shape] || null }));
    const made = { ...type, facilities, gaps };
    made.groups = type.groups.map((group) => {
      const read = lazily(() => readGroup(group, made));
      return { slug: group.slug, title: group.title, read };
    });
    return made;
  });
  return {
    ...raw, divisions, byCode, types, grid: readGrid(raw.grid),
    context: raw.context.map(([kind, shape]) => ({ kind, shape: shapes[shape] })),
  };
}
