import type { Static, TObject } from "typebox";
import { Value } from "typebox/value";
import type { Wharf } from "../../../sdk/src/wharf.ts";
import type { Scope } from "../access/api-key.ts";

/** What one call of a tool has. */
export interface ToolContext {
  /** With the caller's key: whatever it refuses is refused to the tool. */
  readonly wharf: Wharf;
  /** Aborted when nobody waits for the answer. */
  readonly signal: AbortSignal;
}

/** Hints for whoever asks a person before a call; all that they say is kept by the routes, not by them. */
export interface ToolAnnotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  /** False: it reaches this server and nothing else. */
  readonly openWorldHint: false;
}

export interface ToolSpec<S extends TObject> {
  readonly name: string;
  readonly title: string;
  /** What it does and when to call which other one: a model reads it. */
  readonly description: string;
  /** Of the key; without it the tool is not offered, and a call says which one is missing (ALL-10). */
  readonly scope: Scope;
  readonly annotations: ToolAnnotations;
  readonly input: S;
  /** The answer's JSON, at most MCP_LIMITS.answerBytes. Throws ToolError, and what the library throws. */
  run(context: ToolContext, args: Static<S>): Promise<object>;
}

export interface Tool extends Omit<ToolSpec<TObject>, "run"> {
  /** Throws as ToolSpec.run does; ToolError for arguments that are not as `input` says. */
  run(context: ToolContext, args: unknown): Promise<object>;
}

/** What the caller can put right; the sentence says how. */
export class ToolError extends Error {
  override readonly name = "ToolError";
}

export const READS: ToolAnnotations = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
};

export function defineTool<S extends TObject>(spec: ToolSpec<S>): Tool {
  const { name, input } = spec;
  return {
    ...spec,
    run: async (context, args) => {
      if (!Value.Check(input, args)) throw new ToolError(`${faultOf(input, args)} ${name} takes ${shown(input)}.`);
      return spec.run(context, args);
    },
  };
}

function faultOf(input: TObject, args: unknown): string {
  const known = Object.keys(input.properties);
  const unknown = Object.keys(Object(args)).find((member) => !known.includes(member));
  if (unknown !== undefined) return `There is no argument ${unknown.slice(0, 60)}.`;
  const [fault] = Value.Errors(input, args);
  const where = fault?.instancePath.slice(1).replaceAll("/", ".") ?? "";
  return `${where === "" ? "The arguments" : where} ${fault?.message ?? "are not as they should be"}.`;
}

/** `query, buckets?, limit?` */
function shown(input: TObject): string {
  const required: readonly string[] = input.required ?? [];
  const names = Object.keys(input.properties).map((member) => (required.includes(member) ? member : `${member}?`));
  return names.join(", ");
}
