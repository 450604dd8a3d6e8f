import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

/**
 * The dashboard as it is served: `server/src/dashboard/built/`, from `dashboard/src/` (decision 0051). Part of `npm
 * run generate`; with `--check`, part of `npm run check`, it compares what is there with what would be made. The
 * bundler is pinned, so the same sources give the same bytes.
 */
async function builtDashboard(root: string): Promise<ReadonlyMap<string, string>> {
  const source = join(root, "dashboard/src");
  const common = {
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    charset: "utf8",
    legalComments: "none",
    write: false,
    logLevel: "warning",
    absWorkingDir: root,
    tsconfig: join(root, "dashboard/tsconfig.json"),
  } as const;
  const [app, worker, css] = await Promise.all([
    build({ ...common, entryPoints: [join(source, "main.tsx")] }),
    build({ ...common, entryPoints: [join(source, "pdf/worker.ts")], external: ["module", "fs", "path", "url"] }),
    build({ ...common, entryPoints: [join(source, "app.css")] }),
  ]);
  const text = (result: typeof app) => result.outputFiles[0]?.text ?? "";
  return new Map([
    ["app.js", text(app)],
    ["pdf-worker.js", text(worker)],
    ["app.css", text(css)],
    ["index.html", await readFile(join(source, "index.html"), "utf8")],
    ["icon.svg", await readFile(join(source, "icon.svg"), "utf8")],
    ["licences.txt", await licences(root)],
  ]);
}

/** What others wrote of it, as their licences ask: with every copy. */
async function licences(root: string): Promise<string> {
  const texts = BUNDLED.map(
    async ([name, path]) => `${name}\n\n${await readFile(join(root, "node_modules", path), "utf8")}`,
  );
  return (await Promise.all(texts)).join("\n\n");
}

const BUNDLED = [
  ["preact, in app.js", "preact/LICENSE"],
  ["@embedpdf/pdfium, in pdf-worker.js and pdfium.wasm", "@embedpdf/pdfium/LICENSE"],
  ["PDFium, in pdfium.wasm", "@embedpdf/pdfium/LICENSE.pdfium"],
] as const;

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  const folder = join(root, "server/src/dashboard/built");
  const check = process.argv.includes("--check");
  for (const [name, wanted] of await builtDashboard(root)) {
    const path = join(folder, name);
    if ((await readFile(path, "utf8").catch(() => "")) === wanted) continue;
    if (!check) await writeFile(path, wanted);
    else {
      console.error(
        `server/src/dashboard/built/${name} is not what it is made of: run npm run generate and commit it.`,
      );
      process.exitCode = 1;
    }
  }
}
