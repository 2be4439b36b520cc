import type { Map as MapLibreMap, MapGeoJSONFeature, PointLike } from "maplibre-gl";
import type { Box } from "../api/types";
import { t } from "../i18n";
import { maplibre } from "./engine";
import { isAsked, rank, styleOf, type Picture } from "./style";
import type { View } from "./view";

/** A feature that was hit: where to ask for the rest of it. */
export interface Hit {
  layer: string;
  id: number;
  label: string;
}

/** What the stage tells the page. */
export interface Told {
  moved: (at: NonNullable<View["at"]>) => void;
  hit: (hits: Hit[], at: [x: number, y: number]) => void;
  rested: (state: { place: string[]; isTruncated: boolean }) => void;
  failed: () => void;
}

const LEVELS = ["county", "township", "village"];
const REACH_PX = 6;
const REVEALED_PX = 80;
const MOST_HITS = 12;
const isCalm = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** The map on the page: draws a picture, and says where it is and what was hit. */
export class Stage {
  readonly map: MapLibreMap;
  private hasStyle = false;

  constructor(container: HTMLElement, start: { at: View["at"]; box: Box | null; picture: Picture }, told: Told) {
    const { at, box, picture } = start;
    this.map = new maplibre.Map({
      container,
      style: styleOf(picture, location.origin),
      ...(at ? { center: [at.lon, at.lat], zoom: at.zoom } : box ? { bounds: box, fitBoundsOptions: { padding: 24 } } : {}),
      attributionControl: false,
      maxZoom: 20,
      pitchWithRotate: false,
      dragRotate: false,
      fadeDuration: isCalm() ? 0 : 160,
      locale: {
        "Map.Title": t("map.label"),
        "NavigationControl.ZoomIn": t("map.zoomIn"),
        "NavigationControl.ZoomOut": t("map.zoomOut"),
        "ScaleControl.Meters": t("map.metres"),
        "ScaleControl.Kilometers": t("map.kilometres"),
      },
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.map.addControl(new maplibre.ScaleControl({ maxWidth: 120 }), "bottom-left");
    this.map.addControl(new maplibre.NavigationControl({ showCompass: false }), "bottom-right");
    this.map.once("style.load", () => (this.hasStyle = true));
    this.map.on("moveend", () => told.moved(this.at()));
    const tell = (at: [number, number]): void => told.hit(this.hitsAt(at), at);
    this.map.on("click", (event) => tell([event.point.x, event.point.y]));
    this.map.on("idle", () => told.rested({ place: this.place(), isTruncated: this.isTruncated() }));
    this.map.on("error", () => told.failed());
    this.map.getCanvas().addEventListener("keydown", (event) => {
      if (event.key === "Enter") tell(this.middle());
    });
    told.moved(this.at());
    if (navigator.webdriver) window.fangyuMap = this.map;
  }

  /** Show a picture. */
  show(picture: Picture): void {
    const style = styleOf(picture, location.origin);
    // What has changed can be told only from a style that has been read.
    if (this.hasStyle) this.map.setStyle(style, { diff: true });
    else this.map.once("style.load", () => this.map.setStyle(style, { diff: true }));
  }

  /** Go somewhere; at once where motion is not wanted. */
  fly(target: GeoJSON.Geometry | Box): void {
    const box = Array.isArray(target) ? target : boxOf(target);
    this.map.fitBounds(box, { padding: 80, maxZoom: 16, duration: isCalm() ? 0 : 600 });
  }

  /** Bring a point out from under something that covers the right of the map. */
  uncover(x: number, covered: number): void {
    const free = this.map.getContainer().clientWidth - covered;
    if (x > free - REVEALED_PX) this.map.panBy([x - free + REVEALED_PX, 0], { duration: isCalm() ? 0 : 160 });
  }

  /** Ask again for what could not be read. */
  refresh(): void {
    for (const [name, source] of Object.entries(this.map.getStyle().sources)) {
      if (source.type === "vector") this.map.refreshTiles(name);
    }
  }

  close(): void {
    this.map.remove();
  }

  private at(): NonNullable<View["at"]> {
    const { lng, lat } = this.map.getCenter();
    return { zoom: this.map.getZoom(), lat, lon: lng };
  }

  private middle(): [number, number] {
    const { clientWidth, clientHeight } = this.map.getContainer();
    return [clientWidth / 2, clientHeight / 2];
  }

  private hitsAt([x, y]: [number, number]): Hit[] {
    const reach: [PointLike, PointLike] = [
      [x - REACH_PX, y - REACH_PX],
      [x + REACH_PX, y + REACH_PX],
    ];
    const layers = this.map.getStyle().layers.filter((layer) => "source" in layer && isAsked(layer.id, layer.source));
    const areas = layers.filter((layer) => layer.type === "fill").map((layer) => layer.id);
    const others = layers.filter((layer) => layer.type !== "fill" && layer.type !== "symbol").map((layer) => layer.id);
    const near = this.map
      .queryRenderedFeatures(reach, { layers: others })
      .filter((one) => !one.geometry.type.endsWith("Polygon"));
    const under = this.map.queryRenderedFeatures([x, y], { layers: areas });
    const seen = new Set<string>();
    const found = [...near, ...under].filter((one) => {
      const key = `${one.source}/${one.id}`;
      if (one.id === undefined || seen.has(key)) return false;
      return seen.add(key);
    });
    return found
      .sort((a, b) => order(b) - order(a))
      .slice(0, MOST_HITS)
      .map((one) => ({ layer: one.source, id: Number(one.id), label: labelOf(one) }));
  }

  /** Names of the divisions in the middle of the map, the largest first. */
  private place(): string[] {
    if (!this.map.getLayer("divisions-area")) return [];
    const found = this.map.queryRenderedFeatures(this.middle(), { layers: ["divisions-area"] });
    const names = LEVELS.slice(0, 2).map((level) => found.find((one) => one.properties.level === level));
    return names.flatMap((one) => (one ? [labelOf(one)] : []));
  }

  private isTruncated(): boolean {
    return Object.entries(this.map.getStyle().sources).some(
      ([name, source]) =>
        source.type === "vector" && this.map.querySourceFeatures(name, { sourceLayer: "_truncated" }).length > 0,
    );
  }
}

function order(one: MapGeoJSONFeature): number {
  return rank(one.source) * LEVELS.length + LEVELS.indexOf(String(one.properties.level));
}

function labelOf(one: MapGeoJSONFeature): string {
  const { name, division_name: division } = one.properties as Record<string, string | undefined>;
  return name ?? division ?? "";
}

function boxOf(shape: GeoJSON.Geometry): Box {
  const box: Box = [180, 90, -180, -90];
  const walk = (part: unknown): void => {
    if (!Array.isArray(part)) return;
    const [x, y] = part as unknown[];
    if (typeof x === "number" && typeof y === "number") {
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x);
      box[3] = Math.max(box[3], y);
    } else part.forEach(walk);
  };
  if (shape.type === "GeometryCollection") shape.geometries.forEach((one) => "coordinates" in one && walk(one.coordinates));
  else walk(shape.coordinates);
  return box;
}
