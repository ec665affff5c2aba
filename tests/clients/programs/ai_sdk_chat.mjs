// Run with the installed AI SDK: text, streams and pictures through xai, openai and openai-compatible, and openai-node.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as ai from "ai";
import { createXai } from "@ai-sdk/xai";

const { generateText, streamText, APICallError } = ai;
const generateImage = ai.generateImage ?? ai.experimental_generateImage;
const baseURL = process.env.BASE_URL, apiKey = process.env.API_KEY;
const picture = readFileSync(process.env.PICTURE);
const xai = createXai({ baseURL, apiKey });

const optional = async (name, use) => {
  let found;
  try { found = await import(name); } catch (error) { if (error.code !== "ERR_MODULE_NOT_FOUND") throw error; return; }
  await use(found);
};

async function talks(model, { thinks = true } = {}) {
  assert.equal((await generateText({ model, prompt: "hi", maxRetries: 0 })).text, "You said: hi");
  const stream = streamText({ model, prompt: "hi", maxRetries: 0 });
  let text = "";
  for await (const piece of stream.textStream) text += piece;
  assert.equal(text, "You said: hi");
  assert.ok((await stream.usage).totalTokens > 0);
  assert.equal(await stream.finishReason, "stop");
  const seen = await generateText({
    model, maxRetries: 0,
    messages: [{ role: "user", content: [{ type: "text", text: "look" }, { type: "image", image: picture }] }],
  });
  assert.equal(seen.text, "You said: look");
  if (thinks) {
    const thought = await generateText({ model, prompt: "think", maxRetries: 0 });
    assert.equal(thought.text, "yes");
    assert.equal(thought.reasoningText, "hm");
  }
  const messages = [{ role: "user", content: "hi" }, ...seen.response.messages, { role: "user", content: "and?" }];
  assert.equal((await generateText({ model, messages, maxRetries: 0 })).text, "You said: and?");
  await assert.rejects(generateText({ model, prompt: "moderate", maxRetries: 0 }), (error) => {
    assert.ok(APICallError.isInstance(error), String(error));
    assert.equal(error.statusCode, 400);
    assert.match(error.message, /refuses this content/);
    return true;
  });
}

async function uses(model) {
  const inputSchema = ai.jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"] });
  const tools = { weather: ai.tool({ description: "Tells the weather.", inputSchema }) };
  const asked = await generateText({ model, tools, prompt: "use a tool", maxRetries: 0 });
  assert.equal(asked.finishReason, "tool-calls");
  assert.deepEqual(asked.toolCalls.map((call) => [call.toolName, call.input]), [["weather", { city: "Oslo" }]]);
  const stream = streamText({ model, tools, prompt: "use a tool", maxRetries: 0 });
  assert.deepEqual((await stream.toolCalls).map((call) => call.input), [{ city: "Oslo" }]);
  const [call] = asked.toolCalls;
  const result = { type: "tool-result", toolCallId: call.toolCallId, toolName: "weather", output: { type: "text", value: "rain" } };
  const messages = [
    { role: "user", content: "use a tool" }, ...asked.response.messages, { role: "tool", content: [result] },
    { role: "user", content: "and?" },
  ];
  assert.equal((await generateText({ model, tools, messages, maxRetries: 0 })).text, "You said: and?");
  const age = { type: "object", properties: { age: { type: "integer" } }, required: ["age"], additionalProperties: false };
  const { object } = await ai.generateObject({ model, schema: ai.jsonSchema(age), prompt: "as json", maxRetries: 0 });
  assert.deepEqual(object, { age: 5 });
}

async function draws(model, { edits = true } = {}) {
  const { images } = await generateImage({ model, prompt: "a lighthouse", n: 2, maxRetries: 0 });
  assert.equal(images.length, 2);
  assert.deepEqual([...images[0].uint8Array.slice(0, 2)], [0xff, 0xd8]);
  if (edits) {
    const edited = await generateImage({ model, prompt: { text: "bluer", images: [picture] }, maxRetries: 0 });
    assert.equal(edited.images.length, 1);
  }
}

await talks(xai("grok-4"));
await uses(xai("grok-4"));
await draws(xai.image("grok-imagine-image"));
await optional("@ai-sdk/openai", async ({ createOpenAI }) => {
  const openai = createOpenAI({ baseURL, apiKey });
  await talks(openai("grok-4"));
  await talks(openai.chat("grok-4"), { thinks: false });
  await uses(openai("grok-4"));
  await uses(openai.chat("grok-4"));
  await draws(openai.image("gpt-image-1"));
});
await optional("@ai-sdk/openai-compatible", async ({ createOpenAICompatible }) => {
  const any = createOpenAICompatible({ name: "gateway", baseURL, apiKey, includeUsage: true });
  await talks(any.chatModel("grok-4"));
  await uses(any.chatModel("grok-4"));
  await draws(any.imageModel("grok-imagine-1.0"), { edits: false });
});
await optional("openai", async ({ default: OpenAI }) => {
  const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
  const messages = [{ role: "user", content: "hi" }];
  assert.equal((await client.chat.completions.create({ model: "grok-4", messages })).choices[0].message.content, "You said: hi");
  let text = "";
  for await (const chunk of await client.chat.completions.create({ model: "grok-4", messages, stream: true })) {
    text += chunk.choices[0]?.delta?.content ?? "";
  }
  assert.equal(text, "You said: hi");
  assert.equal((await client.responses.create({ model: "grok-4", input: "hi" })).output_text, "You said: hi");
  assert.equal((await client.images.generate({ prompt: "x", n: 2 })).data.length, 2);
  await assert.rejects(client.chat.completions.create({ model: "nope", messages }), { status: 404, code: "model_not_found" });
});
console.log("ok");
