declare module "*.vue" {
  import type { DefineComponent } from "vue";
  const component: DefineComponent<object, object, unknown>;
  export default component;
}

declare module "maplibre-gl/dist/maplibre-gl-csp.js";

interface Window {
  /** The map, for browsers that a test drives; nobody else gets it. */
  fangyuMap?: import("maplibre-gl").Map;
}
