// Passkeys: a form that a device answers. Pages work without it, by letters.
// A form says with `data-passkey` whether a key is made (create) or used (get), and with
// `data-challenge` where its challenge comes from; its field `credential` takes the answer.

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));

function text(buffer) {
  const raw = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(raw).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

const forms = document.querySelectorAll("form[data-passkey]");
let waiting = null; // what the device is asked at the moment; it can be asked one thing at a time

async function challenge(form) {
  const answer = await fetch(form.dataset.challenge, {
    method: "POST",
    headers: { accept: "application/json" },
    body: new URLSearchParams({ csrf: form.elements.csrf.value }),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  const known = (said.excludeCredentials || []).map((key) => ({ ...key, id: bytes(key.id) }));
  const options = { ...said, challenge: bytes(said.challenge) };
  if (said.user) options.user = { ...said.user, id: bytes(said.user.id) };
  return { ...options, ...(known.length && { excludeCredentials: known }) };
}

/** What the device answered, as JSON (WebAuthn §5.1, toJSON), sent with the form. */
function send(form, { id, rawId, type, response }) {
  const said = { clientDataJSON: text(response.clientDataJSON) };
  for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[part]) said[part] = text(response[part]);
  }
  form.elements.credential.value = JSON.stringify({ id, rawId: text(rawId), type, response: said });
  form.submit();
}

function trouble(form, error) {
  const kinds = { NotAllowedError: "stopped", AbortError: "stopped", InvalidStateError: "known" };
  const kind = kinds[error.name] || (error instanceof DOMException ? "elsewhere" : "told");
  for (const line of form.querySelectorAll("[data-trouble]")) {
    line.hidden = line.dataset.trouble !== kind;
    if (kind === "told" && !line.hidden) line.textContent = error.message;
  }
}

async function ask(form, more = {}) {
  waiting?.abort();
  const mine = (waiting = new AbortController());
  const publicKey = await challenge(form);
  if (mine.signal.aborted) throw new DOMException("", "AbortError");
  const asked = { publicKey, signal: mine.signal, ...more };
  send(form, await navigator.credentials[form.dataset.passkey](asked));
}

/** Where the browser can, a passkey is offered among the addresses that it knows. */
async function offer(form) {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  await ask(form, { mediation: "conditional" });
}

if (window.PublicKeyCredential) {
  for (const form of forms) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation(); // it is sent once the device has answered, and not before
      ask(form).catch((error) => trouble(form, error));
    });
    // Nobody asked for it, so nobody hears that it did not work.
    if (form.dataset.passkey === "get") offer(form).catch(() => {});
  }
}
