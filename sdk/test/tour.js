/**
 * What somebody does with the library, in Node and in a page alike: plain JavaScript, which runs wherever it stands.
 * Returns what came of it, as JSON.
 */
export async function tour(client, { baseUrl, apiKey, source, filename, bucket }) {
  const wharf = new client.Wharf({ baseUrl, apiKey });
  const steps = [];
  const large = await wharf.files.upload(source, {
    filename,
    bucket,
    createMissingBuckets: true,
    onProgress: ({ step, sentBytes, totalBytes }) => steps.push([step, sentBytes, totalBytes]),
  });
  const again = await wharf.files.upload(source, { filename, bucket });
  const text = `Ships longer than forty metres take a pilot at the ${bucket} quay.`;
  const note = await wharf.files.upload(new Blob([text]), { filename: "note.txt", bucket });
  const indexed = await wharf.files.waitUntilIndexed(note.id);
  const found = await wharf.search({ query: "who takes a pilot", bucket });
  const listed = [];
  for await (const file of wharf.files.list({ bucket, limit: 1 })) listed.push(file.id);
  let words = "";
  let answered = null;
  for await (const event of wharf.answers.stream({ input: `Who takes a pilot at the ${bucket} quay?` })) {
    if (event.type === "response.output_text.delta") words += event.delta;
    if (event.type === "response.completed") answered = event.response.output_text;
  }
  return {
    large: { id: large.id, sha256: large.sha256, alreadyThere: large.alreadyThere },
    again: { id: again.id },
    note: { id: note.id, status: indexed.status },
    found: found.results.map(({ file_id, page }) => ({ file_id, page })),
    listed,
    answerIsWhole: answered !== null && answered === words,
    steps,
    refused: await refusals(client, wharf, bucket),
  };
}

/** Code and class of what bad input gets. */
async function refusals(client, wharf, bucket) {
  const tries = {
    empty: () => wharf.files.upload(new Blob([]), { filename: "empty.txt", bucket }),
    noName: () => wharf.files.upload(new Blob(["x"]), { bucket }),
    noBucket: () => wharf.files.upload(new Blob(["x"]), { filename: "x.txt" }),
    noSuchBucket: () => wharf.files.upload(new Blob(["x"]), { filename: "x.txt", bucket: "nowhere" }),
    noSuchFile: () => wharf.files.waitUntilIndexed("file_00000000000000000000000000"),
    noWords: () => wharf.search({ query: "" }),
  };
  const said = {};
  for (const [name, attempt] of Object.entries(tries))
    said[name] = await attempt().then(
      () => null,
      (error) => ({ isApiError: error instanceof client.ApiError, code: error.code, message: error.message }),
    );
  return said;
}
