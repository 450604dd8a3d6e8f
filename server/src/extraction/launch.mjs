/**
 * First script of a child process: takes the program's code from stdin, bundled already (reader-code.ts), and
 * goes on with the entry that its argument names. Reading the files and taking their types out itself is more than half
 * of a child's start (100 ms of processor time instead of 30).
 *
 * Plain JavaScript: TypeScript here would load the very stripper that it saves. What the code does not hold is read
 * from its file.
 */

// Not imported: an import of node:fs loads whatever it exports, streams and promises too. That, here and in what is
// read below, is a quarter of a child's start.
const { readSync } = process.getBuiltinModule("node:fs");
const { registerHooks, syncBuiltinESMExports } = process.getBuiltinModule("node:module");
const os = process.getBuiltinModule("node:os");
const { pathToFileURL } = process.getBuiltinModule("node:url");

// The permission model lets every process send signals, and where a jail has no walls those of the server's user reach
// the server: SIGKILL, or SIGUSR1, which opens an inspector. Nobody who reads documents needs them. (Tests take the
// model away, and this with it, to see the walls alone.)
if (process.permission !== undefined) {
  for (const name of ["kill", "_kill", "_debugProcess"]) delete process[name];
  os.setPriority = undefined;
  syncBuiltinESMExports();
}

const places = JSON.parse(readPart().toString("utf8"));
const code = readPart();
registerHooks({
  resolve: (specifier, context, next) => {
    const url = specifier.startsWith("./") ? new URL(specifier, context.parentURL).href : specifier;
    return Object.hasOwn(places, url) ? { url, format: "module", shortCircuit: true } : next(specifier, context);
  },
  load: (url, context, next) =>
    Object.hasOwn(places, url)
      ? { format: "module", source: code.toString("utf8", ...places[url]), shortCircuit: true }
      : next(url, context),
});
await import(pathToFileURL(process.argv[2]).href);

function readPart() {
  return read(read(4).readUInt32LE(0));
}

function read(length) {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const count = readSync(0, bytes, at, length - at, null);
    if (count === 0) process.exit(1);
    at += count;
  }
  return bytes;
}
