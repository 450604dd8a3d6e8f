import { ApiError, ConnectionError, WharfError } from "../../sdk/src/core/errors.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { textIn, textsIn } from "./json.ts";

/** What the library threw, with its exit code and as people who type commands read it; anything else as it is. */
export function toCliError(error: unknown): unknown {
  if (error instanceof ApiError) return ofApi(error);
  if (error instanceof ConnectionError) {
    const message = error.message.replace("is the address right?", "is WHARF_URL right?");
    return new CliError(EXIT.unreachable, "unreachable", message, { cause: error });
  }
  if (!(error instanceof WharfError)) return error;
  return new CliError(EXIT.failure, error.code, error.message, { cause: error });
}

function ofApi(error: ApiError): CliError {
  // Of what the command line sends, an empty file alone has no size.
  if (error.code === "invalid_size")
    return new CliError(EXIT.failure, "empty_file", "The file is empty.", { cause: error });
  const refusedKey = error.status === 401 || error.status === 403;
  return new CliError(refusedKey ? EXIT.keyRefused : EXIT.failure, error.code, sentenceOf(error), { cause: error });
}

/** The server speaks of the header that it saw. */
const UNKNOWN_KEY =
  "The server does not know WHARF_API_KEY, or no longer: export a key of this server (wharf keys create makes one).";

/**
 * The server's own sentence; where it speaks of JSON fields that the command line spells as flags or does not show,
 * ours.
 */
function sentenceOf({ code, message, details }: ApiError): string {
  if (code === "invalid_api_key") return UNKNOWN_KEY;
  const required = textIn(details, "required");
  if (code === "forbidden_scope" && required !== null)
    return `WHARF_API_KEY may not do that: it needs a key with the scope ${required}.`;
  const unresolved = textsIn(details, "unresolved").join(", ");
  if (code !== "bucket_assignment_failed" || unresolved === "") return message;
  if (message.includes("create_missing_buckets"))
    return `There is no active bucket ${unresolved}. Correct it, or add --create-missing-buckets to upload.`;
  return message.replace("; details.unresolved lists them", `: ${unresolved}`);
}
