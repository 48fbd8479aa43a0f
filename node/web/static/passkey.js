// Passkeys, and a switch that shows a password. Everything here has another way without
// scripts: a button that this browser cannot serve stays hidden.
"use strict";
(() => {
  const toBytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  function opened(options) {
    options.challenge = toBytes(options.challenge);
    if (options.user) options.user.id = toBytes(options.user.id);
    for (const list of ["allowCredentials", "excludeCredentials"]) {
      for (const one of options[list] || []) one.id = toBytes(one.id);
    }
    return options;
  }

  function spelled(credential) {
    const said = {};
    for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[part]) said[part] = toText(credential.response[part]);
    }
    return JSON.stringify({
      id: credential.id,
      rawId: toText(credential.rawId),
      type: credential.type,
      response: said,
      clientExtensionResults: {},
    });
  }

  async function ask(box) {
    const problem = box.querySelector("[role=alert]");
    problem.hidden = true;
    try {
      const publicKey = opened(JSON.parse(box.dataset.options));
      const credential = box.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey })
        : await navigator.credentials.get({ publicKey });
      box.querySelector("input").value = spelled(credential);
      box.closest("form").submit();
    } catch {
      problem.hidden = false;
    }
  }

  for (const box of document.querySelectorAll("[data-passkey]")) {
    if (!window.PublicKeyCredential) continue;
    box.hidden = false;
    box.querySelector("button").addEventListener("click", () => ask(box));
  }

  for (const box of document.querySelectorAll("[data-show-password]")) {
    box.hidden = false;
    const form = box.closest("form");
    const fields = form.querySelectorAll("input[type=password]");
    box.querySelector("input").addEventListener("change", (event) => {
      for (const field of fields) field.type = event.target.checked ? "text" : "password";
    });
    // A browser must never keep it as an ordinary text.
    form.addEventListener("submit", () => {
      for (const field of fields) field.type = "password";
    });
  }
})();
