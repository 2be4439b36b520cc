/** The colours of the base map, read from the tokens so that page and map change together. */
export interface Palette {
  land: string;
  built: string;
  street: string;
  casing: string;
  major: string;
  majorCasing: string;
  foot: string;
  county: string;
  township: string;
  village: string;
  label: string;
  labelSoft: string;
  halo: string;
  chosen: string;
}

export function readPalette(): Palette {
  const styles = getComputedStyle(document.documentElement);
  const token = (name: string): string => styles.getPropertyValue(`--map-${name}`).trim();
  return {
    land: token("land"),
    built: token("built"),
    street: token("street"),
    casing: token("casing"),
    major: token("major"),
    majorCasing: token("major-casing"),
    foot: token("foot"),
    county: token("county"),
    township: token("township"),
    village: token("village"),
    label: token("label"),
    labelSoft: token("label-soft"),
    halo: token("halo"),
    chosen: token("chosen"),
  };
}
