import type { LayerSpecification, VectorSourceSpecification } from "maplibre-gl";

export type Box = [west: number, south: number, east: number, north: number];

export interface Session {
  name: string;
  roles: string[];
  person?: string;
  is_demo: boolean;
  is_synthetic: boolean;
  demo_roles: string[];
  titles: Record<string, { zh: string; en: string }>;
}

export interface Collection {
  id: string;
  title: string;
  isEmpty: boolean;
  extent: { spatial: { bbox: Box[] } };
}

export interface LayerDefinition {
  name: string;
  colour: string;
  zoom: number;
  is_public: boolean;
  family: string | null;
  fields: { name: string; title_zh: string; title_en: string }[];
}

export interface LayerStyle {
  sources: Record<string, VectorSourceSpecification>;
  layers: LayerSpecification[];
}

export interface FieldSchema {
  title: string;
  type?: string;
  format?: string;
  anyOf?: { const?: string | number | boolean; title: string }[];
}

export interface Queryables {
  properties: Record<string, FieldSchema>;
}

export type Value = string | number | boolean | null;

export interface Feature {
  type: "Feature";
  id: number;
  geometry: GeoJSON.Geometry;
  properties: Record<string, Value>;
}

export interface FeatureCollection {
  type: "FeatureCollection";
  features: Feature[];
}

export interface Run {
  run_id: string;
  parameters: { types?: string[] };
}

export interface FacilityType {
  slug: string;
  title_zh: string;
  title_en: string;
}
