/** What the address holds: where the map is, which layers are on, which service's results, and what is chosen. */
export interface View {
  at: { zoom: number; lat: number; lon: number } | null;
  layers: string[] | null;
  service: string | null;
  chosen: { layer: string; id: number } | null;
}

const NAME = /^[a-z][a-z0-9_]*$/;

export function readView(search: string): View {
  const query = new URLSearchParams(search);
  return {
    at: readPlace(query.get("at")),
    layers: readLayers(query.get("layers")),
    service: query.get("service")?.match(NAME)?.[0] ?? null,
    chosen: readChosen(query.get("chosen")),
  };
}

/** Write a view as the query of an address; what is not said is left out. */
export function writeView(view: View): string {
  const parts: string[] = [];
  if (view.at) parts.push(`at=${view.at.zoom.toFixed(2)}/${view.at.lat.toFixed(5)}/${view.at.lon.toFixed(5)}`);
  if (view.layers) parts.push(`layers=${view.layers.join(",")}`);
  if (view.service) parts.push(`service=${view.service}`);
  if (view.chosen) parts.push(`chosen=${view.chosen.layer}/${view.chosen.id}`);
  return parts.length ? `?${parts.join("&")}` : "";
}

function readPlace(text: string | null): View["at"] {
  const parts = text?.split("/").map(Number) ?? [];
  const [zoom = NaN, lat = NaN, lon = NaN] = parts;
  const isPlace = parts.length === 3 && zoom >= 0 && zoom <= 24 && Math.abs(lat) <= 85 && Math.abs(lon) <= 180;
  return isPlace ? { zoom, lat, lon } : null;
}

function readLayers(text: string | null): string[] | null {
  return text === null ? null : text.split(",").filter((name) => NAME.test(name));
}

function readChosen(text: string | null): View["chosen"] {
  const [layer = "", id = ""] = text?.split("/") ?? [];
  return NAME.test(layer) && /^\d{1,15}$/.test(id) ? { layer, id: Number(id) } : null;
}
