import { lang } from "../i18n";
import type {
  Collection,
  FacilityType,
  Feature,
  FeatureCollection,
  LayerDefinition,
  LayerStyle,
  Queryables,
  Run,
  Session,
} from "./types";

/** What the service answers when it does not answer with what was asked for. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

interface Problem {
  code?: string;
  message_zh?: string;
  message_en?: string;
}

async function ask<T>(path: string, options: RequestInit = {}): Promise<T> {
  const headers = { Accept: "application/json", "Accept-Language": lang() === "en" ? "en" : "zh-CN", ...options.headers };
  let answer: Response;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch {
    throw new RequestError(0, "offline", "");
  }
  if (answer.ok) return (await answer.json()) as T;
  const problem = (await answer.json().catch(() => ({}))) as Problem;
  const said = lang() === "en" ? problem.message_en : problem.message_zh;
  throw new RequestError(answer.status, problem.code ?? String(answer.status), said ?? "");
}

const home = (layer: string): string => `/ogc/collections/${encodeURIComponent(layer)}`;

export const itemPage = (layer: string, id: number): string => `${home(layer)}/items/${id}?f=html`;
export const tablePage = (layer: string): string => `${home(layer)}/items?f=html`;

export const session = (): Promise<Session> => ask("/api/session");

export const takeRole = (role: string): Promise<unknown> =>
  ask("/api/session/demo", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ role }),
  });

export const collections = async (): Promise<Collection[]> =>
  (await ask<{ collections: Collection[] }>("/ogc/collections?f=json")).collections;

export const definitions = async (): Promise<LayerDefinition[]> =>
  (await ask<{ layers: LayerDefinition[] }>("/api/definitions/layers")).layers;

export const style = (layer: string): Promise<LayerStyle> => ask(`${home(layer)}/style`);

export const queryables = (layer: string): Promise<Queryables> => ask(`${home(layer)}/queryables?f=json`);

export const feature = (layer: string, id: number): Promise<Feature> => ask(`${home(layer)}/items/${id}?f=json`);

export const runs = async (): Promise<Run[]> => (await ask<{ runs: Run[] }>("/api/runs")).runs;

export const facilityTypes = async (): Promise<FacilityType[]> =>
  (await ask<{ types: FacilityType[] }>("/api/definitions/facility-types")).types;

/** The divisions of the upper levels, for their names on the map. */
export const divisions = (): Promise<FeatureCollection> => {
  const query = new URLSearchParams({ f: "json", limit: "2000", filter: "level IN ('county','township')" });
  return ask(`${home("divisions")}/items?${query}`);
};
