// The video tab: sends the form, and leaves the rest to the live results.
import { refresh } from "./live.js";
import { clearPictures, problem, say, startHover, startMaker, words } from "./studio.js";

const form = startMaker({ onSend: send });
startHover();

form.addEventListener("studio:pictures", () => {
  // With a first frame the video may take its shape; then that is the choice until another is made.
  const own = form.querySelector("[data-when-picture]");
  if (!own) return;
  const has = form.elements.first?.files?.length > 0;
  const input = own.querySelector("input");
  if (has && own.hidden) input.checked = true;
  if (!has && input.checked) own.parentElement.querySelectorAll("input")[1].checked = true;
  own.hidden = !has;
});

let sending = false;

async function send() {
  if (sending) return;
  sending = true;
  const button = form.querySelector("[data-send]");
  button.setAttribute("aria-busy", "true");
  problem("");
  try {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "x-console": "1" } });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) {
      problem(answer.error?.message ?? words("failed"));
      form.elements[answer.error?.param]?.focus?.();
      return;
    }
    say(answer.toast);
    if (form.elements.extend) return location.assign("/console/studio");
    clearPictures(form);
    await refresh();
  } catch {
    problem(words("failed"));
  } finally {
    sending = false;
    button.removeAttribute("aria-busy");
  }
}
