"use strict";
// Copies the text, where the browser lets a page do so.
const copy = document.getElementById("copy");
if (copy !== null && navigator.clipboard !== undefined) {
  const text = document.getElementById("text");
  const copied = document.getElementById("copied");
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.value);
      copied.textContent = "Copiado.";
    } catch {
      text.select();
      copied.textContent = "Selecciona el texto y cópialo.";
    }
  });
}
