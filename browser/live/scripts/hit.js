// What lies at a place of the page, for the live view: told as plain values, nothing is left in the page.
// Runs in an isolated world of its own; `kept` there remembers the fields an operator was asked about.
// why: "look", "press" and "menu" ask for the place x, y; "focus" for what has it: null when that is in another frame.
(x, y, why) => {
  const kept = (globalThis.kept ??= { next: 1, fields: new Map() });
  const focus = why === "focus";
  if (focus && !document.hasFocus()) return null;
  const find = (root, x, y) => (focus ? root.activeElement : root.elementFromPoint(x, y));
  let root = document, left = 0, top = 0, node = null;
  for (;;) {
    node = find(root, x - left, y - top);
    while (node?.shadowRoot) {
      const inner = find(node.shadowRoot, x - left, y - top);
      if (!inner || inner === node) break;
      node = inner;
    }
    if (!node || !/^I?FRAME$/.test(node.tagName)) break;
    const box = node.getBoundingClientRect();
    left += box.left + node.clientLeft;
    top += box.top + node.clientTop;
    let inner = null;
    try { inner = node.contentDocument; } catch { /* another origin */ }
    if (!inner && focus) return null;
    if (!inner) return { frame: { x: left, y: top, width: node.clientWidth, height: node.clientHeight } };
    root = inner;
  }
  if (!node) return {};
  const typed = node.closest("input, textarea, [contenteditable=''], [contenteditable=true]");
  const told = {
    cursor: getComputedStyle(node).cursor,
    editable: typed !== null && !typed.disabled && !typed.readOnly &&
      !/^(button|checkbox|color|file|image|radio|range|reset|submit|hidden)$/.test(typed.type ?? ""),
  };
  if (why === "look") return told;
  if (why === "menu") {
    // The browser's own menu is a window of the system that nobody sees; a page's own one is not touched.
    root.defaultView.addEventListener("contextmenu", (event) => event.preventDefault(), { once: true });
    return told;
  }
  const box = (element) => {
    const at = element.getBoundingClientRect();
    return { x: at.left + left, y: at.top + top, width: at.width, height: at.height };
  };
  const keep = (element) => {
    const id = kept.next++;
    kept.fields.set(id, element);
    if (kept.fields.size > 20) kept.fields.delete(kept.fields.keys().next().value);
    element.focus();
    return id;
  };
  const named = (element) =>
    (element.getAttribute("aria-label") || element.labels?.[0]?.innerText || element.title || "").trim().slice(0, 120);
  const select = node.closest("select");
  // A list box shows its options in the page itself; a drop-down opens a window of the system that nobody sees.
  if (select && !select.disabled && !select.multiple && select.size <= 1) {
    const options = [...select.options].slice(0, 2000).map((option, index) => ({
      index,
      label: (option.label || option.text).slice(0, 200),
      group: option.parentElement?.tagName === "OPTGROUP" ? option.parentElement.label : "",
      disabled: option.disabled || option.parentElement?.disabled === true,
      hidden: option.hidden,
    })).filter((option) => !option.hidden);
    return { ...told, field: { id: keep(select), kind: "select", name: named(select), box: box(select), options,
                               selected: select.selectedIndex } };
  }
  const input = node.closest("input");
  if (input && !input.disabled && !input.readOnly && /^(date|datetime-local|month|week|time|color)$/.test(input.type)) {
    return { ...told, field: { id: keep(input), kind: input.type, name: named(input), box: box(input), value: input.value,
                               min: input.min, max: input.max, step: input.step } };
  }
  return told;
}
