import { describe, expect, it } from "vitest";
import { en } from "../src/i18n/en";
import { zhCN } from "../src/i18n/zh-CN";

/** Every text by its key. */
function flat(tree: object, prefix = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") found.set(prefix + key, value);
    else for (const [inner, text] of flat(value as object, `${prefix}${key}.`)) found.set(inner, text);
  }
  return found;
}

const placeholders = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((one) => one[1] ?? "").sort();

describe("the words of the page", () => {
  const [chinese, english] = [flat(zhCN), flat(en)];

  it("are the same in both languages, none of them empty, with the same values put in", () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort());
    for (const [key, text] of chinese) {
      expect(text, key).not.toBe("");
      expect(placeholders(english.get(key) ?? ""), key).toEqual(placeholders(text));
    }
  });

  it("hold no English in Chinese but names, and no Chinese in English but the way back", () => {
    const allowed = /WebGL|CGCS2000|English|fangyu import|\{\w+\}/g;
    for (const [key, text] of chinese) expect(text.replace(allowed, ""), key).not.toMatch(/[A-Za-z]{2}/);
    for (const [key, text] of english) if (key !== "app.language") expect(text, key).not.toMatch(/[\u4e00-\u9fff]/);
  });
});
