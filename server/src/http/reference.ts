import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ConstantAnswer } from "./constant-answer.ts";
import type { App } from "./route.ts";

/**
 * `/docs`: the API to browse, drawn by Swagger UI from `/openapi.json`. Everything comes from this server: no
 * validator, no fonts, no logo of others, and a policy under which nothing could. The page names its parts relative to
 * itself, so it works below any path of a proxy.
 */
export function referenceRoutes(app: App): void {
  const constant = (url: string, type: string, load: () => Buffer | Promise<Buffer>) => {
    const answer = new ConstantAnswer(async () => ({ type, bytes: await load() }), POLICY);
    app.get(url, { config: { scope: "public" } }, (request, reply) => answer.send(request, reply));
  };
  const html = "text/html; charset=utf-8";
  constant("/docs", html, () => Buffer.from(page("docs/static")));
  constant("/docs/", html, () => Buffer.from(page("static")));
  const script = "text/javascript; charset=utf-8";
  constant("/docs/static/start.js", script, () => Buffer.from(START));
  // The plugin's package holds Swagger UI as it is published; that itself runs a script when it is installed
  // (decisions/0001).
  const folder = join(dirname(createRequire(import.meta.url).resolve("@fastify/swagger-ui")), "static");
  constant("/docs/static/swagger-ui-bundle.js", script, () => readFile(join(folder, "swagger-ui-bundle.js")));
  constant("/docs/static/swagger-ui.css", "text/css; charset=utf-8", () => readFile(join(folder, "swagger-ui.css")));
}

/** Swagger UI draws with inline styles and `data:` images of its own; scripts and connections are ours alone. */
const POLICY = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
};

function page(assets: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Wharf API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${assets}/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="${assets}/swagger-ui-bundle.js"></script>
<script src="${assets}/start.js"></script>
</body>
</html>
`;
}

/** The address may end in a slash or not. */
const START = `const description = location.pathname.endsWith("/") ? "../openapi.json" : "openapi.json";
window.ui = SwaggerUIBundle({
  dom_id: "#swagger-ui",
  url: new URL(description, location.href).href,
  deepLinking: true,
  displayOperationId: true,
  docExpansion: "list",
  tryItOutEnabled: false,
  validatorUrl: null,
});
`;
