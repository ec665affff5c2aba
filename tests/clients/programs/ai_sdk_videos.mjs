// Run with an installed AI SDK and its xAI provider: text, picture, moderation, failure, errors.
import assert from "node:assert/strict";
import { createXai } from "@ai-sdk/xai";
import * as ai from "ai";

const generateVideo = ai.experimental_generateVideo ?? ai.generateVideo;
const xai = createXai({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY });
const quick = {
  maxRetries: 0,
  poll: { intervalMs: 200, timeoutMs: 30000 },
  providerOptions: { xai: { pollIntervalMs: 200, pollTimeoutMs: 30000 } },
  // its own download refuses loopback addresses
  download: async ({ url }) => {
    const answer = await fetch(url);
    assert.equal(answer.status, 200);
    return { data: new Uint8Array(await answer.arrayBuffer()), mediaType: answer.headers.get("content-type") };
  },
};
const model = xai.video("grok-imagine-video");

const made = await generateVideo({ model, prompt: "a lighthouse", duration: 6, aspectRatio: "16:9", ...quick });
assert.equal(Buffer.from(made.video.uint8Array).toString("latin1", 4, 8), "ftyp");
const pictured = await generateVideo({
  model, prompt: { image: process.env.PICTURE_URL, text: "it comes alive" }, resolution: "1280x720", duration: 10, ...quick,
});
assert.equal(pictured.videos.length, 1);

await assert.rejects(generateVideo({ model, prompt: "moderate this", ...quick }));
await assert.rejects(generateVideo({ model, prompt: "fail at this", ...quick }), (error) => /unlucky|Video generation failed/.test(String(error.message)));
await assert.rejects(
  generateVideo({ model: xai.video("no-such-model"), prompt: "x", ...quick }),
  (error) => /no-such-model/.test(String(error.message)),
);
console.log("ok");
