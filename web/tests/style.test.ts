import { describe, expect, it } from "vitest";
import type { LayerStyle } from "../src/api/types";
import type { Palette } from "../src/map/palette";
import { styleOf, type Drawn } from "../src/map/style";

const palette = new Proxy({}, { get: () => "#808080" }) as Palette;
const tiles = (name: string): LayerStyle["sources"] => ({
  [name]: { type: "vector", tiles: [`http://elsewhere:1/ogc/collections/${name}/tiles/W/{z}/{y}/{x}`] },
});

const cells: Drawn = {
  name: "coverage_cells",
  zoom: 11,
  isByService: true,
  style: {
    sources: tiles("coverage_cells"),
    layers: [
      { id: "coverage_cells_counts", type: "circle", source: "coverage_cells", "source-layer": "c" },
      {
        id: "coverage_cells_fill",
        type: "fill",
        source: "coverage_cells",
        "source-layer": "coverage_cells",
        paint: { "fill-color": ["step", ["get", "share"], "#a0a0a0", 1, "#b0b0b0"] },
      },
    ],
  },
};
const base = (name: string, zoom: number): Drawn => ({
  name,
  zoom,
  isByService: false,
  style: { sources: tiles(name), layers: [] },
});

const shown = (drawn: Drawn[], service: string | null = null) =>
  styleOf(
    { palette, drawn, service, names: { type: "FeatureCollection", features: [] }, chosen: null },
    "http://here:2",
  );

describe("the style of the map", () => {
  it("asks for tiles only where the page came from", () => {
    const { sources } = shown([cells, base("streets", 13)]);
    const found = Object.values(sources).flatMap((one) => ("tiles" in one ? (one.tiles ?? []) : []));
    expect(found).toHaveLength(2);
    for (const address of found) expect(address).toMatch(/^http:\/\/here:2\/ogc\/.*\{z\}\/\{y\}\/\{x\}$/);
  });

  it("puts fills beneath the streets, and names above everything but what is chosen", () => {
    const ids = shown([cells, base("streets", 13), base("named_roads", 11), base("divisions", 5)]).layers.map(
      (one) => one.id,
    );
    expect(ids.indexOf("coverage_cells_fill")).toBeLessThan(ids.indexOf("streets-casing"));
    expect(ids.indexOf("divisions-county")).toBeLessThan(ids.indexOf("named_roads-name"));
    expect(ids.slice(-2)).toEqual(["chosen-line", "chosen-point"]);
  });

  it("shows the results of one service, and no counts of areas", () => {
    const { layers } = shown([cells], "care_home");
    const fill = layers.find((one) => one.id === "coverage_cells_fill");
    expect(fill).toMatchObject({ filter: ["==", ["get", "type"], "care_home"] });
    expect(layers.some((one) => one.id.endsWith("_counts"))).toBe(false);
  });

  it("draws named roads only until every street is drawn", () => {
    const named = shown([base("named_roads", 11), base("streets", 13)]).layers.filter(
      (one) => one.type === "line" && one.source === "named_roads",
    );
    expect(named.length).toBeGreaterThan(0);
    for (const one of named) expect([one.minzoom, one.maxzoom]).toEqual([11, 13]);
  });
});
