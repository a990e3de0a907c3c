"use strict";
const TEXT = {
  en: {
    stage: "Payment simulator. No money moves here.",
    title: "Confirm it is you",
    account: (digits) => `Account ending in ${digits}`,
    nobody: "No account was found for this person.",
    outcome: "How this ends",
    method: "PIN sent by",
    sms: "Text message",
    email: "Email",
    security_question: "Security question",
    pin: "PIN",
    hint: (pin) => `Nothing was really sent: type ${pin}.`,
    wrong: (pin) => `That PIN is not right. Type ${pin}.`,
    go: "Continue",
    cancel: "Cancel",
    done: "Done. Go back to the shop.",
    stale: "A message of an earlier session was posted.",
    over: "This session has ended. Start again in the shop.",
    unknown: "There is no such session. Start again in the shop.",
    down: "The simulator does not answer. Try again.",
    outcomes: {
      verified: "Verified",
      unverified: "Not verified",
      activation: "Account to be activated",
      apply: "Wants to apply for an account",
      bad_standing: "Account in bad standing",
      retry: "Wants to try again",
      failure: "The page fails",
      cancel: "Shopper leaves",
      stale: "Message of an earlier session",
    },
  },
  fr: {
    stage: "Simulateur de paiement. Aucun argent ne circule ici.",
    title: "Confirmez votre identité",
    account: (digits) => `Compte se terminant par ${digits}`,
    nobody: "Aucun compte n’a été trouvé pour cette personne.",
    outcome: "Comment cela se termine",
    method: "NIP envoyé par",
    sms: "Texto",
    email: "Courriel",
    security_question: "Question de sécurité",
    pin: "NIP",
    hint: (pin) => `Rien n’a vraiment été envoyé : tapez ${pin}.`,
    wrong: (pin) => `Ce NIP n’est pas le bon. Tapez ${pin}.`,
    go: "Continuer",
    cancel: "Annuler",
    done: "C’est fait. Retournez à la boutique.",
    stale: "Un message d’une session précédente a été envoyé.",
    over: "Cette session est terminée. Recommencez dans la boutique.",
    unknown: "Cette session n’existe pas. Recommencez dans la boutique.",
    down: "Le simulateur ne répond pas. Réessayez.",
    outcomes: {
      verified: "Vérifié",
      unverified: "Non vérifié",
      activation: "Compte à activer",
      apply: "Veut demander un compte",
      bad_standing: "Compte en souffrance",
      retry: "Veut réessayer",
      failure: "La page échoue",
      cancel: "L’acheteur s’en va",
      stale: "Message d’une session précédente",
    },
  },
};
const at = (id) => document.getElementById(id);
// The query is inside the fragment.
const [path, query] = location.hash.slice(1).split("?", 2);
const asked = new URLSearchParams(query);
const lang = asked.get("lang") === "fr" ? "fr" : "en";
const text = TEXT[lang];
const session = { token: path.split("/")[3] ?? "", widget_session_id: asked.get("widget_session_id") ?? "" };
const [form, outcome, pin, hint, said] = ["form", "outcome", "pin", "pin-hint", "said"].map(at);
let shown;

function say(kind, mark, sentence) {
  const line = document.createElement("p");
  line.className = `said ${kind}`;
  const sign = document.createElement("span");
  sign.ariaHidden = "true";
  sign.textContent = mark;
  line.append(sign, ` ${sentence}`);
  said.replaceChildren(line);
}

async function ask(where, body) {
  const answer = await fetch(where, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: await answer.json() };
}

/** A PIN is asked for only where it decides something. */
function showPin() {
  const needed = outcome.value === "verified";
  for (const part of [pin, hint, document.querySelector("label[for=pin]")]) part.hidden = !needed;
}

function wrongPin(isWrong) {
  hint.textContent = (isWrong ? text.wrong : text.hint)(shown.pin);
  hint.classList.toggle("bad", isWrong);
  if (isWrong) {
    pin.setAttribute("aria-invalid", "true");
    pin.select();
    pin.focus();
  } else {
    pin.removeAttribute("aria-invalid");
  }
}

async function end(how) {
  said.replaceChildren();
  const wanted = { ...session, outcome: how, method: at("method").value, pin: pin.value };
  let answer;
  try {
    answer = await ask("/widget/end", wanted);
  } catch {
    say("bad", "!", text.down);
    return;
  }
  if (answer.status === 422) {
    wrongPin(true);
    return;
  }
  if (answer.status !== 200) {
    await open();
    return;
  }
  // Whoever is around: the provider's page asks nobody either.
  window.parent.postMessage(answer.body, "*");
  if (how === "stale") {
    say("wait", "✓", text.stale);
    return;
  }
  form.hidden = true;
  say("good", "✓", text.done);
  at("title").focus();
}

async function open() {
  let answer;
  try {
    answer = await ask("/widget/session", session);
  } catch {
    say("bad", "!", text.down);
    return;
  }
  if (answer.status !== 200) {
    form.hidden = true;
    say("bad", "!", text.unknown);
    return;
  }
  shown = answer.body;
  at("name").textContent = shown.name ?? text.nobody;
  at("account").textContent = shown.account === null ? "" : text.account(shown.account);
  outcome.replaceChildren(...shown.outcomes.map((one) => new Option(text.outcomes[one], one)));
  wrongPin(false);
  showPin();
  if (!shown.open) say("bad", "!", text.over);
  form.hidden = false;
}

document.documentElement.lang = lang === "fr" ? "fr-CA" : "en-CA";
for (const part of document.querySelectorAll("[data-text]")) part.textContent = text[part.dataset.text];
document.title = text.title;
outcome.addEventListener("change", showPin);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  end(outcome.value);
});
at("cancel").addEventListener("click", () => end("cancel"));
// Another session in the same frame changes the fragment only.
window.addEventListener("hashchange", () => location.reload());
open();
