import { describe, expect, it } from "vitest";
import { namePoint } from "../src/map/place";

const square = (x: number, y: number, side: number): GeoJSON.Position[] => [
  [x, y],
  [x + side, y],
  [x + side, y + side],
  [x, y + side],
  [x, y],
];

describe("the point of a name", () => {
  it("is the middle of a square", () => {
    expect(namePoint({ type: "Polygon", coordinates: [square(0, 0, 2)] })).toEqual([1, 1]);
  });

  it("is in the largest part, and not in a hole of it", () => {
    const shape: GeoJSON.MultiPolygon = {
      type: "MultiPolygon",
      coordinates: [[square(50, 50, 1)], [square(0, 0, 10), square(2, 2, 7)]],
    };
    const [x = 0, y = 0] = namePoint(shape) ?? [];
    expect(x > 0 && x < 10 && y > 0 && y < 10).toBe(true);
    expect(x > 2 && x < 9 && y > 2 && y < 9).toBe(false);
  });

  it("lies inside of a shape like a horseshoe, whose centre does not", () => {
    const shape: GeoJSON.Polygon = {
      type: "Polygon",
      coordinates: [[[0, 0], [10, 0], [10, 10], [7, 10], [7, 2], [3, 2], [3, 10], [0, 10], [0, 0]]],
    };
    const [x = 0, y = 0] = namePoint(shape) ?? [];
    expect(y <= 2 || x < 3 || x > 7).toBe(true);
  });

  it("is none for what has no area", () => {
    expect(namePoint({ type: "Point", coordinates: [1, 2] })).toBeNull();
    expect(namePoint({ type: "MultiPolygon", coordinates: [] })).toBeNull();
  });
});
