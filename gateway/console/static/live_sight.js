// Keeps the view within what of the window is seen: a phone's keyboard covers half of it, and most browsers tell only the
// visual viewport so.
const KEYBOARD_PX = 120;

export function keepInSight(root) {
  const seen = window.visualViewport;
  if (!seen || !matchMedia("(pointer: coarse)").matches) return;
  const tallest = new Map(); // by width: a phone that is turned has another one
  const look = () => {
    const high = Math.round(seen.height * seen.scale); // enlarged with two fingers it is no keyboard
    const full = Math.max(tallest.get(innerWidth) ?? innerHeight, high);
    tallest.set(innerWidth, full);
    const typing = full - high > KEYBOARD_PX && root.contains(document.activeElement) && document.activeElement.matches("input, textarea");
    root.classList.toggle("typing", typing);
    root.style.setProperty("--seen-height", `${high}px`);
    root.style.setProperty("--seen-top", `${seen.offsetTop}px`);
  };
  for (const event of ["resize", "scroll"]) seen.addEventListener(event, look);
  for (const event of ["focusin", "focusout"]) root.addEventListener(event, () => setTimeout(look));
  look();
}
