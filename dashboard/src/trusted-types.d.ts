/**
 * Trusted Types, as far as the page uses them; the compiler's own types leave them out. Undefined where a browser has
 * none.
 */
declare var trustedTypes:
  | {
      createPolicy(name: string, rules: { readonly createScriptURL: (url: string) => string | null }): unknown;
    }
  | undefined;
