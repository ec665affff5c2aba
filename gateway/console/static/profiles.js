// Profiles: a bundle that is downloaded without leaving its dialog.
import { say, words } from "./say.js";

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-download]")) return;
  event.preventDefault();
  download(event.target, event.submitter);
});

async function download(form, button) {
  form.querySelector(".problem-line")?.remove();
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { "x-console": "1" } });
    if (response.ok) {
      save(await response.blob(), form.dataset.download);
      form.reset();
      form.closest("dialog").close();
      say(form.dataset.said);
    } else {
      complain(form, (await response.json().catch(() => ({}))).error?.message ?? words("failed"));
    }
  } catch {
    complain(form, words("failed"));
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

function complain(form, sentence) {
  const line = document.createElement("p");
  line.className = "problem-line";
  line.setAttribute("role", "alert");
  line.textContent = sentence;
  form.prepend(line);
}
