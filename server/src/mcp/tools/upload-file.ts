import { basename } from "node:path";
import { type Static, type TObject, Type } from "typebox";
import { MCP_LIMITS } from "../limits.ts";
import { defineTool, type Tool, ToolError } from "../tool.ts";
import { statusOf } from "./files.ts";

/** Reads a file of the machine that the agent runs on. Throws ToolError for what may not be read, or is no file. */
export type ReadLocalFile = (path: string) => Promise<Uint8Array<ArrayBuffer>>;

const Labels = {
  buckets: Type.Array(Type.String(), {
    minItems: 1,
    maxItems: 20,
    description: "Buckets that it is filed in; slugs or ids, as list_buckets gives them.",
  }),
  create_missing_buckets: Type.Optional(
    Type.Boolean({ description: "Default false: an unknown slug is an error that says so." }),
  ),
  title: Type.Optional(Type.String({ description: "At most 512 characters; default: the file's name." })),
  tags: Type.Optional(Type.Array(Type.String(), { maxItems: 20, description: "Each at most 64 characters." })),
};

const Content = {
  filename: Type.String({ description: "With the extension: handbook.pdf" }),
  content_base64: Type.String({
    description: `The bytes in base64; at most ${MCP_LIMITS.uploadBytes / 1024} KiB of them.`,
  }),
};
const ByContent = Type.Object({ ...Content, ...Labels }, { additionalProperties: false });
const ByPath = Type.Object(
  {
    path: Type.String({
      minLength: 1,
      description: "Of the file, in the folder that was given with --root; relative to it, or absolute.",
    }),
    ...Labels,
  },
  { additionalProperties: false },
);

/** `local`: null where there is no folder that an agent may upload from, as always over HTTP. */
export function uploadFile(local: ReadLocalFile | null): Tool {
  return local === null
    ? upload(ByContent, async ({ filename, content_base64: content }) => ({ filename, content: decoded(content) }))
    : upload(ByPath, async ({ path }) => ({ filename: basename(path), content: await local(path) }));
}

interface Labelled {
  readonly buckets: readonly string[];
  readonly create_missing_buckets?: boolean | undefined;
  readonly title?: string | undefined;
  readonly tags?: readonly string[] | undefined;
}

function upload<S extends TObject>(
  input: S,
  read: (args: Static<S>) => Promise<{ readonly filename: string; readonly content: Uint8Array<ArrayBuffer> }>,
): Tool {
  return defineTool({
    name: "upload_file",
    title: "Upload a file",
    description:
      "Stores one document (PDF, Office, OpenDocument, EPUB, HTML, mail, text …) and has it indexed. It is safe once " +
      "this answers; search finds it when file_status says indexed. The same content under the same name, with the same " +
      "labels, is one file however often it is sent.",
    scope: "files:write",
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    input,
    async run({ wharf, signal }, args: Static<S> & Labelled) {
      const { filename, content } = await read(args);
      const { buckets: bucket, create_missing_buckets: createMissingBuckets, title, tags } = args;
      return statusOf(
        await wharf.files.upload(content, { filename, title, tags, bucket, createMissingBuckets, signal }),
      );
    },
  });
}

function decoded(base64: string): Uint8Array<ArrayBuffer> {
  const text = base64.replaceAll(/\s/g, "");
  const bytes = Buffer.from(text, "base64");
  if (bytes.length > MCP_LIMITS.uploadBytes)
    throw new ToolError(
      `content_base64 holds ${bytes.length} bytes, and ${MCP_LIMITS.uploadBytes} is the limit here: ` +
        `upload it with "wharf upload", or through "wharf mcp --root <folder>", which takes a path.`,
    );
  const isBase64 = bytes.toString("base64").replaceAll("=", "") === text.replaceAll("=", "");
  if (!isBase64 || bytes.length === 0)
    throw new ToolError("content_base64 is no base64 of at least one byte: encode the file's bytes (RFC 4648 §4).");
  return bytes;
}
