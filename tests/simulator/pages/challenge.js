// The challenge asks for one thing: a click that the browser itself vouches for, on this very page load.
(() => {
  const box = document.getElementById("box");
  const say = document.getElementById("say");
  const nonce = box.dataset.nonce;
  box.removeAttribute("data-nonce");
  let pressed = null;
  let sent = false;

  const proof = async (x, y, ms) => {
    const bytes = new TextEncoder().encode(`${nonce}|${x}|${y}|${ms}`);
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  };
  const press = (event) => {
    if (event.isTrusted) pressed = performance.now();
  };
  const release = async (event) => {
    if (!event.isTrusted || pressed === null || sent) return;
    sent = true;
    const area = box.getBoundingClientRect();
    const byKey = event.type === "keyup";
    const x = Math.round(byKey ? area.width / 2 : event.clientX - area.left);
    const y = Math.round(byKey ? area.height / 2 : event.clientY - area.top);
    const ms = Math.round(performance.now() - pressed);
    box.setAttribute("aria-checked", "true");
    say.textContent = "Verifying…";
    const answer = await fetch("/cdn-cgi/challenge-platform/verify", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ nonce, x, y, pressed_ms: ms, by: event.type, trusted: event.isTrusted, proof: await proof(x, y, ms) }),
    });
    if (!answer.ok) say.textContent = "Verification failed. Trying again…";
    setTimeout(() => location.reload(), answer.ok ? 0 : 1500);
  };
  box.addEventListener("pointerdown", press);
  box.addEventListener("click", release);
  box.addEventListener("keydown", (event) => event.key === " " && press(event));
  box.addEventListener("keyup", (event) => event.key === " " && release(event));
})();
