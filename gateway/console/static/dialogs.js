// <dialog>: opened by [data-open], closed by Escape, its own buttons, or a click beside it; focus returns by itself.
export function startDialogs() {
  startMenus();
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) {
      document.getElementById(opener.dataset.open)?.showModal();
      return;
    }
    // A button of the form itself would be the one that Enter presses.
    if (event.target.closest("[data-close]")) {
      event.target.closest("dialog")?.close();
      return;
    }
    // A click on the backdrop counts as one on the dialog itself, outside its box.
    if (event.target instanceof HTMLDialogElement && !event.target.hasAttribute("data-firm")) {
      const box = event.target.getBoundingClientRect();
      const inside =
        event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside) event.target.close();
    }
  });
  if (location.hash.length > 1) {
    const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    // Only then: the browser, on its way to the fragment, would take the focus out of the dialog again.
    if (named instanceof HTMLDialogElement) afterLoading(() => named.showModal());
  }
}

// <details data-pop>: a menu; closed by a choice, a click beside it, Escape, or the focus leaving it.
function startMenus() {
  const opened = () => document.querySelectorAll("details[data-pop][open]");
  document.addEventListener("click", (event) => {
    for (const menu of opened()) if (!menu.contains(event.target) || event.target.closest("button, a")) menu.open = false;
  });
  document.addEventListener("focusin", (event) => {
    for (const menu of opened()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const [menu] = event.key === "Escape" ? opened() : [];
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

function afterLoading(work) {
  const later = () => requestAnimationFrame(() => requestAnimationFrame(work));
  if (document.readyState === "complete") later();
  else window.addEventListener("load", later, { once: true });
}

// Shows *html*, which the gateway rendered for this, over the page. It may be a secret: closed, nothing of it stays.
export function showResult(html) {
  const dialog = document.getElementById("result");
  dialog.innerHTML = html;
  dialog.dispatchEvent(new CustomEvent("console:shown", { bubbles: true }));
  const title = dialog.querySelector("h2[id]");
  if (title) dialog.setAttribute("aria-labelledby", title.id);
  dialog.onclose = () => dialog.open || dialog.replaceChildren(); // open: it was closed and shows the next thing already
  dialog.showModal();
}
