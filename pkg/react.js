// A thin wrapper for React 18 and newer: attributes from props, properties and listeners by reference.

import { createElement, forwardRef, useEffect, useImperativeHandle, useRef } from "react";
import { define } from "./pure.js";

const LISTENERS = {
  onReady: "ventanilla-ready",
  onChange: "ventanilla-change",
  onSubmit: "ventanilla-submit",
  onAction: "ventanilla-action",
  onComplete: "ventanilla-complete",
  onError: "ventanilla-error",
};

export const Checkout = forwardRef(function Checkout(props, ref) {
  const { clientToken, appearance, inlineCards, ...rest } = props;
  const element = useRef(null);
  const latest = useRef(props);
  latest.current = props;
  useImperativeHandle(ref, () => element.current, []);

  useEffect(() => {
    define();
    const checkout = element.current;
    const heard = Object.entries(LISTENERS).map(([prop, name]) => {
      const listener = (event) => latest.current[prop]?.(event);
      checkout.addEventListener(name, listener);
      return () => checkout.removeEventListener(name, listener);
    });
    return () => heard.forEach((stop) => stop());
  }, []);
  useEffect(() => {
    element.current.appearance = appearance ?? null;
  }, [appearance]);
  useEffect(() => {
    element.current.clientToken = clientToken;
  }, [clientToken]);

  for (const prop in LISTENERS) delete rest[prop];
  if (inlineCards) rest["inline-cards"] = "";
  return createElement("ventanilla-checkout", { ...rest, ref: element });
});
