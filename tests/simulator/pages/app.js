// The page of the double: shows who is signed in, and lets one chat and make pictures and films.
const $ = (selector) => document.querySelector(selector);
const imagine = location.pathname.startsWith("/imagine");
const generation = document.querySelector("meta[name=generation]").content;
const assets = "https://assets.grok.com/";
let session = null;
let uploads = [];
let conversation = null;

const show = (...nodes) => $("#answer").replaceChildren(...nodes);
const make = (name, fields = {}) => Object.assign(document.createElement(name), fields);
const post = (path, body) =>
  fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
const value = (label) => $(`[aria-label="${label}"]`).value;
const fail = (text) => show(make("p", { className: "error", textContent: text }));

async function* objects(response) {
  // braces are counted outside strings only, so any framing will do
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "", depth = 0, inString = false, escaped = false, start = -1, at = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    buffer += value;
    for (; at < buffer.length; at++) {
      const char = buffer[at];
      if (inString) {
        if (escaped) escaped = false;
        else if (char === "\\") escaped = true;
        else if (char === '"') inString = false;
      } else if (char === '"' && depth) inString = true;
      else if (char === "{" && depth++ === 0) start = at;
      else if (char === "}" && --depth === 0) {
        yield JSON.parse(buffer.slice(start, at + 1));
        buffer = buffer.slice(at + 1);
        at = -1;
      }
    }
  }
}

function videoBody(prompt, parent) {
  const [aspectRatio, duration, resolutionName] = [value("Aspect Ratio"), Number(value("Video duration")), value("Video resolution")];
  const message = prompt ? `${prompt} --mode=custom` : "--mode=normal";
  if (generation === "g1") {
    const videoGenModelConfig = { parentPostId: parent, aspectRatio, videoLength: duration, resolutionName };
    return { temporary: true, modelName: "grok-3", message, toolOverrides: { videoGen: true }, enableSideBySide: true,
             responseMetadata: { experiments: [], modelConfigOverride: { modelMap: { videoGenModelConfig } } } };
  }
  const input = { aspectRatio, duration, resolutionName, ...(prompt && { prompt }) };
  const mediaGenInput = uploads.length
    ? { imageToVideo: { ...input, inputAssets: uploads.map((one) => one.fileMetadataId), mode: prompt ? "custom" : "normal" } }
    : { textToVideo: input };
  return { modelName: "imagine-video-gen", message, enableImageStreaming: true, enableSideBySide: true, sendFinalMetadata: true,
           responseMetadata: { experiments: [], modelConfigOverride: { modelMap: {} } }, mediaGenInput, kind: "CONVERSATION_KIND_IMAGINE" };
}

async function makeVideo(prompt) {
  let parent = null;
  if (generation === "g1") {
    const media = uploads[0] ? { mediaType: "MEDIA_POST_TYPE_IMAGE", mediaUrl: assets + uploads[0].fileUri } : { mediaType: "MEDIA_POST_TYPE_VIDEO", prompt };
    parent = (await (await post("/rest/media/post/create", media)).json()).post.id;
  }
  const bar = make("progress", { max: 100, value: 0 });
  show(bar);
  const answer = await post("/rest/app-chat/conversations/new", videoBody(prompt, parent));
  if (!answer.ok) return fail(`${answer.status} ${await answer.text()}`);
  let text = "";
  for await (const { result, error } of objects(answer)) {
    if (error || result?.response?.error) return fail((error ?? result.response.error).message);
    if (result.conversation) conversation = result.conversation.conversationId;
    const video = result.response?.streamingVideoGenerationResponse;
    if (video) bar.value = video.progress;
    if (video?.moderated) return fail("Content moderated.");
    if (video?.videoUrl) {
      const player = make("video", { src: assets + video.videoUrl, poster: assets + video.thumbnailImageUrl, controls: true, autoplay: true, muted: true, loop: true });
      const link = make("a", { href: assets + video.videoUrl, download: "video.mp4", className: "button", textContent: "Download" });
      link.setAttribute("aria-label", "Download");
      history.pushState({}, "", `/imagine/post/${video.videoId}?conversation=${conversation}`);
      return show(player, link);
    }
    text ||= result.response?.modelResponse?.message ?? "";
  }
  fail(text || "Nothing was made.");
}

function makeImages(prompt) {
  const socket = new WebSocket("wss://grok.com/ws/imagine/listen");
  const pictures = new Map();
  const item = (content) => JSON.stringify({ type: "conversation.item.create", timestamp: Date.now(), item: { type: "message", content: [content] } });
  socket.onopen = () => {
    socket.send(item({ type: "reset" }));
    socket.send(item({ requestId: crypto.randomUUID(), text: prompt, type: "input_text",
      properties: { section_count: 0, is_kids_mode: false, enable_nsfw: false, skip_upsampler: false, enable_side_by_side: true, is_initial: false, aspect_ratio: value("Aspect Ratio"), enable_pro: false, num_generations: 2 } }));
  };
  socket.onmessage = (event) => {
    const frame = JSON.parse(event.data);
    if (frame.type === "error") return fail(frame.err_msg);
    if (frame.type !== "image") return;
    if (!pictures.has(frame.job_id)) pictures.set(frame.job_id, make("img", { alt: prompt }));
    pictures.get(frame.job_id).src = `data:image/jpeg;base64,${frame.blob}`;
    show(...pictures.values());
  };
}

async function chat(message) {
  const line = make("p");
  show(line);
  const answer = await post("/rest/app-chat/conversations/new", { temporary: true, modeId: "auto", message });
  if (!answer.ok) return fail(`${answer.status} ${await answer.text()}`);
  for await (const { result, error } of objects(answer)) {
    const response = result?.response;
    if (error || response?.error) return fail((error ?? response.error).message);
    if (response?.token && !response.isThinking) line.textContent += response.token;
  }
}

async function upload(file) {
  const form = new FormData();
  form.append("file", file);
  form.append("file_source", "IMAGINE_SELF_UPLOAD_FILE_SOURCE");
  const answer = await (await fetch("/http/upload-file-v2/direct", { method: "POST", body: form })).json();
  if (answer.fileMetadata) uploads.push(answer.fileMetadata);
  $("#files").textContent = uploads.map((one) => one.fileName).join(", ");
}

$("#composer").addEventListener("submit", async (event) => {
  event.preventDefault();
  const prompt = $("#editor").textContent.trim();
  if (!prompt && !uploads.length) return;
  if (!session) return fail("Sign in first.");
  const button = $("#composer button");
  button.disabled = true;
  try {
    if (!imagine) await chat(prompt);
    else if (value("Mode") === "Image") makeImages(prompt);
    else await makeVideo(prompt);
  } catch (error) {
    fail(String(error));
  } finally {
    button.disabled = false;
  }
});
$("#editor").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    $("#composer").requestSubmit();
  }
});
$("#file").addEventListener("change", (event) => [...event.target.files].forEach(upload));
$("#sign-out").addEventListener("click", async () => {
  await post("/auth/sign-out", {});
  location.reload();
});
$("#title").textContent = imagine ? "Imagine" : "What do you want to know?";
$("#options").hidden = !imagine;
try {
  const answer = await (await fetch("/api/auth/session")).json();
  session = answer.status === "authenticated" ? answer.session : null;
  $("#who").textContent = session ? session.email : answer.status;
} catch {
  $("#who").textContent = "unknown";
}
$("#sign-in").hidden = Boolean(session);
$("#sign-out").hidden = !session;
document.body.dataset.signedIn = String(Boolean(session));
