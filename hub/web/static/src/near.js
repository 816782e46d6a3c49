// "Near me": the browser says where it is, and this hub alone hears it, to about a kilometre.

const DECIMALS = 2; // of a degree: a neighbourhood, not a home
const WAIT_MS = 10000;
const RADIUS_M = 5000;

/** Let `button` send its form with where the reader is; `tell` says why if that is not known. */
export function nearMe(button, tell) {
  if (!navigator.geolocation) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => send(button.form, coords),
      () => tell(button.dataset.near),
      { maximumAge: 600000, timeout: WAIT_MS },
    );
  });
}

function send(form, { latitude, longitude }) {
  const near = form.elements.namedItem("near");
  near.disabled = false;
  near.value = `${latitude.toFixed(DECIMALS)},${longitude.toFixed(DECIMALS)}`;
  const within = form.elements.namedItem("within");
  if (within.tagName === "SELECT" && !within.value) within.value = String(RADIUS_M);
  form.requestSubmit();
}
