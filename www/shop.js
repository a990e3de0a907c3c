// The demo shop's page: a catalogue, a cart and the checkout. What concerns the checkout is in `showPay`.

import { TEXTS } from "./texts.js";

const $ = (id) => document.getElementById(id);
const checkout = document.querySelector("ventanilla-checkout");
const options = $("options").elements;
const views = ["shop", "cart", "pay"];

const cart = new Map(JSON.parse(sessionStorage.getItem("cart") ?? "[]"));
const settings = JSON.parse(localStorage.getItem("settings") ?? "{}");
let catalogue;
let order;
let paid = false;
/** The client token that came with a new order, until the checkout has taken it. */
let fresh;

const language = () => settings.locale.slice(0, 2);
const t = (name, ...values) => {
  const text = TEXTS[language()][name];
  return typeof text === "function" ? text(...values) : text;
};

/** Money is whole minor units; Intl takes the decimal as text, so that nothing is ever rounded. */
function money({ amount_minor, currency }) {
  const digits = String(amount_minor).padStart(3, "0");
  return new Intl.NumberFormat(settings.locale, { style: "currency", currency }).format(
    `${digits.slice(0, -2)}.${digits.slice(-2)}`,
  );
}

async function ask(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: method === "POST" ? { "Content-Type": "application/json" } : {},
    body: method === "POST" ? JSON.stringify(body ?? {}) : undefined,
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
  return answer.json();
}

// ---- views --------------------------------------------------------------------------------------

async function route() {
  const [, number] = /^\/pago\/(CP-[0-9A-F]{10})$/.exec(location.pathname) ?? [];
  if (number) return showPay(number);
  leavePay();
  show(location.hash === "#carrito" ? "cart" : "shop");
}

function show(view) {
  for (const name of views) $(`view-${name}`).hidden = name !== view;
  document.title = view === "shop" ? "Café Poás" : `${t(view === "cart" ? "yourCart" : "payTitle")} · Café Poás`;
}

function go(address) {
  history.pushState(null, "", address);
  scrollTo(0, 0);
  route();
  $("main").focus();
}

function draw() {
  document.documentElement.lang = settings.locale;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const name of ["locale", "currency", "buyer"]) options[name].value = settings[name];
  options.installments.checked = settings.installments;
  checkout.setAttribute("locale", settings.locale);
  drawProducts();
  drawCart();
  if (order) drawOrder();
}

function drawProducts() {
  $("products").replaceChildren(
    ...catalogue.products.map(({ sku, names, prices }) => {
      const item = $("product").content.cloneNode(true).firstElementChild;
      const name = names[language()];
      item.querySelector("img").src = `/img/${sku}.svg`;
      item.querySelector("h2").textContent = name;
      item.querySelector(".notes").textContent = t("notes")[sku];
      item.querySelector(".price").textContent = money({ amount_minor: prices[settings.currency], currency: settings.currency });
      const button = item.querySelector("button");
      button.textContent = t("add");
      button.setAttribute("aria-label", `${t("add")}: ${name}`);
      button.onclick = () => {
        setQuantity(sku, Math.min((cart.get(sku) ?? 0) + 1, 20));
        $("said").textContent = t("addedToCart", name);
        button.textContent = t("added");
        setTimeout(() => (button.textContent = t("add")), 1200);
      };
      return item;
    }),
  );
}

function drawCart() {
  const inCart = catalogue.products.filter(({ sku }) => cart.has(sku));
  const count = [...cart.values()].reduce((sum, quantity) => sum + quantity, 0);
  $("count").textContent = count;
  $("count").hidden = count === 0;
  const price = ({ prices }) => ({ amount_minor: prices[settings.currency], currency: settings.currency });
  const lines = inCart.map((product) => ({ ...product, description: product.names[language()], quantity: cart.get(product.sku), unit_price: price(product) }));
  $("cart-lines").replaceChildren(...lines.map((line) => drawLine(line, setQuantity)));
  drawSums($("cart-sums"), [...lines, { sku: "envio", quantity: 1, unit_price: price(catalogue.shipping) }]);
  const empty = lines.length === 0;
  $("cart-empty").hidden = !empty;
  $("cart-sums").hidden = $("pay").hidden = empty;
}

function drawLine({ sku, description, quantity, unit_price }, change) {
  const item = $("line").content.cloneNode(true).firstElementChild;
  item.querySelector("img").src = `/img/${sku}.svg`;
  item.querySelector(".what").textContent = change ? description : `${quantity} × ${description}`;
  item.querySelector(".amount").textContent = money({ ...unit_price, amount_minor: unit_price.amount_minor * quantity });
  const label = item.querySelector("label");
  if (!change) {
    label.remove();
    return item;
  }
  label.querySelector("span").textContent = t("quantity", description);
  const select = label.querySelector("select");
  for (let number = 0; number <= 20; number += 1) select.append(new Option(number || t("none"), number, false, number === quantity));
  select.onchange = () => change(sku, Number(select.value));
  return item;
}

function drawSums(list, lines) {
  const sum = (some) => ({
    amount_minor: some.reduce((total, { quantity, unit_price }) => total + quantity * unit_price.amount_minor, 0),
    currency: lines[0].unit_price.currency,
  });
  const isShipping = ({ sku }) => sku === "envio";
  const rows = [
    [t("subtotal"), sum(lines.filter((line) => !isShipping(line)))],
    [t("shipping"), sum(lines.filter(isShipping))],
    [t("total"), sum(lines)],
  ];
  list.replaceChildren(
    ...rows.map(([name, amount]) => {
      const row = document.createElement("div");
      const term = document.createElement("dt");
      const value = document.createElement("dd");
      term.textContent = name;
      value.textContent = money(amount);
      row.append(term, value);
      return row;
    }),
  );
}

function setQuantity(sku, quantity) {
  if (quantity) cart.set(sku, quantity);
  else cart.delete(sku);
  sessionStorage.setItem("cart", JSON.stringify([...cart]));
  drawCart();
}

// ---- paying -------------------------------------------------------------------------------------

async function placeOrder() {
  const button = $("pay");
  button.disabled = true;
  $("cart-problem").hidden = true;
  try {
    const items = [...cart].map(([sku, quantity]) => ({ sku, quantity }));
    const { currency, buyer, installments } = settings;
    const placed = await ask("POST", "/api/orders", { items, currency, buyer, installments, language: language() });
    fresh = placed;
    go(`/pago/${placed.number}`);
  } catch {
    $("cart-problem").textContent = t("orderFailed");
    $("cart-problem").hidden = false;
  } finally {
    button.disabled = false;
  }
}

async function showPay(number) {
  show("pay");
  if (order?.number === number) return;
  paid = false;
  try {
    order = await ask("GET", `/api/orders/${number}`);
  } catch {
    $("thanks").textContent = t("orderGone");
    return;
  }
  drawOrder();
  if (order.state === "succeeded") thank();
  // The first token came with the order; after a reload, or when one has expired, the shop's server gives another.
  checkout.clientToken = async () => {
    const placed = fresh;
    fresh = undefined;
    if (placed?.number === number) return placed.client_token;
    return (await ask("POST", `/api/orders/${number}/client-token`)).client_token;
  };
}

function leavePay() {
  order = undefined;
  checkout.clientToken = undefined;
}

function drawOrder() {
  // Never broken at its hyphen.
  const number = order.number.replace("-", "\u2011");
  $("order-number").textContent = number;
  $("order-lines").replaceChildren(...order.items.filter(({ sku }) => sku !== "envio").map((line) => drawLine(line)));
  drawSums($("order-sums"), order.items);
  $("pay-title").textContent = t(paid ? "thanksTitle" : "payTitle");
  $("thanks").textContent = paid ? t("thanks", number) : "";
}

function thank() {
  paid = true;
  drawOrder();
  for (const sku of [...cart.keys()]) cart.delete(sku);
  sessionStorage.setItem("cart", "[]");
  drawCart();
}

// The event is a reason to ask the shop's own server, which asks the proxy. It is not a proof of payment.
checkout.addEventListener("ventanilla-complete", async () => {
  $("thanks").textContent = t("confirming");
  const { state } = await ask("GET", `/api/orders/${order.number}`);
  if (state === "succeeded") thank();
  else $("thanks").textContent = t("notPaid");
});

// ---- start --------------------------------------------------------------------------------------

Object.assign(settings, { locale: "es-CR", currency: "CRC", buyer: "guest", installments: false, ...settings });
$("options").addEventListener("change", () => {
  for (const name of ["locale", "currency", "buyer"]) settings[name] = options[name].value;
  settings.installments = options.installments.checked;
  localStorage.setItem("settings", JSON.stringify(settings));
  draw();
});
$("pay").onclick = placeOrder;
$("open-cart").onclick = () => go("/#carrito");
addEventListener("popstate", route);
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href="/"]');
  if (!link || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  go("/");
});
// The checkout stands on the shop's own paper, in its colours and corners.
checkout.appearance = {
  "--ventanilla-accent": "light-dark(#1f4d3a, #2f9e70)",
  "--ventanilla-ink": "light-dark(#231f1a, #f1ebe0)",
  "--ventanilla-paper": "light-dark(#fbf8f2, #15130f)",
  "--ventanilla-radius": "10px",
  "--ventanilla-width": "472px",
};
const { sandbox } = document.body.dataset;
if (sandbox) Object.assign($("sandbox"), { href: sandbox, hidden: false });

catalogue = await ask("GET", "/api/catalogue");
draw();
route();
