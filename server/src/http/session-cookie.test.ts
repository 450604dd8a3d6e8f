import assert from "node:assert/strict";
import { test } from "node:test";
import { setCookie } from "./session-cookie.ts";

test("the cookie is __Host- and Secure behind TLS, below a sub-path too, and bound to port and path without it (ALL-2)", () => {
  const always = "HttpOnly; SameSite=Strict; Max-Age=43200";
  for (const [publicUrl, expected] of [
    ["https://files.example.com", `__Host-wharf_session=s; Path=/; Secure; ${always}`],
    ["https://files.example.com/wharf", `__Host-wharf_session=s; Path=/; Secure; ${always}`],
    ["http://127.0.0.1:8686", `wharf_session_8686=s; Path=/; ${always}`],
    ["http://files.local/wharf", `wharf_session_80=s; Path=/wharf; ${always}`],
  ] as const)
    assert.equal(setCookie(publicUrl, "s"), expected);
  assert.match(setCookie("https://files.example.com", null), /^__Host-wharf_session=; .* Max-Age=0$/);
});
