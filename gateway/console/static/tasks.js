// A filter is followed as soon as it is chosen; words are sent by Enter.
document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-filters]");
  if (form && event.target.matches("select, input[type=date]")) send(form);
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-filters]")) return;
  event.preventDefault();
  send(event.target);
});

// Without the fields nobody filled in: the address is for people.
function send(form) {
  const said = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  const query = said.toString();
  location.assign(form.action.split("?")[0] + (query ? `?${query}` : ""));
}
