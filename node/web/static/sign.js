// Signing with a finger, a pen or a mouse: what is drawn goes along with the form as a
// picture. Without this script the page offers paper and a witness instead.
(() => {
  "use strict";
  const part = document.getElementById("by-finger");
  const canvas = document.getElementById("signature");
  const form = canvas && canvas.closest("form");
  const pen = canvas && canvas.getContext("2d");
  if (!part || !form || !pen) return;
  part.hidden = false;
  let strokes = 0;
  let down = false;

  // The field is wider or narrower on the screen than the picture is.
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) * canvas.width) / box.width,
      ((event.clientY - box.top) * canvas.height) / box.height,
    ];
  };

  const begin = () => {
    pen.lineWidth = 6;
    pen.lineCap = "round";
    pen.lineJoin = "round";
    pen.strokeStyle = getComputedStyle(canvas).color;
  };

  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    begin();
    down = true;
    pen.beginPath();
    pen.moveTo(...place(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!down) return;
    pen.lineTo(...place(event));
    pen.stroke();
    strokes += 1;
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      down = false;
    });
  }
  form.addEventListener("submit", () => {
    form.elements.namedItem("signature").value = strokes > 2 ? canvas.toDataURL("image/png") : "";
  });
})();
