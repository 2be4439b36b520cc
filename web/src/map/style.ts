import type { FilterSpecification, LayerSpecification, StyleSpecification, VectorSourceSpecification } from "maplibre-gl";
import type { LayerStyle } from "../api/types";
import { BASE, baseLayers, CHOSEN, chosenLayers, isBase, NAMES, type BaseName } from "./base";
import { legendOf } from "./legend";
import type { Palette } from "./palette";

/** A layer that is on, with the style the service draws it by. */
export interface Drawn {
  name: string;
  zoom: number;
  style: LayerStyle;
  /** Whether its rows are results of one service each, of which one is shown. */
  isByService: boolean;
}

/** Everything the map shows. */
export interface Picture {
  palette: Palette;
  drawn: Drawn[];
  service: string | null;
  names: GeoJSON.FeatureCollection;
  chosen: GeoJSON.Geometry | null;
}

const HOST = /^https?:\/\/[^/]+/;

/** Write the style of a picture; the map finds out itself what has changed since the last one. */
export function styleOf(picture: Picture, origin: string): StyleSpecification {
  const sources: StyleSpecification["sources"] = {
    [NAMES]: { type: "geojson", data: picture.names },
    [CHOSEN]: { type: "geojson", data: features(picture.chosen) },
  };
  const zooms: Partial<Record<BaseName, number>> = {};
  const below: LayerSpecification[] = [];
  const above: LayerSpecification[] = [];
  for (const one of picture.drawn) {
    for (const [name, source] of Object.entries(one.style.sources)) sources[name] = ownTiles(source, origin);
    if (isBase(one.name)) {
      zooms[one.name] = one.zoom;
      continue;
    }
    const isGraded = legendOf(one.style.layers).field !== null;
    for (const layer of dataLayers(one, picture.service)) {
      (layer.type === "fill" || (layer.type === "line" && isGraded) ? below : above).push(layer);
    }
  }
  const base = baseLayers(picture.palette, zooms);
  return {
    version: 8,
    sources,
    layers: [...base.ground, ...below, ...base.lines, ...above, ...base.names, ...chosenLayers(picture.palette)],
  };
}

/** Layers a click asks, the most particular first. */
export function isAsked(layer: string, source: string): boolean {
  return !layer.startsWith(CHOSEN) && source !== NAMES && !layer.endsWith("_counts") && !layer.endsWith("-name");
}

/** Of two features at one place, which is the more particular: data before streets, streets before divisions. */
export function rank(source: string): number {
  return isBase(source) ? BASE.length - BASE.indexOf(source) : BASE.length + 1;
}

function dataLayers(one: Drawn, service: string | null): LayerSpecification[] {
  const isPoint = one.style.layers.some((layer) => layer.id === one.name && layer.type === "circle");
  return one.style.layers
    .filter((layer) => isPoint || !layer.id.endsWith("_counts"))
    .map((layer) => {
      if (!one.isByService || service === null || !("source" in layer)) return layer;
      const filter: FilterSpecification = ["==", ["get", "type"], service];
      return { ...layer, filter } as LayerSpecification;
    });
}

/** Ask for tiles where the page came from, whatever name the service knows itself by. */
function ownTiles(source: VectorSourceSpecification, origin: string): VectorSourceSpecification {
  return { ...source, tiles: (source.tiles ?? []).map((address) => address.replace(HOST, origin)) };
}

function features(shape: GeoJSON.Geometry | null): GeoJSON.FeatureCollection {
  return {
    type: "FeatureCollection",
    features: shape ? [{ type: "Feature", properties: {}, geometry: shape }] : [],
  };
}
