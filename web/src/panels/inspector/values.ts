import type { FieldSchema, Value } from "../../api/types";
import { lang, t } from "../../i18n";

export const NOTHING = "—";

/** Write a value of a field for people; codes take the words the service gives for them. */
export function shown(name: string, value: Value | undefined, field: FieldSchema | undefined): string {
  if (value === null || value === undefined || value === "") return NOTHING;
  const word = field?.anyOf?.find((one) => one.const === value);
  if (word) return word.title;
  const locale = lang() === "en" ? "en" : "zh-CN";
  if (typeof value === "boolean") return t(value ? "inspector.yes" : "inspector.no");
  if (typeof value === "number") {
    if (name.endsWith("_share")) {
      return value.toLocaleString(locale, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
    }
    // A year is no amount.
    if (name === "year") return String(value);
    return value.toLocaleString(locale, { maximumFractionDigits: 1 });
  }
  if (field?.format === "date") {
    return new Date(`${value}T00:00:00Z`).toLocaleDateString(locale, { dateStyle: "long", timeZone: "UTC" });
  }
  return value;
}
