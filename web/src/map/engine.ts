import * as csp from "maplibre-gl/dist/maplibre-gl-csp.js";
import worker from "maplibre-gl/dist/maplibre-gl-csp-worker.js?url";

type MapLibre = typeof import("maplibre-gl");

// The build without inline workers, which the content security policy would not allow. It is not a module: read as
// one, it puts itself beside the other globals.
const found = csp as unknown as MapLibre & { default?: MapLibre };
const placed = (globalThis as { maplibregl?: MapLibre }).maplibregl;
export const maplibre: MapLibre = placed ?? found.default ?? found;
maplibre.setWorkerUrl(worker);

/** Whether the browser can draw the map at all. */
export function canDraw(): boolean {
  const canvas = document.createElement("canvas");
  return Boolean(canvas.getContext("webgl2") ?? canvas.getContext("webgl"));
}
