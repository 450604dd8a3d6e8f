const CALENDAR_FIELDS: Readonly<Record<string, string>> = {
  SUMMARY: "Summary",
  LOCATION: "Location",
  DTSTART: "Start",
  DTEND: "End",
  DUE: "Due",
  ORGANIZER: "Organizer",
  ATTENDEE: "Attendee",
  DESCRIPTION: "Description",
  COMMENT: "Comment",
  CONTACT: "Contact",
};

/** The fields of an appointment that people see, in their order; people are `CN="Ann":mailto:…`. */
export function calendarText(calendar: string): string {
  let text = "";
  let lines: string[] = [];
  let within = "";
  for (const field of unfolded(calendar)) {
    const colon = valueStart(field);
    const name = field.slice(0, Math.min(colon, NAME_CHARS)).split(";", 1).join().toUpperCase();
    if (name === "BEGIN") within = field.slice(colon + 1).toUpperCase();
    const label = CALENDAR_FIELDS[name];
    const value = label === undefined || TIME_ZONES.has(within) ? "" : fieldValue(field, colon);
    if (value === "") continue;
    lines.push(`${label}: ${value}\n`);
    if (lines.length < LINES_AT_ONCE) continue;
    text += lines.join("");
    lines = [];
  }
  return (text + lines.join("")).trim();
}

/** Each is a tree of its parts until it is joined with others: those of 700 000 attendees filled the heap. */
const LINES_AT_ONCE = 1000;

const NAME_CHARS = 40;
const TIME_ZONES: ReadonlySet<string> = new Set(["VTIMEZONE", "STANDARD", "DAYLIGHT"]);

/**
 * Lines of a calendar are folded at 75 bytes: what begins with white space goes on. One at a time: a part may
 * have a million.
 */
function* unfolded(calendar: string): Generator<string> {
  let field = "";
  for (let at = 0; at < calendar.length; ) {
    const found = calendar.indexOf("\n", at);
    const end = found === -1 ? calendar.length : found;
    const text = calendar.slice(at, calendar.charAt(end - 1) === "\r" ? end - 1 : end);
    if (text.startsWith(" ") || text.startsWith("\t")) field += text.slice(1);
    else {
      yield field;
      field = text;
    }
    at = end + 1;
  }
  yield field;
}

function fieldValue(field: string, colon: number): string {
  const person = /;CN=(?:"([^"]{1,200})"|([^;:"]{1,200}))/i.exec(field.slice(0, colon));
  const value = field
    .slice(colon + 1)
    .replace(/^mailto:/i, "")
    .replace(/\\([nN,;\\])/g, (_, char) => (char === "n" || char === "N" ? "\n" : char));
  return person === null ? value : `${person[1] ?? person[2]} <${value}>`;
}

/** The colon behind the parameters, some of which are quoted and hold colons. */
function valueStart(field: string): number {
  let quoted = false;
  for (let at = 0; at < field.length; at++) {
    const char = field.charAt(at);
    if (char === '"') quoted = !quoted;
    else if (char === ":" && !quoted) return at;
  }
  return field.length;
}
