// A box that runs across the page, and a page that changes its colour when it is pressed.
let turns = 0;
const box = document.getElementById("box");
const run = () => {
  turns += 1;
  Object.assign(box.style, {
    position: "absolute", top: "240px", left: `${turns * 4 % 1000}px`, width: "200px", height: "200px",
    background: `hsl(${turns % 360} 80% 50%)`,
  });
  requestAnimationFrame(run);
};
if (new URLSearchParams(location.search).has("still")) {
  document.body.style.background = "rgb(0, 0, 0)";
  addEventListener("pointerdown", () => {
    const dark = document.body.style.background === "rgb(0, 0, 0)";
    document.body.style.background = dark ? "rgb(255, 255, 255)" : "rgb(0, 0, 0)";
  });
} else {
  run();
}
