import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { ConstantAnswer } from "../http/constant-answer.ts";
import type { App } from "../http/route.ts";

/**
 * `/`: the dashboard, and the few files that it is made of (decision 0051). They are in the repository as they are
 * sent, and kept in memory, compressed. The page names them relative to itself, so it works below any path of a proxy.
 */
export function dashboardPageRoutes(app: App): void {
  const constant = (url: string, type: string, path: string, headers: Readonly<Record<string, string>>) => {
    const answer = new ConstantAnswer(async () => ({ type, bytes: await readFile(path) }), headers);
    app.get(url, { config: { scope: "public" } }, (request, reply) => answer.send(request, reply));
  };
  const script = "text/javascript; charset=utf-8";
  constant("/", "text/html; charset=utf-8", built("index.html"), PAGE);
  constant("/assets/app.js", script, built("app.js"), PART);
  constant("/assets/app.css", "text/css; charset=utf-8", built("app.css"), PART);
  constant("/assets/icon.svg", "image/svg+xml", built("icon.svg"), {
    ...PART,
    ...policy(["style-src 'unsafe-inline'"]),
  });
  constant("/assets/licences.txt", "text/plain; charset=utf-8", built("licences.txt"), PART);
  constant("/assets/pdf-worker.js", script, built("pdf-worker.js"), WORKER);
  const pdfium = createRequire(import.meta.url).resolve("@embedpdf/pdfium/pdfium.wasm");
  constant("/assets/pdfium.wasm", "application/wasm", pdfium, PART);
}

function built(name: string): string {
  return join(import.meta.dirname, "built", name);
}

function policy(directives: readonly string[]) {
  return { "Content-Security-Policy": ["default-src 'none'", ...directives].join("; ") };
}

/** No other origin may have it as a part of its pages. */
const PART = { "Cross-Origin-Resource-Policy": "same-origin" };

/**
 * Scripts, styles and connections are ours alone, nothing stands in the page itself, and text cannot become markup
 * (Trusted Types).
 */
const PAGE = {
  ...PART,
  ...policy([
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types default",
  ]),
  "Cross-Origin-Opener-Policy": "same-origin",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
  "X-Frame-Options": "DENY",
};

/** PDFium runs in a worker of its own, under its own policy: WebAssembly there alone, and no eval anywhere. */
const WORKER = { ...PART, ...policy(["script-src 'self' 'wasm-unsafe-eval'", "connect-src 'self'"]) };
