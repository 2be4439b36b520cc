import { computed, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from "vue";
import * as client from "../api/client";
import type { Box, FacilityType, LayerStyle, Session } from "../api/types";
import { isBase } from "../map/base";
import { lang, t } from "../i18n";

/** A layer of the service, as the panel lists it. */
export interface CatalogLayer {
  name: string;
  title: string;
  colour: string;
  zoom: number;
  group: "base" | "data" | "analysis";
  isEmpty: boolean;
  isInternal: boolean;
  isPoint: boolean;
  isByService: boolean;
  titles: Record<string, string>;
}

export interface Catalog {
  session: ShallowRef<Session | null>;
  layers: ShallowRef<CatalogLayer[]>;
  services: ShallowRef<{ slug: string; title: string }[]>;
  styles: ShallowRef<Record<string, LayerStyle | "failed">>;
  box: ComputedRef<Box | null>;
  wrong: Ref<string | null>;
  isLoading: Ref<boolean>;
  load: () => Promise<void>;
  need: (names: string[]) => Promise<void>;
  usual: () => string[];
}

/** Say in the page's language what went wrong. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof client.RequestError)) return String(error);
  if (error.status === 0) return t("error.offline");
  return error.message || t("error.code", { code: error.code });
}

/** The layers there are for who asks, and the styles they are drawn by. */
export function useCatalog(): Catalog {
  const session = shallowRef<Session | null>(null);
  const layers = shallowRef<CatalogLayer[]>([]);
  const services = shallowRef<{ slug: string; title: string }[]>([]);
  const styles = shallowRef<Record<string, LayerStyle | "failed">>({});
  const boxes = shallowRef<Box[]>([]);
  const wrong = ref<string | null>(null);
  const isLoading = ref(true);

  async function load(): Promise<void> {
    isLoading.value = true;
    wrong.value = null;
    try {
      const [who, found, defined] = await Promise.all([client.session(), client.collections(), client.definitions()]);
      const tables = new Map(defined.map((one) => [one.name, one]));
      boxes.value = found.filter((one) => !one.isEmpty).flatMap((one) => one.extent.spatial.bbox.slice(0, 1));
      layers.value = found.map((one) => {
        const table = tables.get(one.id);
        const fields = table?.fields ?? [];
        const isByService = ["type", "run_id"].every((name) => fields.some((field) => field.name === name));
        const isResult = isByService || one.id.endsWith("_cells");
        return {
          name: one.id,
          title: one.title,
          colour: table?.colour ?? "currentColor",
          zoom: table?.zoom ?? 0,
          group: isBase(one.id) ? "base" : isResult ? "analysis" : "data",
          isEmpty: one.isEmpty,
          isInternal: table?.is_public === false,
          isPoint: table?.family != null,
          isByService,
          titles: Object.fromEntries(fields.map((field) => [field.name, lang() === "en" ? field.title_en : field.title_zh])),
        };
      });
      services.value = layers.value.some((one) => one.isByService && !one.isEmpty) ? await servicesOfRuns() : [];
      session.value = who;
    } catch (error) {
      wrong.value = wordsOf(error);
    }
    isLoading.value = false;
  }

  /** Read the styles of some layers; those that are known are not asked for again. */
  async function need(names: string[]): Promise<void> {
    const missing = names.filter((name) => typeof styles.value[name] !== "object");
    const found = await Promise.all(
      missing.map(async (name) => [name, await client.style(name).catch(() => "failed" as const)] as const),
    );
    if (found.length) styles.value = { ...styles.value, ...Object.fromEntries(found) };
  }

  /** The layers that are on where the address does not say: the base, and what there is to see. */
  function usual(): string[] {
    const results = ["coverage_cells", "gaps"];
    const hasResults = layers.value.some((one) => results.includes(one.name) && !one.isEmpty);
    const wanted = hasResults ? results : ["facilities_eldercare"];
    return layers.value
      .filter((one) => !one.isEmpty && (one.group === "base" || wanted.includes(one.name)))
      .map((one) => one.name);
  }

  const box = computed<Box | null>(() => {
    if (!boxes.value.length) return null;
    const side = (i: 0 | 1 | 2 | 3, of: (...n: number[]) => number): number => of(...boxes.value.map((one) => one[i]));
    return [side(0, Math.min), side(1, Math.min), side(2, Math.max), side(3, Math.max)];
  });

  return { session, layers, services, styles, box, wrong, isLoading, load, need, usual };
}

async function servicesOfRuns(): Promise<{ slug: string; title: string }[]> {
  const [runs, types] = await Promise.all([client.runs(), client.facilityTypes()]);
  const known = new Map<string, FacilityType>(types.map((one) => [one.slug, one]));
  const slugs = new Set(runs.flatMap((run) => run.parameters.types ?? []));
  return [...slugs].map((slug) => {
    const type = known.get(slug);
    return { slug, title: (lang() === "en" ? type?.title_en : type?.title_zh) ?? slug };
  });
}
