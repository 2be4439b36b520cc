type Ring = GeoJSON.Position[];

/** Area of a ring by its corners, in squares of the coordinates' unit; positive or negative by direction. */
function ringArea(ring: Ring): number {
  let sum = 0;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [xi = 0, yi = 0] = ring[i] ?? [];
    const [xj = 0, yj = 0] = ring[j] ?? [];
    sum += xj * yi - xi * yj;
  }
  return sum / 2;
}

/** Where a parallel crosses the rings of a polygon, from west to east. */
function crossings(rings: Ring[], y: number): number[] {
  const found: number[] = [];
  for (const ring of rings) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [xi = 0, yi = 0] = ring[i] ?? [];
      const [xj = 0, yj = 0] = ring[j] ?? [];
      if (yi > y !== yj > y) found.push(xi + ((y - yi) / (yj - yi)) * (xj - xi));
    }
  }
  return found.sort((a, b) => a - b);
}

/**
 * A point inside a shape for its name: the middle of the widest stretch of a few parallels through its largest part.
 * Tiles cannot give it, because each tile knows only its own piece.
 */
export function namePoint(shape: GeoJSON.Geometry): GeoJSON.Position | null {
  const polygons = shape.type === "MultiPolygon" ? shape.coordinates : shape.type === "Polygon" ? [shape.coordinates] : [];
  let largest: Ring[] | null = null;
  let most = 0;
  for (const rings of polygons) {
    const area = Math.abs(ringArea(rings[0] ?? []));
    if (area > most) [largest, most] = [rings, area];
  }
  const outer = largest?.[0];
  if (!largest || !outer) return null;
  const ys = outer.map((position) => position[1] ?? 0);
  const [south, north] = [Math.min(...ys), Math.max(...ys)];
  let best: GeoJSON.Position | null = null;
  let widest = 0;
  // Parallels near the middle first, and favoured: a name looks at home there.
  for (const [share, weight] of [[0.5, 1], [0.42, 0.85], [0.58, 0.85], [0.3, 0.65], [0.7, 0.65]] as const) {
    const y = south + (north - south) * share;
    const found = crossings(largest, y);
    for (let i = 0; i + 1 < found.length; i += 2) {
      const [from = 0, to = 0] = [found[i], found[i + 1]];
      if ((to - from) * weight > widest) [widest, best] = [(to - from) * weight, [(from + to) / 2, y]];
    }
  }
  return best;
}
