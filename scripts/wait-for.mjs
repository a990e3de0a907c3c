// Waits until a URL answers 200, or until the process that should serve it is gone.
const [url, pid] = process.argv.slice(2);
const deadline = Date.now() + 30_000;

const alive = () => {
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch {
    return false;
  }
};

for (;;) {
  const answer = await fetch(url).catch(() => null);
  if (answer?.ok) process.exit(0);
  if (!alive() || Date.now() > deadline) process.exit(1);
  await new Promise((resolve) => setTimeout(resolve, 100));
}
