/* What saves time, and nothing that decides: every page works without it. */
"use strict";
(() => {
  const known = document.body.dataset;
  const byId = (id) => document.getElementById(id);
  const line = byId("app-line");
  const texts = line.dataset;
  const STAY = "/session";
  const all = (what, within = document) => [...within.querySelectorAll(what)];
  const ask = (address, body) => fetch(address, {
    method: body ? "POST" : "GET", body, redirect: "manual", keepalive: true,
  });
  const button = (label, act) => {
    const made = line.nextElementSibling.content.firstElementChild.cloneNode(true);
    made.firstElementChild.textContent = label;
    made.addEventListener("click", act);
    return made;
  };
  const say = (text, label, act) => {
    line.replaceChildren(text, ...(label ? [button(label, act)] : []));
    document.activeElement.scrollIntoView({ block: "nearest" });
  };
  const lost = (again) => say(texts.lost, texts.again, again);

  /* The session. */
  const timers = [];
  const awake = () => {
    timers.splice(0).forEach(clearTimeout);
    const at = (seconds, ...words) => timers.push(setTimeout(() => say(...words), seconds * 1000));
    at(known.idle - 120, texts.ending, texts.stay, stay);
    at(known.idle, texts.ended);
  };
  const stay = () => ask(STAY).then((answer) => {
    if (answer.status !== 204) return say(texts.ended);
    awake();
    say("");
  }, () => lost(stay));
  awake();

  /* Keys. */
  const single = {
    n() {
      const here = document.querySelector('.identity__acts a[href^="/contacts/new"]');
      if (here || known.contact) location.assign(here?.href ?? known.contact);
    },
    "/"() {
      const field = document.querySelector(".search input:not([type=hidden])");
      if (field) field.focus();
      else if (known.contact) location.assign("/cases#f-text");
    },
    "?"() {
      const keys = byId("keys");
      keys.open = true;
      keys.firstElementChild.focus();
    },
  };
  addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (!(target instanceof Element) || event.isComposing || event.altKey) return;
    if (event.ctrlKey || event.metaKey) {
      const form = key === "Enter" && target.closest('form[method="post"]');
      if (form) event.preventDefault();
      return form && form.requestSubmit();
    }
    const chips = target.closest(".chips");
    const chip = chips && all("[data-digit]", chips).find((one) => one.dataset.digit === key);
    const act = known.keys && !target.matches("textarea, select, input:not(.chip__input)") && single[key];
    if (chip || act) event.preventDefault();
    chip?.focus();
    chip ? chip.click() : act && act();
  });
  if (location.hash === "#f-text") byId("f-text")?.focus();

  /* Hits while typing; Enter opens the first. */
  const shown = ({ href, name, more }) => {
    const [item, row, who, rest] = ["li", href ? "a" : "span", "bdi", "span"].map(
      (tag) => document.createElement(tag));
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
    const hits = byId("hits");
    let timer, asked = 0, answered;
    const find = (text) => {
      const mine = ++asked;
      const form = { _token: field.form.elements._token.value, text };
      ask(field.dataset.find, new URLSearchParams(form)).then(async (answer) => {
        if (!answer.ok || mine !== asked) return;
        const found = await answer.json();
        answered = text;
        hits.replaceChildren(...found.people.map(shown));
        hits.hidden = !found.people.length;
        byId("hits-count").textContent = found.said;
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
      if (event.key !== "Enter" || hits.hidden || answered !== field.value.trim()) return;
      if (!first) return;
      event.preventDefault();
      location.assign(first.href);
    });
  });

  /* A contact: usual minutes, and a draft in each pause. */
  all("form[data-draft]").forEach((form) => {
    const chosen = (name) => form.querySelector(`[name="${name}"]:checked`);
    let timer, usual = chosen("minutes")?.value === chosen("form")?.dataset.minutes;
    const rest = () => { timer = clearTimeout(timer); };
    const keep = () => {
      rest();
      ask(form.dataset.draft, new URLSearchParams(new FormData(form))).then((answer) => {
        if (answer.status !== 204) return;
        awake();
        byId("kept").textContent = texts.kept;
      }, () => lost(keep));
    };
    form.addEventListener("input", ({ target }) => {
      if (target.name === "minutes") usual = false;
      all('[name="minutes"]', form).forEach((one) => {
        if (usual && one.value === target.dataset.minutes) one.checked = true;
      });
      rest();
      timer = setTimeout(keep, 2000);
    });
    form.addEventListener("submit", rest);
    addEventListener("pagehide", () => timer && keep());
  });

  /* A lost line: ask before a text leaves the page. */
  addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (form.method !== "post" || form.dataset.sure) return;
    const written = all("textarea:not([readonly])", form).some((one) => one.value.trim());
    if (!written && navigator.onLine) return;
    event.preventDefault();
    ask(STAY).then(() => {
      form.dataset.sure = "yes";
      form.requestSubmit(submitter);
      delete form.dataset.sure;
    }, () => lost(() => form.requestSubmit(submitter)));
  });

  all("textarea.copy").forEach((area) => area.after(button(texts.copy, () =>
    navigator.clipboard.writeText(area.value).then(() => say(texts.copied)))));
})();
