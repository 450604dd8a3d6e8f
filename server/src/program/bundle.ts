import { readFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { dirname, relative } from "node:path";
import { pathToFileURL } from "node:url";
import type { Plugin } from "esbuild";

/**
 * JavaScript that does what some entries and all that they import do, with nothing left to look for but Node's
 * modules.
 */
export interface Bundle {
  /** Text by file name: `<entry>.mjs` for each entry, and what several of them share, or load later. */
  readonly files: ReadonlyMap<string, string>;
  /** What was read of ours to make it, by path relative to the root. */
  readonly sources: ReadonlyMap<string, Buffer>;
}

/**
 * Bundles `entries`, paths by name, with esbuild. Names of functions and classes stay, so a stack trace can be read;
 * what a file says of its own place stays the place of the source. Throws where esbuild is not to be had.
 */
export async function bundle(root: string, entries: Readonly<Record<string, string>>): Promise<Bundle> {
  // Loaded here alone: nothing that was built bundles anything.
  const { build, stop } = await import("esbuild");
  const sources = new Map<string, Buffer>();
  running += 1;
  try {
    const { outputFiles, metafile } = await build({
      absWorkingDir: root,
      entryPoints: entries,
      bundle: true,
      // What a command or a thread does not need is not loaded.
      splitting: true,
      format: "esm",
      outdir: "/",
      // The folder that it is kept in says nothing about its modules (`package.json`, "type").
      outExtension: { ".js": ".mjs" },
      platform: "node",
      target: "node24",
      legalComments: "none",
      // As Node takes types out, whatever a tsconfig.json says, here or in a folder above.
      tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true, useDefineForClassFields: true } },
      external: ["esbuild"],
      plugins: [NODE_MODULES_OF_NODE, ownSources((path, text) => sources.set(relative(root, path), text))],
      write: false,
      metafile: true,
      logLevel: "silent",
    });
    for (const path of Object.keys(metafile.inputs))
      if (!/node_modules\/|^\w+:/.test(path) && !sources.has(path))
        throw new Error(`${path} is bundled, and nobody knows what it said`);
    return { files: new Map(outputFiles.map(({ path, text }) => [path.slice(1), text])), sources };
  } finally {
    running -= 1;
    // A process of its own, which would stay.
    if (running === 0) await stop();
  }
}

/** Bundles that are being made: they share esbuild's process. */
let running = 0;

/** The only file that is to say where it itself is. */
const ASKS_FOR_ITSELF = "/server/src/program/entry-file.ts";

/**
 * Our own files. What one says of its own place stays the place of the source: resources and packages are found from
 * there.
 */
function ownSources(read: (path: string, text: Buffer) => void): Plugin {
  return {
    name: "own-sources",
    setup(build) {
      build.onLoad({ filter: /\.(?:ts|json)$/, namespace: "file" }, async ({ path }) => {
        if (path.includes("/node_modules/")) return undefined;
        const bytes = await readFile(path);
        read(path, bytes);
        const text = bytes.toString("utf8");
        const contents = path.endsWith(ASKS_FOR_ITSELF)
          ? text
          : text.replaceAll(OWN_PLACE, (_, what) => placeOf(path, what));
        return { contents, loader: path.endsWith(".ts") ? "ts" : "json" };
      });
    },
  };
}

const OWN_PLACE = /\bimport\.meta\.(url|dirname|filename)\b/g;

function placeOf(path: string, what: string): string {
  return JSON.stringify(what === "url" ? pathToFileURL(path).href : what === "dirname" ? dirname(path) : path);
}

/**
 * Node's own modules, by `process.getBuiltinModule`. An `import` of one makes everything that it exports, also what is
 * made when it is first asked for: node:http has undici in that way, node:crypto all of WebCrypto, node:fs its streams.
 * That was a twentieth of a start, and a quarter of a reader's.
 */
const NODE_MODULES_OF_NODE: Plugin = {
  name: "node-modules-of-node",
  setup(build) {
    build.onResolve({ filter: /^(?:node:[\w/]+|[a-z_]+(?:\/promises)?)$/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      const namespace = kind === "require-call" ? "required" : "imported";
      return { path: path.startsWith("node:") ? path : `node:${path}`, namespace, sideEffects: false };
    });
    build.onLoad({ filter: /./, namespace: "required" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule("${path}");`,
    }));
    build.onLoad({ filter: /./, namespace: "imported" }, ({ path }) => ({ contents: importedModule(path) }));
  },
};

/**
 * Each export for itself, and only those that somebody imports are left: esbuild drops a pure call that nobody uses.
 */
function importedModule(path: string): string {
  const names = Object.keys(process.getBuiltinModule(path) ?? {}).filter((name) => name !== "default");
  return [
    `const all = process.getBuiltinModule("${path}");`,
    "const get = (name) => all[name];",
    ...names.map((name, index) => `const $${index} = /* @__PURE__ */ get("${name}");`),
    `export { ${["all as default", ...names.map((name, index) => `$${index} as ${name}`)].join(", ")} };`,
  ].join("\n");
}
