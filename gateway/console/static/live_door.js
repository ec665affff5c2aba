// Exchanges the secret of a link, which stands in the fragment where no server or log sees it, for a cookie.
const line = document.getElementById("door");
const secret = new URLSearchParams(location.hash.slice(1)).get("g");
history.replaceState(null, "", location.pathname);

if (!secret) {
  line.textContent = line.dataset.incomplete;
} else {
  try {
    const answer = await fetch("/console/api/live-grants/exchange", {
      method: "POST",
      headers: { "content-type": "application/json", "x-console": "1" },
      body: JSON.stringify({ secret }),
    });
    const told = await answer.json();
    if (answer.ok) location.replace(told.go);
    else line.textContent = told.error.message;
  } catch {
    line.textContent = line.dataset.failed;
  }
}
