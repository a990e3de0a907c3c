"use strict";
const said = document.getElementById("said");
async function send(method, path, body) {
  said.textContent = "";
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body,
    });
  } catch {
    said.textContent = "The sandbox does not answer.";
    return;
  }
  if (answer.ok) {
    location.reload();
    return;
  }
  const problem = await answer.json().catch(() => ({}));
  said.textContent = problem.error ?? `The sandbox answered ${answer.status}.`;
  said.scrollIntoView({ block: "nearest" });
}
function valueOf(input) {
  if (input.type === "checkbox") return input.checked;
  if (input.value === "") return undefined;
  if (input.type === "number") return Number(input.value);
  return "list" in input.dataset ? input.value.split(",").map((one) => one.trim()) : input.value;
}
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const inputs = [...form.elements].filter(({ name }) => name !== "");
    const body = Object.fromEntries(inputs.map((input) => [input.name, valueOf(input)]));
    const { post, wrap } = form.dataset;
    send("POST", post, JSON.stringify(wrap === undefined ? body : { [wrap]: body }));
  });
}
for (const button of document.querySelectorAll("button[data-post], button[data-delete]")) {
  button.addEventListener("click", () => {
    const { post, delete: path, body } = button.dataset;
    if (post !== undefined) send("POST", post, body);
    else send("DELETE", path);
  });
}
const operation = document.querySelector("select[name=operation]");
function showFitting() {
  for (const option of document.querySelectorAll("option[data-fits]")) {
    option.disabled = !option.dataset.fits.split(" ").includes(operation.value);
  }
}
operation.addEventListener("change", showFitting);
showFitting();
const live = document.getElementById("live");
live.checked = sessionStorage.getItem("live") === "yes";
live.addEventListener("change", () => sessionStorage.setItem("live", live.checked ? "yes" : "no"));
setInterval(() => {
  // Nobody's typing is thrown away.
  const typing = document.activeElement?.matches("form *");
  if (live.checked && !typing && !document.hidden) location.reload();
}, 5000);
