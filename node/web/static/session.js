// The line that appears two minutes before an idle session ends. It moves nothing.
"use strict";
(() => {
  const line = document.querySelector("[data-session-line]");
  if (!line) return;
  const wait = Number(line.dataset.sessionLine) * 1000;
  let timer = 0;
  const begin = () => {
    clearTimeout(timer);
    line.hidden = true;
    timer = setTimeout(() => { line.hidden = false; }, wait);
  };
  line.querySelector("button").addEventListener("click", async () => {
    try {
      const answer = await fetch("/session", { redirect: "manual", cache: "no-store" });
      if (answer.status === 204) begin();
    } catch {
      // The line stays: the button can be pressed again.
    }
  });
  begin();
})();
