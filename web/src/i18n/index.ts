import { createI18n } from "vue-i18n";
import { en } from "./en";
import { zhCN, type MessageKey } from "./zh-CN";

export type { MessageKey as TextKey } from "./zh-CN";
export type Lang = "zh" | "en";
const KEPT = "fangyu.lang";

/** The language somebody has chosen, or the browser's. */
export function firstLang(): Lang {
  const kept = localStorage.getItem(KEPT);
  if (kept === "zh" || kept === "en") return kept;
  return navigator.language.toLowerCase().startsWith("en") ? "en" : "zh";
}

export const i18n = createI18n({
  legacy: false,
  locale: firstLang() === "en" ? "en" : "zh-CN",
  fallbackLocale: "zh-CN",
  messages: { "zh-CN": zhCN, en },
});

/** The language that is shown. */
export function lang(): Lang {
  return i18n.global.locale.value === "en" ? "en" : "zh";
}

/** Keep a language for the next time. */
export function keepLang(chosen: Lang): void {
  localStorage.setItem(KEPT, chosen);
}

/** Words by their key; a key that does not exist does not compile. */
export function t(key: MessageKey, values: Record<string, string | number> = {}): string {
  return i18n.global.t(key, values);
}
