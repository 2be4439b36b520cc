import type { LayerSpecification } from "maplibre-gl";
import { describe, expect, it } from "vitest";
import { legendOf } from "../src/map/legend";

const fill = (colour: unknown): LayerSpecification[] =>
  [{ id: "cells_fill", type: "fill", source: "cells", paint: { "fill-color": colour } }] as LayerSpecification[];

describe("a legend", () => {
  it("has one row for a layer of one colour, and passes over counts", () => {
    const layers = [
      { id: "canteens_counts", type: "circle", source: "canteens", paint: { "circle-color": "#111111" } },
      { id: "canteens", type: "circle", source: "canteens", paint: { "circle-color": "#0F6B6B" } },
    ] as LayerSpecification[];
    expect(legendOf(layers)).toEqual({
      field: null,
      rows: [{ shape: "point", colour: "#0F6B6B", kind: "whole" }],
    });
  });

  it("has the steps of an expression with their bounds, and a row for what is not told", () => {
    const step = ["step", ["get", "share"], "#a", 0.2, "#b", 1.0, "#c"];
    const found = legendOf(fill(["case", ["has", "share"], step, "#u"]));
    expect(found.field).toBe("share");
    expect(found.rows).toEqual([
      { shape: "fill", colour: "#a", kind: "range", to: 0.2 },
      { shape: "fill", colour: "#b", kind: "range", from: 0.2, to: 1 },
      { shape: "fill", colour: "#c", kind: "range", from: 1 },
      { shape: "fill", colour: "#u", kind: "unknown" },
    ]);
    expect(legendOf(fill(step)).rows).toHaveLength(3);
  });

  it("is empty for an expression it does not know, and never wrong", () => {
    expect(legendOf(fill(["match", ["get", "type"], "a", "#a", "#b"]))).toEqual({ field: null, rows: [] });
  });
});
