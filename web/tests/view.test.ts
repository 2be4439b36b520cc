import { describe, expect, it } from "vitest";
import { readView, writeView, type View } from "../src/map/view";

const FULL: View = {
  at: { zoom: 12.34, lat: 41.1801, lon: 103.2102 },
  layers: ["divisions", "coverage_cells"],
  service: "senior_canteen",
  chosen: { layer: "gaps", id: 17 },
};

describe("the address", () => {
  it("gives back the view that was written into it", () => {
    expect(readView(writeView(FULL))).toEqual(FULL);
  });

  it("says nothing of what is as usual", () => {
    const nothing: View = { at: null, layers: null, service: null, chosen: null };
    expect(writeView(nothing)).toBe("");
    expect(readView("")).toEqual(nothing);
  });

  it("keeps apart that all layers are off and that nothing is said of them", () => {
    expect(readView(writeView({ ...FULL, layers: [] })).layers).toEqual([]);
  });

  it.each([
    "?at=12/41",
    "?at=12/91/103",
    "?at=99/41/103",
    "?at=a/b/c",
    "?chosen=gaps/x",
    "?chosen=../1",
    "?chosen=gaps",
    "?service=%3Cscript%3E",
  ])("passes over what makes no sense: %s", (search) => {
    const { at, chosen, service } = readView(search);
    expect([at, chosen, service]).toEqual([null, null, null]);
  });

  it("passes over names that no layer can have", () => {
    expect(readView("?layers=gaps,../x,%20,divisions").layers).toEqual(["gaps", "divisions"]);
  });
});
