// Camera frames of a code, drawn and not filmed: the same ones on every machine and in every run.

import qrcode from "qrcode-generator";

export const WIDTH = 640;
export const HEIGHT = 480;

/** How a code is held before a camera. */
export const CONDITIONS = ["clean", "small", "blurred", "noisy", "rotated", "perspective", "inverted", "glare", "combined"];

/** Numbers between 0 and 1 that look random and are not (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A code's modules: its size, and whether the one at a place is dark. */
export function modules(text) {
  const code = qrcode(0, "M");
  code.addData(text, "Byte");
  code.make();
  const size = code.getModuleCount();
  return { size, isDark: (x, y) => x >= 0 && y >= 0 && x < size && y < size && code.isDark(y, x) };
}

/**
 * A frame in grey, one byte per pixel.
 *
 * @param {string} text      what the code says
 * @param {string} condition one of CONDITIONS
 * @param {() => number} chance
 */
export function frame(text, condition, chance = random(1)) {
  const is = (name) => condition === name || (condition === "combined" && name !== "inverted" && name !== "small");
  const between = (from, to) => from + chance() * (to - from);
  const code = modules(text);
  const fills = is("small") ? between(0.22, 0.3) : between(0.5, 0.72);
  const side = (HEIGHT * fills) / (code.size + 8);
  const turn = is("rotated") ? between(condition === "combined" ? -0.35 : 0, condition === "combined" ? 0.35 : Math.PI * 2) : 0;
  const lean = is("perspective") ? [between(-1, 1) * 0.0011, between(-1, 1) * 0.0011] : [0, 0];
  const middle = [WIDTH / 2 + between(-30, 30), HEIGHT / 2 + between(-20, 20)];
  const [sin, cos] = [Math.sin(turn), Math.cos(turn)];
  const half = code.size / 2;
  const quiet = half + 4;
  const wall = between(90, 150);

  let pixels = new Float32Array(WIDTH * HEIGHT);
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      let sum = 0;
      // Four looks per pixel: a camera has no hard edges.
      for (const [dx, dy] of [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]) {
        const [px, py] = [x + dx - middle[0], y + dy - middle[1]];
        const depth = (1 + lean[0] * px + lean[1] * py) * side;
        const [u, v] = [(px * cos - py * sin) / depth, (px * sin + py * cos) / depth];
        const onScreen = Math.abs(u) < quiet && Math.abs(v) < quiet;
        const dark = onScreen && code.isDark(Math.floor(u + half), Math.floor(v + half));
        const shown = dark ? 28 : 232;
        sum += !onScreen ? wall : is("inverted") ? 260 - shown : shown;
      }
      pixels[y * WIDTH + x] = sum / 4;
    }
  }
  if (is("glare")) addGlare(pixels, [middle[0] + between(-1, 1) * 60, middle[1] + between(-1, 1) * 60], between(30, 55));
  if (is("blurred")) pixels = blurred(pixels, condition === "combined" ? between(0.5, 0.9) : between(1, 2.1) * Math.max(1, side / 5));
  const grain = is("noisy") ? (condition === "combined" ? 22 : between(60, 95)) : 3;
  return Uint8ClampedArray.from(pixels, (pixel) => pixel + grain * (chance() + chance() + chance() - 1.5));
}

/** A lamp on the glass. */
function addGlare(pixels, [x0, y0], radius) {
  for (let at = 0; at < pixels.length; at += 1) {
    const far = Math.hypot((at % WIDTH) - x0, Math.floor(at / WIDTH) - y0) / radius;
    pixels[at] += 210 * Math.exp(-far * far);
  }
}

/** Three box blurs, which come close to a Gaussian of that radius. */
function blurred(pixels, radius) {
  const reach = Math.max(1, Math.round(radius));
  let from = pixels;
  for (const step of [1, WIDTH, 1, WIDTH, 1, WIDTH]) {
    const to = new Float32Array(from.length);
    for (let at = 0; at < from.length; at += 1) {
      let [sum, count] = [0, 0];
      for (let by = -reach; by <= reach; by += 1) {
        const pixel = from[at + by * step];
        if (pixel !== undefined) [sum, count] = [sum + pixel, count + 1];
      }
      to[at] = sum / count;
    }
    from = to;
    if (radius < 1) return mixed(pixels, from, radius);
  }
  return from;
}

const mixed = (a, b, share) => a.map((pixel, at) => pixel * (1 - share) + b[at] * share);

/** Frames as a film that Chromium plays in a camera's place (YUV4MPEG2). */
export function film(frames, perSecond = 10) {
  const colours = Buffer.alloc((WIDTH * HEIGHT) / 2, 128);
  const parts = [Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${perSecond}:1 Ip A1:1 C420jpeg\n`)];
  for (const pixels of frames) parts.push(Buffer.from("FRAME\n"), Buffer.from(pixels), colours);
  return Buffer.concat(parts);
}
