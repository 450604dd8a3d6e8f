import { isProduct } from "../product.ts";
import { resolveImport, type Violation } from "./rules.ts";
import type { SourceText } from "./source-text.ts";

/**
 * What a server and the command line run must be there without development packages (`npm start` brings none): code of
 * the product imports the packages of `dependencies` alone, and no file that is not the product's. Types are erased,
 * and may come from anywhere.
 */
export function judgeProductImports(source: SourceText, dependencies: ReadonlySet<string>): readonly Violation[] {
  const { path } = source;
  if (!isProduct(path)) return [];
  return source.imports.flatMap(({ from, typeOnly, line }) => {
    if (typeOnly || from.startsWith("node:")) return [];
    const target = resolveImport(path, from);
    const say =
      target === null
        ? dependencies.has(packageOf(from))
          ? null
          : "a server starts without development packages; list it in dependencies, or do without"
        : isProduct(target) || target.endsWith(".json")
          ? null
          : "the product runs without its tests and tools";
    return say === null ? [] : [{ path, line, say: `imports ${from}: ${say}` }];
  });
}

/** `@scope/name/part` → `@scope/name`. */
function packageOf(from: string): string {
  return from
    .split("/")
    .slice(0, from.startsWith("@") ? 2 : 1)
    .join("/");
}
