// Single keys for pages that many things are decided on: `data-key="a"` on what they press.

const OFF = "keys-off"; // who dictates or mistypes can switch them off (WCAG 2.1.4)

/** Let keys press what bears them on a page with `data-keys`. */
export function keys() {
  if (!document.querySelector("[data-keys]")) return;
  const button = document.querySelector("[data-keys-off]");
  show(button);
  button?.addEventListener("click", () => {
    if (off()) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "yes");
    show(button);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || off()) return;
    if (event.target.closest('textarea, select, input:not([type="radio"], [type="checkbox"])')) return;
    const found = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (!found) return;
    event.preventDefault();
    if (found.tagName === "TEXTAREA") found.focus();
    else found.click();
  });
}

function off() {
  return localStorage.getItem(OFF) === "yes";
}

function show(button) {
  if (!button) return;
  button.hidden = false;
  button.setAttribute("aria-pressed", String(!off()));
}
