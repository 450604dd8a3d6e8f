import { after } from "node:test";
import { ChatWriter } from "../../src/agents/chat/chat-writer.ts";
import { ExtractiveWriter } from "../../src/agents/extractive/extractive-writer.ts";
import type { Log } from "../../src/log.ts";
import { FakeChatServer, says } from "./chat-server.ts";
import { describeWriter } from "./writer.conformance.ts";

describeWriter("quotations", () => new ExtractiveWriter());

const chat = await FakeChatServer.start();
after(() => chat.close());
/** A model that repeats the question. */
chat.behave = (request, response) =>
  says(`You ask: ${/Question: (.*)$/s.exec(request.asked)?.[1]}`, " [1]", " [9]")(request, response);
const silent = () => undefined;
const log: Log = { debug: silent, info: silent, warn: silent, error: silent, fatal: silent };
describeWriter(
  "a chat server",
  () => new ChatWriter({ server: { url: chat.url, model: chat.model, apiKey: chat.key }, log }),
);
