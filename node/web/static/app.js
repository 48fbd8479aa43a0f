/* What saves time, and nothing that decides. Every page works without it.
   Keys, hits while somebody types, drafts, copying, the session's end, a lost line. */
"use strict";
(() => {
  const known = document.body.dataset;
  const line = document.getElementById("app-line");
  const all = (what, within = document) => [...within.querySelectorAll(what)];
  const ask = (address, form) => fetch(address, {
    method: form ? "POST" : "GET", body: form, redirect: "manual", keepalive: true,
  });

  const button = (label, act) => {
    const made = document.getElementById("app-button").content.firstElementChild.cloneNode(true);
    made.firstElementChild.textContent = label;
    made.addEventListener("click", act);
    return made;
  };
  const say = (text, label, act) =>
    line.replaceChildren(text, ...(label ? [button(label, act)] : []));
  const lost = (again) => say(line.dataset.lost, line.dataset.again, again);

  /* ---- The session ------------------------------------------------------------- */

  const STAY = "/accounts/me/stay";
  const timers = [];
  const ended = () => say(line.dataset.ended);
  const awake = () => {
    timers.splice(0).forEach(clearTimeout);
    timers.push(setTimeout(() => say(line.dataset.ending, line.dataset.stay, stay),
      (known.idle - 120) * 1000));
    timers.push(setTimeout(ended, known.idle * 1000));
  };
  const stay = () => ask(STAY).then((answer) => {
    if (answer.status !== 204) return ended();
    awake();
    line.replaceChildren();
  }, () => lost(stay));
  awake();

  /* ---- Keys -------------------------------------------------------------------- */

  const isField = (at) => at.matches(
    "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])");
  const single = {
    n() {
      const here = document.querySelector('.identity__acts a[href^="/contacts/new"]');
      if (here || known.contact) location.assign(here ? here.href : known.contact);
    },
    "/"() {
      const field = document.querySelector(".search input:not([type=hidden])");
      if (field) field.focus();
      else if (document.querySelector('a[href="/cases"]')) location.assign("/cases#f-text");
    },
    "?"() {
      const keys = document.getElementById("keys");
      keys.open = true;
      keys.firstElementChild.focus();
    },
  };
  addEventListener("keydown", (event) => {
    const at = event.target;
    if (!(at instanceof Element) || event.isComposing) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const form = at.closest('form[method="post"]');
      if (form) {
        event.preventDefault();
        form.requestSubmit();
      }
      return;
    }
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const chips = at.closest(".chips");
    const chip = chips && all("[data-digit]", chips).find((c) => c.dataset.digit === event.key);
    if (chip) {
      event.preventDefault();
      chip.focus();
      chip.click();
    } else if (known.keys && !isField(at) && Object.hasOwn(single, event.key)) {
      event.preventDefault();
      single[event.key]();
    }
  });
  if (location.hash === "#f-text") document.getElementById("f-text")?.focus();

  /* ---- Hits while somebody types ------------------------------------------------ */

  const shown = ({ href, name, more }) => {
    const item = document.createElement("li");
    const row = document.createElement(href ? "a" : "span");
    const who = document.createElement("bdi");
    const rest = document.createElement("span");
    row.className = href ? "person person--link" : "person";
    if (href) row.href = href;
    who.textContent = name;
    rest.className = "muted";
    rest.textContent = more;
    row.append(who, rest);
    item.append(row);
    return item;
  };
  all("[data-find]").forEach((field) => {
    const hits = document.getElementById("hits");
    const count = document.getElementById("hits-count");
    let timer, asked = 0, answered = "";
    const find = (text) => {
      const mine = ++asked;
      const form = new URLSearchParams({ _token: field.form.elements._token.value, text });
      ask(field.dataset.find, form).then((answer) => answer.ok && answer.json()).then((found) => {
        if (!found || mine !== asked) return;
        answered = text;
        hits.replaceChildren(...found.people.map(shown));
        hits.hidden = !found.people.length;
        count.textContent = found.said;
        awake();
      }, () => lost(() => find(text)));
    };
    field.addEventListener("input", () => {
      clearTimeout(timer);
      const text = field.value.trim();
      if (text.length > 1) timer = setTimeout(find, 150, text);
      else hits.hidden = true;
    });
    field.addEventListener("keydown", (event) => {
      const first = hits.querySelector("a");
      if (event.key !== "Enter" || !first || hits.hidden) return;
      if (answered !== field.value.trim()) return;
      event.preventDefault();
      location.assign(first.href);
    });
  });

  /* ---- A contact: usual minutes, drafts ------------------------------------------ */

  all("form[data-draft]").forEach((form) => {
    let timer;
    const chosen = (name) => form.querySelector(`[name="${name}"]:checked`);
    let usual = chosen("minutes")?.value === chosen("form")?.dataset.minutes;
    const keep = () => {
      timer = clearTimeout(timer);
      ask(form.dataset.draft, new URLSearchParams(new FormData(form))).then((answer) => {
        if (answer.status !== 204) return;
        awake();
        say(line.dataset.kept);
      }, () => lost(keep));
    };
    form.addEventListener("input", ({ target }) => {
      if (target.name === "minutes") usual = false;
      const minutes = usual && target.dataset.minutes;
      all('[name="minutes"]', form).filter((m) => m.value === minutes)
        .forEach((m) => { m.checked = true; });
      clearTimeout(timer);
      timer = setTimeout(keep, 2000);
    });
    form.addEventListener("submit", () => { timer = clearTimeout(timer); });
    addEventListener("pagehide", () => timer && keep());
  });

  /* ---- A lost line: ask before a long text leaves the page ------------------------ */

  addEventListener("submit", (event) => {
    const form = event.target;
    const by = event.submitter;
    if (event.defaultPrevented || form.method !== "post" || form.dataset.sure) return;
    const written = all("textarea:not([readonly])", form).some((t) => t.value.trim());
    if (!written && navigator.onLine) return;
    event.preventDefault();
    ask(STAY).then(() => {
      form.dataset.sure = "yes";
      form.requestSubmit(by);
      delete form.dataset.sure;
    }, () => lost(() => form.requestSubmit(by)));
  });

  /* ---- Copying ------------------------------------------------------------------- */

  all("textarea.copy").forEach((area) => area.after(button(line.dataset.copy, () =>
    navigator.clipboard.writeText(area.value).then(() => say(line.dataset.copied)))));
})();
