// Gives a field that hit.js kept the operator's answer, as if he had chosen it; false when the field is gone.
(id, answer) => {
  const field = globalThis.kept?.fields.get(id);
  if (!field?.isConnected) return false;
  if (field.tagName === "SELECT") {
    const option = field.options[answer];
    if (!option || option.disabled) return false;
    if (field.selectedIndex === option.index) return true;
    field.selectedIndex = option.index;
  } else {
    field.value = answer;  // set past any accessor of the page's own: frameworks compare and notice
    if (answer !== "" && field.value === "") return false;
  }
  field.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}
