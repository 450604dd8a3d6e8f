import { LIMITS } from "../limits.ts";

/**
 * The byte end-point, described by hand: it is no Fastify route, and what matters about it is a protocol, not a schema
 * (contract §3). No key: the URL is the capability.
 */
export function byteEndpointPath(maxFileBytes: number): Readonly<Record<string, object>> {
  const operation = (operationId: string, summary: string, more: object): object => ({
    operationId,
    summary,
    tags: ["uploads"],
    security: [],
    ...more,
  });
  const text = { "text/plain": { schema: { type: "string" } } };
  const dead = {
    404: { description: "No such upload: the URL is wrong, whatever about it.", content: text },
    410: { description: "The session has expired; create another.", content: text },
    499: { description: "The upload was cancelled.", content: text },
  };
  return {
    "/v1/uploads/{session_id}/{signature}": {
      parameters: ["session_id", "signature"].map((name) => ({
        name,
        in: "path",
        required: true,
        schema: { type: "string" },
      })),
      put: operation("putBytes", "Send bytes, or ask how many are kept", {
        description: [
          "The upload_url of a session, used as it was given: Google Cloud Storage's resumable upload. Send the whole file with Content-Range: bytes 0-(N-1)/N, or with none.",
          `Parts that do not end the file are multiples of ${LIMITS.uploadUnitBytes} bytes. To resume, send an empty body with Content-Range: bytes */N; the Range of the 308 says what is kept, and those bytes are on disk. Go on behind them.`,
          "A second request takes over from the first.",
        ].join("\n\n"),
        parameters: [
          {
            name: "Content-Range",
            in: "header",
            required: false,
            description: "bytes first-last/total, bytes first-last/*, bytes first-*/*, or bytes */total to ask.",
            schema: { type: "string" },
          },
          {
            name: "X-Goog-Hash",
            in: "header",
            required: false,
            description: "crc32c=… or md5=… in base64, checked on the last request.",
            schema: { type: "string" },
          },
        ],
        requestBody: {
          description: `The bytes; the file has at most ${maxFileBytes}.`,
          content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } },
        },
        responses: {
          200: {
            description: "The file is complete and on disk.",
            content: { "application/json": { schema: OBJECT_RESOURCE } },
          },
          308: {
            description: "More is expected. What Range names is on disk; without Range nothing is.",
            headers: { Range: { description: "bytes=0-last", schema: { type: "string" } } },
          },
          400: {
            description: "The range, length or digest is wrong. The session stays open.",
            content: { ...text, "application/json": { schema: DIGEST_REFUSAL } },
          },
          ...dead,
          415: { description: "Bytes are taken as they are, without a Content-Encoding.", content: text },
          503: {
            description: "The part begins beyond what is kept, or the disk is low. Ask how much is kept, then go on.",
            content: text,
          },
        },
      }),
      delete: operation("cancelBytes", "Give the upload up", {
        responses: {
          ...dead,
          405: { description: "The upload is complete; nothing is lost.", content: text },
        },
      }),
    },
  };
}

/** A wrong X-Goog-Hash or Content-MD5 is refused in the words of Google's JSON API. */
const DIGEST_REFUSAL = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "message"],
      properties: { code: { type: "integer" }, message: { type: "string" } },
    },
  },
};

/** Google's object resource, as far as clients read it. */
const OBJECT_RESOURCE = {
  type: "object",
  properties: {
    kind: { type: "string", const: "storage#object" },
    size: { type: "string", description: "Bytes, as a decimal string." },
    md5Hash: { type: "string", description: "Base64. Absent once the file is deleted." },
    crc32c: { type: "string", description: "Base64 of 4 big-endian bytes. Absent once the file is deleted." },
  },
};
