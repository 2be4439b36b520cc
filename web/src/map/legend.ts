import type { LayerSpecification } from "maplibre-gl";

/** One line of a legend; without bounds it stands for the whole layer. */
export interface LegendRow {
  shape: "fill" | "line" | "point";
  colour: string;
  kind: "whole" | "range" | "unknown";
  from?: number;
  to?: number;
}

/** A legend, and the column its numbers are read from. */
export interface Legend {
  field: string | null;
  rows: LegendRow[];
}

const SHAPES = { fill: "fill", line: "line", circle: "point" } as const;
const COLOURS = { fill: "fill-color", line: "line-color", circle: "circle-color" } as const;

/** Read a legend from the style that draws a layer, so that the two cannot say different things. */
export function legendOf(layers: LayerSpecification[]): Legend {
  for (const layer of layers) {
    if (!(layer.type in SHAPES) || layer.id.endsWith("_counts")) continue;
    const type = layer.type as keyof typeof SHAPES;
    const shape = SHAPES[type];
    const colour: unknown = (layer.paint as Record<string, unknown> | undefined)?.[COLOURS[type]];
    if (typeof colour === "string") return { field: null, rows: [{ shape, colour, kind: "whole" }] };
    const found = steps(colour, shape);
    if (found) return found;
  }
  return { field: null, rows: [] };
}

/** Take an expression apart: `step` over a column, perhaps inside of `case` for rows without a number. */
function steps(expression: unknown, shape: LegendRow["shape"]): Legend | null {
  if (!Array.isArray(expression)) return null;
  if (expression[0] === "case") {
    const inner = steps(expression[2], shape);
    const other: unknown = expression[3];
    if (!inner || typeof other !== "string") return inner;
    return { ...inner, rows: [...inner.rows, { shape, colour: other, kind: "unknown" }] };
  }
  if (expression[0] !== "step") return null;
  const field: unknown = expression[1][1];
  const parts = expression.slice(2) as (string | number)[];
  const rows: LegendRow[] = [];
  for (let i = 0; i < parts.length; i += 2) {
    const row: LegendRow = { shape, colour: String(parts[i]), kind: "range" };
    if (i > 0) row.from = Number(parts[i - 1]);
    if (i + 1 < parts.length) row.to = Number(parts[i + 1]);
    rows.push(row);
  }
  return { field: String(field), rows };
}
