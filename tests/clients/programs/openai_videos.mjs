// Run with an installed openai-node: create, poll, content, list, delete, errors.
import assert from "node:assert/strict";
import fs from "node:fs";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY, maxRetries: 0 });

async function finished(video) {
  for (let i = 0; i < 100 && ["queued", "in_progress"].includes(video.status); i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    video = await client.videos.retrieve(video.id);
  }
  assert.equal(video.status, "completed");
  return video;
}

const video = await finished(await client.videos.create({ model: "sora-2", prompt: "a lighthouse", seconds: "4" }));
assert.equal(video.seconds, "6");
const content = await client.videos.downloadContent(video.id);
assert.equal(content.headers.get("content-type"), "video/mp4");
assert.equal(Buffer.from(await content.arrayBuffer()).toString("latin1", 4, 8), "ftyp");

const fromFile = await client.videos.create({ prompt: "alive", input_reference: fs.createReadStream(process.env.PICTURE) });
await finished(fromFile);
const fromUrl = await client.videos.create({ prompt: "alive", input_reference: { image_url: process.env.PICTURE_URL } });
await finished(fromUrl);
const big = "data:image/png;base64," + fs.readFileSync(process.env.LARGE_PICTURE).toString("base64");
assert.ok(big.length > 1024 * 1024);
await finished(await client.videos.create({ prompt: "alive", input_reference: { image_url: big } }));

const remix = await finished(await client.videos.remix(video.id, { prompt: "at night" }));
assert.equal(remix.remixed_from_video_id, video.id);
const ids = [];
for await (const one of client.videos.list({ limit: 2 })) ids.push(one.id);
assert.equal(new Set(ids).size, ids.length);
assert.ok(ids.includes(video.id));
assert.equal((await client.videos.delete(video.id)).deleted, true);
await assert.rejects(client.videos.retrieve(video.id), (error) => error.status === 404 && error.code === "video_not_found");
await assert.rejects(client.videos.create({ prompt: " " }), (error) => error.status === 400 && error.code === "empty_prompt");
console.log("ok");
