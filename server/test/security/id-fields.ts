import { at, objectAt, textAt } from "../support/json.ts";

/**
 * A place of a described operation where a client names something: by its id, its slug, a cursor, or what it called it
 * itself.
 */
export interface IdField {
  /** `getFile path.file_id`, `search body.filters.file_ids`. */
  readonly name: string;
  readonly operationId: string;
  readonly method: string;
  /** As described: `/v1/knowledge/files/{file_id}`. */
  readonly path: string;
  readonly place: "path" | "query" | "body";
}

const METHODS = ["get", "post", "put", "patch", "delete"] as const;
const NAMES_SOMETHING = /(?:^|_)ids?$|^bucket(?:_slugs)?$|^cursor$|^replaces$/;

/** Of every operation that needs a key. A member whose schema says nothing may hold an id too. */
export function idFieldsOf(document: unknown): readonly IdField[] {
  return Object.entries(objectAt(document, "paths")).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const described = at(item, method);
      if (described === undefined || membersOf(at(described, "security")).length === 0) return [];
      const operationId = textAt(described, "operationId");
      const field = (place: IdField["place"], name: string): IdField => {
        return { name: `${operationId} ${place}.${name}`, operationId, method: method.toUpperCase(), path, place };
      };
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => field("path", name));
      const inQuery = membersOf(at(described, "parameters"))
        .filter((parameter) => at(parameter, "in") === "query" && NAMES_SOMETHING.test(textAt(parameter, "name")))
        .map((parameter) => field("query", textAt(parameter, "name")));
      const inBody = membersOf(at(described, "requestBody", "content"))
        .flatMap((media) => namesIn(at(media, "schema"), ""))
        .map((name) => field("body", name));
      return [...inPath, ...inQuery, ...new Map(inBody.map((each) => [each.name, each])).values()];
    }),
  );
}

/** Paths of members: `filter.file_ids`, `manifest.items[].bucket`. */
function namesIn(schema: unknown, path: string): readonly string[] {
  const alternatives = membersOf(at(schema, "anyOf")).flatMap((each) => namesIn(each, path));
  const items = at(schema, "items") === undefined ? [] : namesIn(at(schema, "items"), `${path}[]`);
  const members = Object.entries(at(schema, "properties") ?? {}).flatMap(([name, member]) => {
    const inner = path === "" ? name : `${path}.${name}`;
    const mayName = NAMES_SOMETHING.test(name) || saysNothing(member);
    return [...(mayName ? [inner] : []), ...namesIn(member, inner)];
  });
  return [...new Set([...alternatives, ...items, ...members])];
}

function saysNothing(schema: unknown): boolean {
  return ["type", "enum", "const", "anyOf", "$ref"].every((word) => at(schema, word) === undefined);
}

function membersOf(value: unknown): readonly unknown[] {
  return typeof value === "object" && value !== null ? Object.values(value) : [];
}
