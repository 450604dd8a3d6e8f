import { type NumberFormat, numberFormat } from "./number-format.ts";
import type { Package } from "./package.ts";

/** A workbook's cell formats (`s="…"`), as far as they say how numbers are shown. */
export class CellFormats {
  /** Codes of the workbook's own number formats, by their ids. */
  readonly #codes = new Map<number, string>();
  /** Of each cell format, the id of its number format. */
  readonly #ids: number[] = [];
  readonly #formats = new Map<number, NumberFormat>();

  static async read(pack: Package, part: string): Promise<CellFormats> {
    const formats = new CellFormats();
    let inCellFormats = false;
    await pack.xml(part, {
      open: (name, attribute) => {
        if (name === "numFmt" && formats.#codes.size < MAX_FORMATS)
          formats.#codes.set(Number(attribute("numFmtId")), attribute("formatCode") ?? "");
        if (name === "cellXfs") inCellFormats = true;
        if (name === "xf" && inCellFormats) formats.#ids.push(Number(attribute("numFmtId") ?? 0));
      },
      close: (name) => {
        if (name === "cellXfs") inCellFormats = false;
      },
    });
    return formats;
  }

  /** The format of a cell of style `style`. */
  of(style: number): NumberFormat {
    const id = this.#ids[style] ?? 0;
    const known = this.#formats.get(id);
    if (known !== undefined) return known;
    const format = numberFormat(id, this.#codes.get(id));
    this.#formats.set(id, format);
    return format;
  }
}

/** Cell formats of a workbook are 65 490 at most: more number formats cannot be in use. */
const MAX_FORMATS = 65_536;
