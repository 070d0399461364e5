"""The report: one HTML file with its pictures inside, nothing loaded from elsewhere."""

import html
import json

BAR_HEIGHT, GAP, LABEL_WIDTH, BARS_WIDTH, VALUE_WIDTH = 20, 8, 190, 430, 250
COLOURS = {"floor": "#9aa5b1", "weir": "#0b7a75", "peer": "#c98a2b"}
VERDICT_MARKS = {"met": "&#10003;", "missed": "&#10007;", "met by the median only": "&#8776;"}
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1d2730;
       background: #fff }
h1 { margin-bottom: 0 } h2 { margin-top: 2.5rem } .quiet { color: #5c6b78 }
table { border-collapse: collapse } td, th { padding: .15rem .9rem .15rem 0; text-align: left }
.met { color: #0b7a75 } .missed { color: #b3261e } pre { overflow: auto; background: #f3f5f7; padding: .7rem }
svg { max-width: 100%; height: auto }
@media (prefers-color-scheme: dark) { body { color: #dde4ea; background: #14191e } pre { background: #1f262d }
  .quiet { color: #97a5b1 } svg text { fill: #dde4ea } }
"""


def kind(name):
    return "floor" if name.startswith("relay") or name == "direct" else "weir" if name.startswith("weir") else "peer"


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def chart(result):
    """Bars of cost relative to ours, shorter is better; the whisker is the 95 % interval. Without ratios the bars are
    the values themselves."""
    with_ratio = any(row.ratio for row in result.rows)
    bars = []
    for row in result.rows:
        middle, low, high = row.ratio or ((1, 1, 1) if with_ratio else (row.value,) * 3)
        bars.append((row, middle, low, high))
    longest = max((high for _, _, _, high in bars), default=1) or 1
    scale = BARS_WIDTH / longest
    parts = []
    for i, (row, middle, low, high) in enumerate(bars):
        y = i * (BAR_HEIGHT + GAP)
        middle_y = y + BAR_HEIGHT / 2
        parts.append(f'<text x="{LABEL_WIDTH - 8}" y="{middle_y + 5}" text-anchor="end">{html.escape(row.name)}'
                     "</text>")
        parts.append(f'<rect x="{LABEL_WIDTH}" y="{y}" width="{max(1, middle * scale):.1f}" height="{BAR_HEIGHT}" '
                     f'rx="2" fill="{COLOURS[kind(row.name)]}"/>')
        if high > low:
            parts.append(f'<path d="M{LABEL_WIDTH + low * scale:.1f} {middle_y}H{LABEL_WIDTH + high * scale:.1f}" '
                         'stroke="#1d2730" stroke-opacity=".55" stroke-width="2"/>')
        label = f"{number(row.value)}" + (f"  ({middle:.2f} x)" if with_ratio else "")
        parts.append(f'<text x="{LABEL_WIDTH + max(high, middle) * scale + 8:.1f}" y="{middle_y + 5}">{label}</text>')
    if with_ratio:
        x = LABEL_WIDTH + scale
        parts.append(f'<path d="M{x:.1f} 0V{len(bars) * (BAR_HEIGHT + GAP)}" stroke="{COLOURS["weir"]}" '
                     'stroke-dasharray="3 3"/>')
    width, height = LABEL_WIDTH + BARS_WIDTH + VALUE_WIDTH, len(bars) * (BAR_HEIGHT + GAP)
    title = html.escape(f"{result.workload}: {result.title} ({result.unit})")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" font-family="system-ui, sans-serif" font-size="14" fill="currentColor" role="img">'
            f"<title>{title}</title>" + "".join(parts) + "</svg>")


def checks_table(result):
    rows = []
    for check in result.checks:
        verdict = check.verdict()
        style = "missed" if verdict == "missed" else "met"
        rows.append(f'<tr><td class="{style}">{VERDICT_MARKS[verdict]} {verdict}</td>'
                    f"<td>{html.escape(check.text)}</td><td>{check.measured:.3g} ({check.low:.3g} to {check.high:.3g})"
                    f"</td><td>target {html.escape(check.bound)} {check.target:g}</td></tr>")
    return "<table>" + "".join(rows) + "</table>" if rows else ""


def section(result):
    notes = "".join(f'<p class="quiet">{html.escape(note)}</p>' for note in result.notes)
    configurations = "".join(
        f"<details><summary>configuration of {html.escape(name)}</summary>"
        f"<pre>{html.escape(text[:6000])}</pre></details>"
        for name, text in result.configurations.items())
    relative = ", and as a multiple of weir's; shorter is better" if any(row.ratio for row in result.rows) else ""
    return (f"<h2>{result.workload}</h2><p>{html.escape(result.title)}: {html.escape(result.unit)}{relative}.</p>"
            + chart(result) + checks_table(result) + notes + configurations)


def html_report(about, results):
    machine = "".join(f"<tr><td>{html.escape(key.replace('_', ' '))}</td><td>{html.escape(str(value))}</td></tr>"
                      for key, value in {**about["machine"], **about["versions"]}.items())
    return ("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Weir: the bench</title>"
            f"<style>{STYLE}</style></head><body><h1>Weir: the bench</h1>"
            f'<p class="quiet">{html.escape(about["date"])} &middot; <code>{html.escape(about["command"])}</code></p>'
            + "".join(section(result) for result in results)
            + f"<h2>Machine and versions</h2><table>{machine}</table></body></html>\n")


def write_reports(arguments, about, results):
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"about": about, "results": [result.as_json() for result in results]}, file, indent=1)
    if arguments.report:
        with open(arguments.report, "w", encoding="utf-8") as file:
            file.write(html_report(about, results))
    if arguments.picture:
        with open(arguments.picture, "w", encoding="utf-8") as file:
            file.write(chart(results[0]).replace("currentColor", "#6b7885") + "\n")
