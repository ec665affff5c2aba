// Forms with data-action: sent without leaving the page. The answer says what was done (toast), where to go, or what to show.
import { say, words } from "./say.js";
import { showResult } from "./dialogs.js";

let after = async () => {};

export function startActions(refresh) {
  after = refresh;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-action]") || event.submitter?.formMethod === "dialog") return; // that one only closes
    event.preventDefault();
    if (form.dataset.ask) ask(form, event.submitter);
    else act(form, event.submitter);
  });
}

// The question names what will happen; its button says the same word as the one that was pressed.
function ask(form, button) {
  const dialog = document.getElementById("ask");
  dialog.querySelector("#ask-question").textContent = form.dataset.ask;
  dialog.querySelector("[data-yes]").textContent = button?.textContent.trim() || button?.getAttribute("aria-label");
  dialog.returnValue = "";
  dialog.addEventListener("close", () => dialog.returnValue === "yes" && act(form, button), { once: true });
  dialog.showModal();
}

export async function act(form, button) {
  const data = new FormData(form, button);
  const method = (form.getAttribute("method") ?? "get").toUpperCase();
  const body = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
  button?.setAttribute("aria-busy", "true");
  if (button) button.disabled = true;
  try {
    await told(await fetch(form.action, { method, body, headers: { "x-console": "1" } }), form);
  } catch {
    say(words("failed"), { bad: true });
  } finally {
    button?.removeAttribute("aria-busy");
    if (button) button.disabled = false;
  }
}

async function told(response, form) {
  const answer = await response.json().catch(() => ({}));
  form.querySelector(".problem-line.of-action")?.remove();
  if (!response.ok) {
    const sentence = answer.error?.message ?? words("failed");
    if (form.closest("dialog")) complain(form, sentence);
    else say(sentence, { bad: true });
    return;
  }
  if (answer.go) {
    location.assign(answer.go);
    return;
  }
  form.closest("dialog")?.close();
  if (form.hasAttribute("data-reset")) form.reset();
  if (answer.dialog) showResult(answer.dialog);
  say(answer.toast);
  await after();
}

function complain(form, sentence) {
  const line = document.createElement("p");
  line.className = "problem-line of-action";
  line.setAttribute("role", "alert");
  line.textContent = sentence;
  form.prepend(line);
}
