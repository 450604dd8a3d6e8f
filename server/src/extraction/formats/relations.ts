import { posix } from "node:path";
import type { Package } from "./package.ts";

/** One arrow of an OOXML package: from a part to another, by id. */
export interface Relation {
  readonly id: string;
  /** The last word of its type: `officeDocument`, `slide`, `notesSlide`, `worksheet`, `footnotes` … */
  readonly type: string;
  /** The name of the part it points to. */
  readonly target: string;
}

/** Relations of a part ("" = of the package itself), without those that point out of the file. */
export async function relationsOf(pack: Package, part: string): Promise<readonly Relation[]> {
  const folder = posix.dirname(part);
  const name = part === "" ? "_rels/.rels" : `${folder === "." ? "" : `${folder}/`}_rels/${posix.basename(part)}.rels`;
  const relations: Relation[] = [];
  await pack.xml(name, {
    open: (element, attribute) => {
      const [id, type, target] = [attribute("Id"), attribute("Type"), attribute("Target")];
      if (element !== "Relationship" || id === undefined || target === undefined) return;
      if (attribute("TargetMode") === "External") return;
      relations.push({ id, type: type?.slice(type.lastIndexOf("/") + 1) ?? "", target: resolvePart(folder, target) });
    },
  });
  return relations;
}

/**
 * The part that `target` means, seen from `folder`. Names are keys of the package: one with too many `..` just
 * finds nothing.
 */
export function resolvePart(folder: string, target: string): string {
  return posix.normalize(posix.join("/", target.startsWith("/") ? "" : folder, target)).slice(1);
}

/** The main part of an OOXML package, or `fallback` when the relations are missing. */
export async function mainPart(pack: Package, fallback: string): Promise<string> {
  const relations = await relationsOf(pack, "");
  return relations.find((relation) => relation.type === "officeDocument")?.target ?? fallback;
}
