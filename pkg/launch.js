// Fetching pinned files, in the frame and inline alike.

/** Fetches a file that must match its pin; once more past the cache, which may hold half a file. */
export const fetchPinned = (url, integrity) =>
  fetch(url, { integrity }).catch(() => fetch(url, { integrity, cache: "reload" }));

/** Why a pinned file did not load: its bytes are not the pinned ones, or it did not arrive. */
export async function blame(url, integrity) {
  const arrives = (options) =>
    fetch(url, { cache: "reload", ...options }).then(
      (response) => response.ok,
      () => false,
    );
  return (await arrives()) && !(await arrives({ integrity })) ? "load-tampered" : "load-failed";
}
