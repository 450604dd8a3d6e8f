#!/bin/sh
# Brings a folder into a bucket, every night: POSIX sh and curl alone.
#
#   WHARF_URL=http://127.0.0.1:8686 WHARF_API_KEY=sk_... sh nightly-folder.sh /srv/handbook handbook
#
# One line a file on stdout, after its time: uploaded, replaced, unchanged or failed (and why). Exit code: 0 all files
# are searchable, 1 at least one is not, 2 used wrongly, or the server does not answer. From cron:
#
#   15 2 * * *  WHARF_API_KEY=$(cat /etc/wharf.key) sh nightly-folder.sh /srv/handbook handbook >> nightly.log
#
# It may be killed, run again, and run beside itself: path, size and checksum of a file are its Idempotency-Key, so one
# content is one session and one file; an upload that was cut goes on from the last byte that the server has on disk;
# what is there already is not sent again. The older version of a file is deleted when the new one is searchable, not
# before. A file that leaves the folder stays on the server. Hidden files and folders are passed over.
set -u
LC_ALL=C
export LC_ALL

if [ $# -ne 2 ] || [ ! -d "$1" ] || [ -z "${WHARF_API_KEY:-}" ]; then
  echo "usage: WHARF_API_KEY=sk_... nightly-folder.sh <folder> <bucket>" >&2
  exit 2
fi
BUCKET=$2
BASE=${WHARF_URL:-http://127.0.0.1:8686}
BASE=${BASE%/}
V1=${BASE%/v1}/v1
FILES=$V1/knowledge/files
WORK=$(mktemp -d) || exit 2
trap 'rm -rf "$WORK"' EXIT
trap 'exit 2' HUP INT TERM
cd "$1" || exit 2

# What is secret stands in files of ours alone: everybody on the machine may read a command line.
umask 077
printf 'header = "Authorization: Bearer %s"\n' "$WHARF_API_KEY" > "$WORK/key"

# A call of the JSON API: its status in CODE (000: no answer), its body in $WORK/answer. After 408, 429 and 5xx curl
# tries again by itself, as long later as Retry-After says.
api() {
  : > "$WORK/answer"
  CODE=$(curl -sS -K "$WORK/key" --retry 8 --retry-connrefused --max-time 100 \
    -o "$WORK/answer" -w '%{http_code}' "$@") || CODE=000
}

# A member of the answer that is a text without quotes.
member() { sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p' "$WORK/answer"; }

# What the answer's error says.
reason() {
  said=$(sed -n 's/.*"error":{"code":"\([^"]*\)","message":"\([^"]*\)".*/\1: \2/p' "$WORK/answer")
  printf '%s' "${said:-the server answered $CODE}"
}

# A text as a JSON string; control characters are not in it.
quoted() { printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$/"/'; }

log() {
  printf '%s\t%s\t%s%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" "$2" "${3:+	$3}"
  [ "$1" != failed ] || : > "$WORK/failed"
}

# The server's files that were made of this path, one a line of $WORK/known, from "id" on.
known() {
  api -G "$FILES" --data-urlencode "bucket=$BUCKET" --data-urlencode "metadata.nightly_path=$(quoted "$1")"
  sed 's/"id":"file_/\
"id":"file_/g' "$WORK/answer" | grep '^"id":"file_' > "$WORK/known"
}

id_of() { sed -n 's/.*"id":"\(file_[0-9a-z]*\)".*/\1/p'; }

# All bytes of a file ($2, of $3 bytes) to the upload URL. The server is asked how many it has and gets the rest, until
# it has all.
put() {
  printf 'url = "%s"\n' "$1" > "$WORK/url"
  tries=0
  while :; do
    CODE=$(curl -sS -K "$WORK/url" -X PUT -H "Content-Range: bytes */$3" -H "Content-Length: 0" \
      --max-time 100 -D "$WORK/head" -o "$WORK/answer" -w '%{http_code}') || CODE=000
    case $CODE in
      200) return 0 ;;
      308 | 000 | 408 | 429 | 5??) ;;
      *) return 1 ;;
    esac
    [ "$tries" -lt 8 ] || return 1
    if [ "$CODE" = 308 ]; then
      last=$(sed -n 's/^[Rr]ange: bytes=0-\([0-9]*\).*/\1/p' "$WORK/head")
      kept=$((${last:--1} + 1))
      # The first time at once; after a cut, later and later.
      [ "$tries" -eq 0 ] || sleep "$tries"
      tail -c "+$((kept + 1))" "$2" |
        curl -sS -K "$WORK/url" -T - -H "Content-Range: bytes $kept-$(($3 - 1))/$3" -o /dev/null || :
    else
      sleep $((tries + 1))
    fi
    tries=$((tries + 1))
  done
}

one_file() {
  path=$1
  size=$(($(wc -c < "$path")))
  content=$(cksum < "$path" | cut -d ' ' -f 1)-$size
  known "$path"
  if [ "$CODE" != 200 ]; then
    log failed "$path" "$(reason)"
    return
  fi
  older=$(grep -v "\"nightly_content\":\"$content\"" "$WORK/known" | id_of)
  id=$(grep "\"nightly_content\":\"$content\"" "$WORK/known" | id_of | sed 1q)
  word=unchanged
  if [ -z "$id" ]; then
    word=uploaded
    {
      printf '{"filename":%s,"size_bytes":%s,' "$(quoted "${path##*/}")" "$size"
      printf '"bucket":%s,"create_missing_buckets":true,' "$(quoted "$BUCKET")"
      printf '"metadata":{"nightly_path":%s,"nightly_content":"%s"}}' "$(quoted "$path")" "$content"
    } > "$WORK/create"
    key=nightly-$(printf '%s/%s' "$BUCKET" "$path" | cksum | tr ' ' -)-$content
    api "$FILES/upload-session" -H "Content-Type: application/json" -H "Idempotency-Key: $key" \
      --data-binary "@$WORK/create"
    session=$(member session_id)
    if [ "$CODE" != 201 ] || [ -z "$session" ]; then
      log failed "$path" "$(reason)"
      return
    fi
    if ! put "$(member upload_url)" "$path" "$size"; then
      log failed "$path" "the upload URL answered $CODE"
      return
    fi
    api -X POST "$FILES/upload-session/$session/finalize"
    if [ "$CODE" != 201 ]; then
      log failed "$path" "$(reason)"
      return
    fi
    id=$(id_of < "$WORK/answer")
  fi
  while :; do
    api "$FILES/$id?wait=60"
    state=$(sed -n 's/.*"object":"knowledge_file","status":"\([a-z]*\)".*/\1/p' "$WORK/answer")
    case $state in
      queued | indexing) ;;
      indexed) break ;;
      deleted)
        log failed "$path" "$id was deleted on the server; it comes back when it changes, or in a week without a try"
        return
        ;;
      *)
        log failed "$path" "$id: $(reason)"
        return
        ;;
    esac
  done
  for old in $older; do
    api -X DELETE "$FILES/$old"
    [ "$word" = unchanged ] || word=replaced
  done
  log "$word" "$path"
}

api "$V1/connection"
if [ "$CODE" != 200 ]; then
  echo "$V1: $(reason)" >&2
  exit 2
fi

# A name with a control character could not be sent, and would break the lines of this log.
find . -type f -path '*[[:cntrl:]]*' ! -path '*/.*' \
  -exec sh -c 'printf %s "$1" | tr "[:cntrl:]" "?"; echo' sh {} \; > "$WORK/odd"
while IFS= read -r name; do log failed "${name#./}" "its name holds a control character"; done < "$WORK/odd"

find . -type f ! -path '*[[:cntrl:]]*' ! -path '*/.*' | sort > "$WORK/list"
while IFS= read -r name; do one_file "${name#./}"; done < "$WORK/list"

[ ! -e "$WORK/failed" ]
