import "maplibre-gl/dist/maplibre-gl.css";
import "./styles/tokens.css";
import "./styles/shell.css";
import { createApp } from "vue";
import App from "./App.vue";
import { i18n } from "./i18n";

createApp(App).use(i18n).mount("#app");
