// A form with the things that are hard to operate from afar: a select, a confirm(), a file input and a pop-up window.
const form = document.getElementById("sign-in");
form?.addEventListener("submit", () => {
  form.elements.remember.value = confirm("Stay signed in on this device?") ? "yes" : "no";
});
document.getElementById("picture")?.addEventListener("change", (event) => {
  const [file] = event.target.files;
  document.getElementById("picture-name").textContent = file?.name ?? "";
  form.elements.portrait.value = file ? `${file.name}, ${file.size} bytes` : "";
});
document.getElementById("with-x")?.addEventListener("click", () => {
  window.open("/sign-in/x", "with-x", "popup,width=480,height=560");
});
document.getElementById("open-mail")?.addEventListener("click", () => {
  window.open("/sign-in/mail", "mail", "popup,width=420,height=420");
});
document.getElementById("letter")?.addEventListener("submit", (event) => {
  event.preventDefault();
  window.opener?.postMessage({ type: "code", code: event.target.querySelector("p").textContent }, location.origin);
  window.close();
});
window.addEventListener("message", (event) => {
  if (event.origin !== location.origin) return;
  if (event.data?.type === "code") document.querySelector("[name=code]").value = event.data.code;
  if (event.data?.type !== "signed-in-with-x") return;
  location.href = `/sign-in/x/finish?ticket=${encodeURIComponent(event.data.ticket)}`;
});
document.getElementById("authorize")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await fetch("/sign-in/x", { method: "POST", body: new URLSearchParams(new FormData(event.target)) });
  const { ticket } = await answer.json();
  window.opener?.postMessage({ type: "signed-in-with-x", ticket }, location.origin);
  window.close();
});
