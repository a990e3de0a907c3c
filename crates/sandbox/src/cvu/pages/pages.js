"use strict";
const other = document.getElementById("other");
const choices = document.querySelectorAll("input[name=choice][type=radio]");
const amount = document.querySelector("[data-amount]");
const asked = amount?.textContent;
function showAmount() {
  const isOther = choices.length === 0 || [...choices].some((one) => one.checked && one.value === "other");
  const typed = other.value.trim().replace(/^\$\s*/, "");
  amount.textContent = isOther ? (typed === "" ? "" : `$\u00a0${typed}`) : asked;
}
if (other !== null && amount !== null) {
  other.addEventListener("input", () => {
    for (const one of choices) one.checked = one.value === "other";
    showAmount();
  });
  for (const one of choices) {
    one.addEventListener("change", () => {
      if (one.value === "other") other.focus();
      showAmount();
    });
  }
  showAmount();
}
// Reads a code out of a picture, where the browser can.
const file = document.getElementById("file");
if (file !== null && "BarcodeDetector" in window) {
  const found = document.getElementById("found");
  document.getElementById("picture").hidden = false;
  file.addEventListener("change", async () => {
    try {
      const picture = await createImageBitmap(file.files[0]);
      const [code] = await new BarcodeDetector({ formats: ["qr_code"] }).detect(picture);
      if (code === undefined) throw new Error("no code");
      document.getElementById("code").value = code.rawValue;
      found.textContent = "Encontramos el código. Tocá Continuar.";
    } catch {
      found.textContent = "No encontramos un código en esa imagen. Probá con otra, o pegá el texto.";
    }
  });
}
