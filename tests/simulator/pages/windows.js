// Tells the control port what is where in this window, for tests that see nothing of its browser but the picture.
// What was typed is told, too, but never passwords.
(() => {
  const id = crypto.randomUUID();
  let told = "";
  const tell = (what) => navigator.sendBeacon("/_sim/windows", JSON.stringify({ id, ...what }));
  const look = () => {
    const parts = {};
    for (const element of document.querySelectorAll("a, button, input, select, textarea, [role=checkbox]")) {
      const box = element.getBoundingClientRect();
      const name = element.id || element.name || element.type;
      if (!box.width || !box.height || !name) continue;
      const value = element.type === "password" ? "•".repeat(element.value.length) : element.value;
      parts[name] = { x: box.x + box.width / 2, y: box.y + box.height / 2, value: value ?? "" };
    }
    const now = JSON.stringify({ url: location.href, width: innerWidth, height: innerHeight, parts });
    if (now !== told) tell(JSON.parse((told = now)));
  };
  addEventListener("pageshow", look);
  addEventListener("input", () => setTimeout(look, 30)); // when the page has answered it
  addEventListener("pagehide", () => tell({ gone: true }));
  setInterval(look, 200);
})();
