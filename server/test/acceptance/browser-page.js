// What runs in the page of browser.test.ts, bundled from node_modules as an application would. Plain JavaScript: it needs the DOM's types.
import { createUpload } from "@mux/upchunk";
import Uppy from "@uppy/core";
import XHRUpload from "@uppy/xhr-upload";

async function file() {
  const answer = await fetch("/file");
  return new File([await answer.arrayBuffer()], "file.bin", { type: "application/octet-stream" });
}

globalThis.uploads = {
  async fetch(url) {
    const answer = await fetch(url, { method: "PUT", body: await file() });
    return { status: answer.status, size: (await answer.json()).size };
  },

  async chunks(url, chunkBytes) {
    const whole = await file();
    const ranges = [];
    for (let first = 0; ; ) {
      const end = Math.min(first + chunkBytes, whole.size);
      const headers = { "Content-Range": `bytes ${first}-${end - 1}/${whole.size}` };
      const answer = await fetch(url, { method: "PUT", headers, body: whole.slice(first, end) });
      if (answer.status === 200) return { status: 200, ranges, size: (await answer.json()).size };
      if (answer.status !== 308) return { status: answer.status, ranges };
      ranges.push(answer.headers.get("Range"));
      first = Number(answer.headers.get("Range").split("-")[1]) + 1;
    }
  },

  async refusal(url) {
    const answer = await fetch(url, { method: "PUT", body: await file() });
    return { status: answer.status, text: await answer.text() };
  },

  async uppy(url) {
    const uppy = new Uppy().use(XHRUpload, {
      endpoint: url,
      method: "put",
      formData: false,
      getResponseData: (xhr) => JSON.parse(xhr.responseText),
    });
    uppy.addFile({ name: "file.bin", type: "application/octet-stream", data: await file() });
    const { successful, failed } = await uppy.upload();
    return { successful: successful.length, failed: failed.length, size: successful[0]?.response?.body?.size };
  },

  async upchunk(url) {
    const upload = createUpload({ endpoint: url, file: await file(), chunkSize: 512 });
    return new Promise((resolve) => {
      upload.on("success", () => resolve({ done: true }));
      upload.on("error", (event) => resolve({ done: false, message: event.detail.message }));
    });
  },

  /** Whether the page may use the API itself, key and all: it may not. */
  async api(url, key) {
    return fetch(`${url}/v1/connection`, { headers: { Authorization: `Bearer ${key}` } }).then(
      (answer) => `answered ${answer.status}`,
      () => "refused by the browser",
    );
  },
};
