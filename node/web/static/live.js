/* A handover on its way: the page asks every 15 seconds whether it goes on, and moves nothing. */
"use strict";
(() => {
  const regions = (root) => [...root.querySelectorAll("[data-live]")];
  const said = document.getElementById("live-said");
  let mark = regions(document)[0].dataset.live;
  const step = (root) => root.querySelector("[data-live] [aria-current]") 
    ?? root.querySelector("[data-live] .two-keys__sentence");
  const name = (one) => (one.querySelector(".step__label") ?? one).textContent;

  const show = (fresh) => {
    const before = name(step(document));
    let isWhole = true;
    for (const old of regions(document)) {
      const now = fresh.getElementById(old.id);
      if (!now || old.isEqualNode(now)) continue;
      // Somebody is just there: later.
      if (old.contains(document.activeElement)) isWhole = false;
      else old.replaceChildren(...now.childNodes);
    }
    if (isWhole) mark = regions(fresh)[0].dataset.live;
    const now = step(document);
    if (name(now) !== before) said.textContent = now.textContent.replace(/\s+/g, " ").trim();
  };

  const timer = setInterval(() => {
    if (document.hidden) return;
    const call = new XMLHttpRequest();
    call.open("GET", location.pathname);
    // Parsed by the browser as it parses pages: no text becomes markup here.
    call.responseType = "document";
    call.setRequestHeader("Staffelstab-Watch", mark);
    call.onload = () => {
      if (call.status === 204) return;
      if (call.status === 200 && call.response && regions(call.response).length) show(call.response);
      else if (call.status < 500) clearInterval(timer);
    };
    call.send();
  }, 15000);
})();
