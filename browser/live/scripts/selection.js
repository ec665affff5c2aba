// The text that is selected where the focus is, also inside a field; never that of a password field. null: in another frame.
() => {
  if (!document.hasFocus()) return null;
  let root = document, field = document.activeElement;
  for (;;) {
    while (field?.shadowRoot?.activeElement) field = field.shadowRoot.activeElement;
    if (!/^I?FRAME$/.test(field?.tagName ?? "")) break;
    try { root = field.contentDocument; } catch { root = null; }
    if (!root) return null;
    field = root.activeElement;
  }
  if (/^(INPUT|TEXTAREA)$/.test(field?.tagName ?? "")) {
    if (field.type === "password") return "";
    if (typeof field.selectionStart === "number") return field.value.slice(field.selectionStart, field.selectionEnd);
  }
  return String(root.getSelection());
}
