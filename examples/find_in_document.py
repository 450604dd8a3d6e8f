#!/usr/bin/env python3
"""Uploads a document, waits until it is searchable, and asks for a passage of it, with file and page.

    export WHARF_URL=http://127.0.0.1:8686 WHARF_API_KEY=sk_…
    python3 find_in_document.py handbook.pdf handbook "parental leave"

Python 3.9 and its standard library alone. It may be killed at any time: run again, it goes on from the last byte that the
server has on disk, and never makes a second file of the same content. Exit code: 0 found, 1 nothing found or refused, 2
used wrongly.
"""

import hashlib
import json
import mimetypes
import os
import re
import sys
import time
import urllib.error
import urllib.request

UNIT = 256 * 1024
"""Parts are whole units of this: what is kept of a part that was cut is a whole number of them."""
PART_BYTES = 4 * UNIT
TRIES = 8
TIMEOUT_SECONDS = 100
"""Longer than the server holds a poll (60 s at most)."""


class Refused(Exception):
    """The server said no, and trying again would not help."""


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """308 means "resume incomplete" to a resumable upload; nothing here is ever redirected."""

    def redirect_request(self, *_arguments):
        return None


OPENER = urllib.request.build_opener(NoRedirects)


def exchange(method, url, headers, body=None):
    """One request: status, headers, body. Whatever the status is; raises OSError when no answer came."""
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.headers, answer.read()


def pause(attempt, headers=None):
    """As long as the server asks for, else 0.5, 1, 2 … 30 seconds."""
    asked = headers.get("Retry-After", "") if headers is not None else ""
    time.sleep(min(60, int(asked)) if asked.isdigit() else min(30, 0.5 * 2**attempt))


class Wharf:
    def __init__(self, url, key):
        self.base = re.sub(r"(/v1)?/*$", "/v1", url)
        self.key = key

    def call(self, method, path, body=None, headers=None):
        """A call of the JSON API, tried again while the server says that this can help, or does not answer."""
        sent = None if body is None else json.dumps(body).encode()
        all_headers = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        if sent is not None:
            all_headers["Content-Type"] = "application/json"
        for attempt in range(TRIES):
            try:
                status, answered, text = exchange(method, self.base + path, all_headers, sent)
            except OSError as error:
                problem, answered = f"no answer: {error}", None
            else:
                answer = json.loads(text)
                if status < 400:
                    return answer
                problem = f"{answer['error']['code']}: {answer['error']['message']}"
                if not answer["error"]["retryable"]:
                    raise Refused(problem)
            if attempt + 1 < TRIES:
                pause(attempt, answered)
        raise Refused(f"given up after {TRIES} tries; the last one said {problem}")

    def upload(self, path, bucket):
        """The file object. The same content under the same name is the same file, however often this is called."""
        with open(path, "rb") as document:
            content = document.read()
        name = os.path.basename(path)
        description = {
            "filename": name,
            "content_type": mimetypes.guess_type(name)[0] or "application/octet-stream",
            "size_bytes": len(content),
            "bucket": bucket,
            "create_missing_buckets": True,
        }
        fingerprint = hashlib.sha256(json.dumps(description, sort_keys=True).encode() + content).hexdigest()
        session = self.call(
            "POST", "/knowledge/files/upload-session", description, {"Idempotency-Key": f"find-{fingerprint}"}
        )
        send(session["upload_url"], content)
        sha256 = hashlib.sha256(content).hexdigest()
        return self.call(
            "POST", f"/knowledge/files/upload-session/{session['session_id']}/finalize", {"sha256": sha256}
        )

    def wait(self, file):
        """The file once it is searchable. Each call is held by the server until something changes."""
        while file["status"] in ("queued", "indexing"):
            file = self.call("GET", f"/knowledge/files/{file['id']}?wait=60")
        if file["status"] != "indexed":
            reason = (file.get("error") or {}).get("message") or "it was deleted"
            raise Refused(f"{file.get('filename', file['id'])} is not searchable: {reason}")
        return file

    def search(self, query, bucket, file_id):
        return self.call(
            "POST",
            "/knowledge/search",
            {"query": query, "bucket": bucket, "filters": {"file_ids": [file_id]}, "limit": 3},
        )["results"]


def send(upload_url, content):
    """All bytes to the upload URL, in parts. After a failure the server is asked how many it has (resumable upload)."""
    total = len(content)
    kept = None
    failures = 0
    while True:
        try:
            if kept is None:
                status, headers, text = exchange("PUT", upload_url, {"Content-Range": f"bytes */{total}"}, b"")
            else:
                part = content[kept : kept + PART_BYTES]
                span = f"bytes {kept}-{kept + len(part) - 1}/{total}"
                status, headers, text = exchange("PUT", upload_url, {"Content-Range": span}, part)
        except OSError as error:
            status, headers, text = None, None, str(error).encode()
        if status in (200, 201):
            return
        if status == 308:
            last = re.fullmatch(r"bytes=0-(\d+)", headers.get("Range", ""))
            before, kept = kept, int(last[1]) + 1 if last else 0
            if before is None or kept > before:
                failures = 0
                continue
        elif status is not None and status not in (408, 429) and status < 500:
            raise Refused(f"the upload URL answered {status}: {text.decode(errors='replace').strip()}")
        kept = None
        failures += 1
        if failures == TRIES:
            raise Refused(f"the upload failed {TRIES} times in a row: {text.decode(errors='replace').strip()}")
        pause(failures - 1, headers)


def main(arguments):
    if len(arguments) != 3 or "WHARF_API_KEY" not in os.environ:
        print("usage: WHARF_API_KEY=sk_… find_in_document.py <document> <bucket> <question>", file=sys.stderr)
        return 2
    path, bucket, question = arguments
    wharf = Wharf(os.environ.get("WHARF_URL", "http://127.0.0.1:8686"), os.environ["WHARF_API_KEY"])
    try:
        file = wharf.wait(wharf.upload(path, bucket))
        results = wharf.search(question, bucket, file["id"])
    except (Refused, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for result in results:
        print(f"{result['filename']}, page {result['page']}: {' '.join(result['text'].split())}")
    return 0 if results else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
