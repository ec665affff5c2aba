// There is nothing to show yet, or not any more: looks again until that is otherwise.
const EVERY_MS = 2000;
const why = document.getElementById("absence").dataset.why;

setInterval(async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.pathname, { headers: { accept: "text/html" } });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (fresh.getElementById("live") || (fresh.getElementById("absence")?.dataset.why ?? why) !== why) location.reload();
  } catch {
    // the gateway itself is away; it will be back
  }
}, EVERY_MS);
