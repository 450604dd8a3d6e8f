/**
 * A first document, from a shell: create → PUT → finalize → wait → search. It needs curl, sed and sh alone, and
 * is pasted into whatever shell is there: no comments (zsh reads them as commands at its prompt), no `!`, no
 * variable called `status` (read-only in zsh), nothing that would close the shell when a step fails. A test runs
 * this text with `sh`.
 */
export function tour(url: string): string {
  return `export WHARF_URL=${url}

TEXT='Ships longer than forty metres take a pilot on board before they enter the harbour.'
SIZE=\${#TEXT}
printf %s "$TEXT" > wharf-tour.txt

SESSION=$(curl -sS -X POST "$WHARF_URL/v1/knowledge/files/upload-session" -H "Authorization: Bearer $WHARF_API_KEY" -H "Content-Type: application/json" -d '{"filename":"wharf-tour.txt","content_type":"text/plain","size_bytes":'$SIZE',"bucket":"tour","create_missing_buckets":true}')
SESSION_ID=$(printf '%s\\n' "$SESSION" | sed -n 's/.*"session_id":"\\([^"]*\\)".*/\\1/p')
UPLOAD_URL=$(printf '%s\\n' "$SESSION" | sed -n 's/.*"upload_url":"\\([^"]*\\)".*/\\1/p')
echo "1. Created: \${SESSION_ID:-$SESSION}"

UPLOADED=$(curl -sS -X PUT "$UPLOAD_URL" -H "Content-Type: text/plain" -H "Content-Range: bytes 0-$((SIZE - 1))/$SIZE" --data-binary @wharf-tour.txt)
STORED=$(printf '%s\\n' "$UPLOADED" | sed -n 's/.*"size":"\\([0-9]*\\)".*/\\1/p')
echo "2. Uploaded: \${STORED:-$UPLOADED} bytes are on disk"

FILE=$(curl -sS -X POST "$WHARF_URL/v1/knowledge/files/upload-session/$SESSION_ID/finalize" -H "Authorization: Bearer $WHARF_API_KEY")
FILE_ID=$(printf '%s\\n' "$FILE" | sed -n 's/.*"id":"\\(file_[^"]*\\)".*/\\1/p')
echo "3. Finalized: \${FILE_ID:-$FILE}"

STATE=queued
while [ "$STATE" = queued ] || [ "$STATE" = indexing ]; do
  FILE=$(curl -sS "$WHARF_URL/v1/knowledge/files/$FILE_ID?wait=30" -H "Authorization: Bearer $WHARF_API_KEY")
  STATE=$(printf '%s\\n' "$FILE" | sed -n 's/.*"object":"knowledge_file","status":"\\([a-z]*\\)".*/\\1/p')
done
echo "4. Status: \${STATE:-$FILE}"

FOUND=$(curl -sS -X POST "$WHARF_URL/v1/knowledge/search" -H "Authorization: Bearer $WHARF_API_KEY" -H "Content-Type: application/json" -d '{"query":"who needs a pilot","bucket":"tour","limit":1}')
PAGE=$(printf '%s\\n' "$FOUND" | sed -n 's/.*"page":\\([0-9]*\\).*/\\1/p')
PHRASE=$(printf '%s\\n' "$FOUND" | sed -n 's/.*"text":"\\([^"]*\\)".*/\\1/p')
echo "5. Found on page \${PAGE:-?}: \${PHRASE:-$FOUND}"
`;
}
