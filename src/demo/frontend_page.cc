#include "demo/demo.h"
#include "weir/base/text.h"

namespace weir::demo {
namespace {

constexpr std::string_view kHead = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Weir demo</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 5q3.5-4 7 0t7 0M1 11q3.5-4 7 0t7 0' fill='none' stroke='%230a7ea4' stroke-width='2'/%3E%3C/svg%3E">
<style>
  :root { color-scheme: light dark; --line: #8885; --accent: #0a7ea4; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.6rem; margin-bottom: .2rem; }
  p { margin: .3rem 0 1rem; }
  .hops { display: flex; gap: .6rem; flex-wrap: wrap; align-items: stretch; }
  .hop { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .9rem; flex: 1 1 12rem; }
  .hop h2 { font-size: 1rem; margin: 0 0 .3rem; color: var(--accent); }
  dl { display: grid; grid-template-columns: auto 1fr; gap: 0 .8rem; margin: 0; font-size: .85rem; }
  dt { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; font-family: ui-monospace, monospace; }
  .ask { margin: 1.2rem 0 1rem; }
  .hop.bad { border-color: #c33; } .hop.bad h2 { color: #c33; }
  button { font: inherit; padding: .4rem 1rem; border-radius: .4rem; border: 1px solid var(--accent); background: var(--accent); color: #fff; cursor: pointer; }
  ol { font: .85rem/1.6 ui-monospace, monospace; padding-left: 2.6rem; }
  .bad { color: #c33; }
</style>
</head>
<body>
)html";

// The page draws the document it came with in the way it draws every later answer of /api.
constexpr std::string_view kScript = R"html(
<p class="ask"><button id="ask">Call /api</button> asks again and shows which instances answered.</p>
<ol id="log" reversed></ol>
<script>
const LINES_MAX = 50;
const log = document.getElementById('log');
let asked = 0;
function box(title, values) {
  const hop = document.createElement('div');
  hop.className = values && values.error ? 'hop bad' : 'hop';
  const heading = document.createElement('h2');
  heading.textContent = title;
  const list = document.createElement('dl');
  for (const [name, value] of Object.entries(values || {})) {
    const term = document.createElement('dt');
    const text = document.createElement('dd');
    term.textContent = name;
    text.textContent = value;
    list.append(term, text);
  }
  hop.append(heading, list);
  return hop;
}
function draw(answer) {
  document.getElementById('hops').replaceChildren(
    box('frontend', answer.frontend), box('backend', answer.backend || { error: answer.error || 'none' }));
}
// The newest line is on top, below the button that made it.
function note(text, bad) {
  const line = document.createElement('li');
  line.textContent = text;
  if (bad) line.className = 'bad';
  log.prepend(line);
  log.start = ++asked;
  if (log.children.length > LINES_MAX) log.lastChild.remove();
}
document.getElementById('ask').onclick = async () => {
  const started = performance.now();
  try {
    const response = await fetch('/api');
    const text = await response.text();
    const took = (performance.now() - started).toFixed(1);
    // What is no JSON is no frontend's: the edge itself, when it has nobody to ask.
    const json = (response.headers.get('Content-Type') || '').startsWith('application/json');
    const answer = json ? JSON.parse(text) : {};
    if (!answer.frontend) return note(`${response.status} in ${took} ms, not from a frontend: ${text.trim()}`, true);
    draw(answer);
    note(`${response.status} in ${took} ms: frontend ${answer.frontend.address} → ` +
      (answer.backend ? `backend ${answer.backend.address}` : answer.error), !response.ok);
  } catch (error) {
    note(`failed: ${error}`, true);
  }
};
draw(JSON.parse(document.getElementById('answer').textContent));
</script>
</body>
</html>
)html";

/// "</script>" within a script element would end it.
std::string for_script(std::string_view json) { return replace_all(json, "<", "\\u003c"); }

}  // namespace

std::string frontend_page(const Identity& identity, const std::string& answer) {
  std::string out(kHead);
  out += "<h1>" + html_escape(identity.greeting) +
         "</h1>\n<p>This request came through the edge to this frontend, which found a backend in "
         "the registry.</p>\n<div class=\"hops\" id=\"hops\"></div>\n";
  out += "<script type=\"application/json\" id=\"answer\">" + for_script(answer) + "</script>\n";
  out += kScript;
  return out;
}

}  // namespace weir::demo
