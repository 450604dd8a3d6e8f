/** What two tags are compared by (contract §12 search): they are kept as sent, and ü is one letter however typed. */
export function tagKey(tag: string): string {
  return tag.normalize("NFC");
}
