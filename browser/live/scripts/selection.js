// The text that is selected in the page, also inside a field; never that of a password field.
() => {
  const field = document.activeElement;
  if (/^(INPUT|TEXTAREA)$/.test(field?.tagName ?? "") && field.type !== "password" && typeof field.selectionStart === "number") {
    return field.value.slice(field.selectionStart, field.selectionEnd);
  }
  return String(getSelection());
}
