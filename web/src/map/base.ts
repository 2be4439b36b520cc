import type { ExpressionSpecification, FilterSpecification, LayerSpecification } from "maplibre-gl";
import type { Palette } from "./palette";

/** Layers of the service that make up the base map, from the ground up. */
export const BASE = ["residential_land", "named_roads", "streets", "divisions"] as const;
export type BaseName = (typeof BASE)[number];

/** Sources of the page itself, beside those of the service. */
export const NAMES = "division-names";
export const CHOSEN = "chosen";


const FONTS = ["HarmonyOS Sans SC", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC"];
const BOLD_FONTS = ["HarmonyOS Sans SC Bold", ...FONTS];

const MAJOR = ["motorway", "trunk", "primary", "secondary"];
const FOOT = ["footway", "path", "steps", "pedestrian"];
const HIDDEN_WHEN_FAR = ["service", ...FOOT];

export function isBase(name: string): name is BaseName {
  return (BASE as readonly string[]).includes(name);
}

const isKind = (kinds: string[]): ExpressionSpecification => ["in", ["get", "kind"], ["literal", kinds]];

/** Widths in pixels by zoom, for a street of importance 1; main roads are wider. */
const width = (factor: number, extra: number): ExpressionSpecification => [
  "interpolate",
  ["exponential", 1.6],
  ["zoom"],
  11,
  0.8 * factor + extra,
  14,
  2.2 * factor + extra,
  18,
  12 * factor + extra,
];

function road(
  id: string,
  source: "streets" | "named_roads",
  filter: FilterSpecification,
  paint: { colour: string; width: ExpressionSpecification; dash?: number[] },
  zooms: { minzoom: number; maxzoom?: number },
): LayerSpecification {
  return {
    id,
    type: "line",
    source,
    "source-layer": source,
    ...zooms,
    filter,
    layout: { "line-cap": paint.dash ? "butt" : "round", "line-join": "round" },
    paint: {
      "line-color": paint.colour,
      "line-width": paint.width,
      ...(paint.dash ? { "line-dasharray": paint.dash } : {}),
    },
  };
}

/** Streets by kind; named roads stand in for them where the service does not yet draw every segment. */
function roads(palette: Palette, source: "streets" | "named_roads", from: number, to?: number): LayerSpecification[] {
  const zooms = to === undefined ? { minzoom: from } : { minzoom: from, maxzoom: to };
  const major = isKind(MAJOR);
  const street: FilterSpecification = ["!", isKind([...MAJOR, ...FOOT])];
  const near = { minzoom: Math.max(from, 14.2) };
  const small: FilterSpecification = ["all", street, ["!", isKind(HIDDEN_WHEN_FAR)]];
  const lines: LayerSpecification[] = [];
  if (source === "streets") {
    const foot = { colour: palette.foot, width: width(0.45, 0), dash: [2, 1.5] };
    lines.push(road(`${source}-foot`, source, isKind(FOOT), foot, near));
    const lane = { colour: palette.casing, width: width(0.5, 1.5) };
    lines.push(road(`${source}-service-casing`, source, isKind(["service"]), lane, near));
    lines.push(
      road(`${source}-service`, source, isKind(["service"]), { colour: palette.street, width: width(0.5, 0) }, near),
    );
  }
  lines.push(
    road(`${source}-casing`, source, small, { colour: palette.casing, width: width(1, 1.6) }, zooms),
    road(`${source}-major-casing`, source, major, { colour: palette.majorCasing, width: width(1.5, 1.6) }, zooms),
    road(`${source}-street`, source, small, { colour: palette.street, width: width(1, 0) }, zooms),
    road(`${source}-major`, source, major, { colour: palette.major, width: width(1.5, 0) }, zooms),
  );
  return lines;
}

function border(
  palette: Palette,
  level: "county" | "township" | "village",
  look: { width: number; dash?: number[]; minzoom: number },
): LayerSpecification {
  return {
    id: `divisions-${level}`,
    type: "line",
    source: "divisions",
    "source-layer": "divisions",
    minzoom: look.minzoom,
    filter: ["==", ["get", "level"], level],
    layout: { "line-join": "round" },
    paint: {
      "line-color": palette[level],
      "line-width": look.width,
      ...(look.dash ? { "line-dasharray": look.dash } : {}),
    },
  };
}

/** Lines of the base by the layer they show, bottom to top; `ground` lies beneath data, `lines` above. */
export function baseLayers(
  palette: Palette,
  zooms: Partial<Record<BaseName, number>>,
): { ground: LayerSpecification[]; lines: LayerSpecification[]; names: LayerSpecification[] } {
  const ground: LayerSpecification[] = [
    { id: "land", type: "background", paint: { "background-color": palette.land } },
  ];
  const lines: LayerSpecification[] = [];
  const names: LayerSpecification[] = [];
  if (zooms.residential_land !== undefined) {
    ground.push({
      id: "residential_land-fill",
      type: "fill",
      source: "residential_land",
      "source-layer": "residential_land",
      minzoom: zooms.residential_land,
      paint: { "fill-color": palette.built },
    });
  }
  if (zooms.divisions !== undefined) {
    // Nothing to see: it answers where a click or the middle of the map lies.
    ground.push({
      id: "divisions-area",
      type: "fill",
      source: "divisions",
      "source-layer": "divisions",
      paint: { "fill-opacity": 0 },
    });
  }
  if (zooms.named_roads !== undefined) {
    lines.push(...roads(palette, "named_roads", zooms.named_roads, zooms.streets));
    names.push(streetNames(palette, zooms.named_roads));
  }
  if (zooms.streets !== undefined) lines.push(...roads(palette, "streets", zooms.streets));
  if (zooms.divisions !== undefined) {
    lines.push(
      border(palette, "village", { width: 0.6, dash: [3, 3], minzoom: 12.5 }),
      border(palette, "township", { width: 1, dash: [4, 2], minzoom: 8.5 }),
      border(palette, "county", { width: 1.6, dash: [8, 2, 1, 2], minzoom: 5 }),
    );
    names.push(divisionNames(palette, "township"), divisionNames(palette, "county"));
  }
  return { ground, lines, names };
}

function streetNames(palette: Palette, from: number): LayerSpecification {
  return {
    id: "named_roads-name",
    type: "symbol",
    source: "named_roads",
    "source-layer": "named_roads",
    minzoom: Math.max(from, 12.5),
    filter: ["step", ["zoom"], isKind(MAJOR), 14, true] as FilterSpecification,
    layout: {
      "symbol-placement": "line",
      "symbol-spacing": 320,
      "text-field": ["get", "name"],
      "text-font": FONTS,
      "text-size": ["interpolate", ["linear"], ["zoom"], 13, 11, 17, 13],
      "text-letter-spacing": 0.08,
      "text-padding": 8,
    },
    paint: { "text-color": palette.labelSoft, "text-halo-color": palette.halo, "text-halo-width": 1.4 },
  };
}

function divisionNames(palette: Palette, level: "county" | "township"): LayerSpecification {
  const isCounty = level === "county";
  return {
    id: `divisions-name-${level}`,
    type: "symbol",
    source: NAMES,
    minzoom: isCounty ? 5 : 9,
    maxzoom: isCounty ? 13 : 16,
    filter: ["==", ["get", "level"], level],
    layout: {
      "text-field": ["get", "name"],
      "text-font": isCounty ? BOLD_FONTS : FONTS,
      "text-size": isCounty
        ? ["interpolate", ["linear"], ["zoom"], 8, 14, 12, 20]
        : ["interpolate", ["linear"], ["zoom"], 9, 11, 14, 15],
      "text-letter-spacing": isCounty ? 0.18 : 0.04,
      "text-padding": isCounty ? 10 : 4,
      "text-max-width": 12,
    },
    paint: {
      "text-color": isCounty ? palette.label : palette.labelSoft,
      "text-halo-color": palette.halo,
      "text-halo-width": 1.6,
    },
  };
}

/** What is chosen, on top of everything. */
export function chosenLayers(palette: Palette): LayerSpecification[] {
  return [
    {
      id: "chosen-line",
      type: "line",
      source: CHOSEN,
      filter: ["!=", ["geometry-type"], "Point"],
      layout: { "line-join": "round", "line-cap": "round" },
      paint: { "line-color": palette.chosen, "line-width": 3 },
    },
    {
      id: "chosen-point",
      type: "circle",
      source: CHOSEN,
      filter: ["==", ["geometry-type"], "Point"],
      paint: {
        "circle-radius": 11,
        "circle-opacity": 0,
        "circle-stroke-color": palette.chosen,
        "circle-stroke-width": 3,
      },
    },
  ];
}
