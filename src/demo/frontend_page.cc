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
  button { font: inherit; padding: .4rem 1rem; border-radius: .4rem; border: 1px solid var(--accent); background: var(--accent); color: #fff; cursor: pointer; }
  ol { font: .85rem/1.6 ui-monospace, monospace; padding-left: 2.2rem; }
  .bad { color: #c33; }
</style>
</head>
<body>
)html";

// The page draws the document it came with in the way it draws every later answer of /api.
constexpr std::string_view kScript = R"html(
<p><button id="ask">Call /api</button> asks again and shows which instances answered.</p>
<ol id="log"></ol>
<script>
const log = document.getElementById('log');
function box(title, values) {
  const hop = document.createElement('div');
  hop.className = 'hop';
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
function note(text, bad) {
  const line = document.createElement('li');
  line.textContent = text;
  if (bad) line.className = 'bad';
  log.append(line);
}
document.getElementById('ask').onclick = async () => {
  const started = performance.now();
  try {
    const response = await fetch('/api');
    const answer = await response.json();
    const took = (performance.now() - started).toFixed(1);
    draw(answer);
    note(`${response.status} in ${took} ms: frontend ${answer.frontend.address} → backend ` +
      (answer.backend ? answer.backend.address : answer.error), !response.ok);
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
