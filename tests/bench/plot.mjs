// Bars for people who look rather than read: an SVG that follows the reader's colour scheme.

const [WIDTH, LABEL, VALUE, BAR, GAP, TOP] = [720, 210, 90, 22, 8, 40];
const escaped = (text) => String(text).replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

/**
 * @param title  what is shown, with its unit
 * @param rows   `{label, value, shown, own}`: how long each bar is, what stands behind it, and whether it is ours
 */
export function bars(title, rows) {
  const most = Math.max(...rows.map(({ value }) => value)) || 1;
  const height = TOP + rows.length * (BAR + GAP) + GAP;
  const line = ({ label, value, shown, own }, at) => {
    const y = TOP + at * (BAR + GAP);
    const width = Math.max(1, ((WIDTH - LABEL - VALUE) * value) / most);
    const middle = y + BAR / 2 + 5;
    return `<text x="${LABEL - 8}" y="${middle}" text-anchor="end">${escaped(label)}</text>
<rect class="${own ? "own" : "peer"}" x="${LABEL}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="3"/>
<text x="${(LABEL + width + 6).toFixed(1)}" y="${middle}">${escaped(shown)}</text>`;
  };
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>
text { font: 14px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.own { fill: #0a6b54 }
.peer { fill: #8c959f }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .own { fill: #3fb68b } .peer { fill: #6e7681 } }
</style>
<text class="title" x="8" y="24">${escaped(title)}</text>
${rows.map(line).join("\n")}
</svg>
`;
}
