/// The page that shows a job while it runs: one text, with its style sheet and its script inside.
#pragma once

#include <string>
#include <string_view>

#include <bitnet/config/abi.hpp>
#include <bitnet/report/style_sheet.hpp>

namespace bitnet::inline BITNET_ABI::report {

/// Beside the style sheet of a report.
inline constexpr std::string_view live_style = R"css(
[hidden]{display:none!important}
#link{display:inline-flex;align-items:center;gap:.5em}
#link::before{content:"";width:.7em;height:.7em;border-radius:50%;background:var(--quiet)}
#link.running::before{background:var(--passed)}#link.lost::before{background:var(--failed)}
.now{margin-top:1rem;padding:.9rem 1rem 1rem;border:1px solid var(--edge);border-radius:6px;background:var(--raised)}
.now h2{margin:0;padding:0;border:0}
.now p{display:flex;flex-wrap:wrap;gap:0 1.2rem;min-height:1.5em;font-variant-numeric:tabular-nums}
.bar{height:.9rem;margin:.6rem 0;border-radius:.45rem;background:var(--grid);overflow:hidden}
.bar div{height:100%;width:0;background:var(--c0);transition:width .3s}
.stages{display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;list-style:none;margin:.8rem 0 0;padding:0 1rem;color:var(--quiet);font-size:.9rem}
#verdict{margin-top:1rem}
#errors td:first-child{overflow-wrap:anywhere}
#log{margin:0;padding:.6rem .9rem;max-height:20rem;overflow:auto;border:1px solid var(--edge);border-radius:6px;
background:var(--raised);font:13px/1.5 ui-monospace,"DejaVu Sans Mono",monospace;white-space:pre-wrap}
@media (prefers-reduced-motion:reduce){.bar div{transition:none}}
)css";

/// Shows what the events of a LiveServer say. All texts become text nodes, whatever is in them. A connection that is
/// lost is made again by the browser, and the state is told anew.
inline constexpr std::string_view live_script = R"js("use strict";
const byId = id => document.getElementById(id);
const finite = value => typeof value === "number" && Number.isFinite(value);
const fresh = () => ({run: {}, stage: new Map(), point: new Map(), gate: new Map(), tensor: new Map(), log: [], end: null});
let state = fresh(), source = null, waiting = 0, report = null;

function element(tag, attributes = {}, ...children) {
    const out = tag.startsWith("svg:") ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4)) : document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) out.setAttribute(key, value);
    out.append(...children);
    return out;
}
function number(value, digits = 4) {
    if (!finite(value)) return typeof value === "string" ? value : "";
    const size = Math.abs(value);
    return size !== 0 && (size < 1e-4 || size >= 1e7) ? value.toExponential(digits - 1) : String(Number(value.toPrecision(digits)));
}
function time(seconds) {
    if (seconds < 100) return Math.ceil(seconds) + " s";
    return seconds < 6000 ? Math.round(seconds / 60) + " min" : (seconds / 3600).toFixed(1) + " h";
}
function stateOf(gate) {
    const known = {passed: ["passed", "\u2713"], failed: ["failed", "\u2717"], warning: ["warning", "!"]};
    const [kind, sign] = known[gate] || ["unmeasured", "\u2013"];
    return element("span", {class: "state " + kind}, element("span", {class: "sign", "aria-hidden": "true"}, sign), " " + gate);
}

/* Round numbers that a range is marked at. */
function ticks(low, high, most = 5) {
    const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * ([1, 2, 5].find(one => one * power >= rough) || 10), out = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) out.push(i * step);
    return out;
}
/* Lists of points [x, y], each a line or dots. */
function chart(title, xTitle, lists, zero) {
    const width = 460, height = 250, left = 58, right = 12, top = 10, bottom = 42;
    const all = lists.flatMap(one => one.points), xs = all.map(one => one[0]), ys = all.map(one => one[1]);
    const range = (values, least) => {
        const low = Math.min(...values, ...least), high = Math.max(...values, ...least);
        return low < high ? [low, high] : [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
    };
    const [xLow, xHigh] = range(xs, []), [yLow, yHigh] = range(ys, zero ? [0] : []);
    const x = value => left + (value - xLow) / (xHigh - xLow) * (width - left - right);
    const y = value => height - bottom - (value - yLow) / (yHigh - yLow) * (height - top - bottom);
    const svg = element("svg:svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title});
    for (const at of ticks(yLow, yHigh)) {
        svg.append(element("svg:line", {class: "grid", x1: left, x2: width - right, y1: y(at), y2: y(at)}));
        svg.append(element("svg:text", {class: "end", x: left - 6, y: y(at) + 4}, number(at, 3)));
    }
    for (const at of ticks(xLow, xHigh).filter(Number.isInteger))
        svg.append(element("svg:text", {class: "middle", x: x(at), y: height - bottom + 18}, number(at, 6)));
    svg.append(element("svg:line", {class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom}));
    svg.append(element("svg:text", {class: "middle", x: (left + width - right) / 2, y: height - 6}, xTitle));
    lists.forEach((one, place) => {
        if (one.dots || one.points.length === 1)
            for (const [px, py] of one.points) svg.append(element("svg:circle", {class: "fill c" + place, cx: x(px), cy: y(py), r: 3}));
        else
            svg.append(element("svg:path", {class: "line c" + place, d: one.points.map(([px, py], i) => `${i ? "L" : "M"}${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join("")}));
    });
    return svg;
}
function figure(title, ...inside) {
    return element("figure", {}, element("figcaption", {}, title), element("div", {class: "drawing"}, ...inside));
}

function showStages() {
    const stages = [...state.stage.values()], now = stages.at(-1), share = now && finite(now.share) ? Math.min(1, Math.max(0, now.share)) : 0;
    const percent = Math.floor(100 * share + 1e-9), ended = state.end !== null;
    byId("now").hidden = !now || ended;
    if (now) {
        byId("stage").textContent = now.name;
        byId("bar").setAttribute("aria-valuenow", percent);
        byId("bar").firstElementChild.style.width = 100 * share + "%";
        byId("done").textContent = percent + " %";
        byId("left").textContent = finite(now.seconds_left) && share > 0 && share < 1 ? time(now.seconds_left) + " left" : "";
        byId("what").textContent = now.what || "";
    }
    byId("stages").replaceChildren(...(ended && state.end.sound ? stages : stages.slice(0, -1)).map(one => element("li", {}, "\u2713 " + one.name)));
    document.title = ended ? "Ended: " + byId("title").textContent : now ? `${percent} % ${now.name}` : "bitnet";
}
function showGates() {
    byId("gates").replaceChildren(...[...state.gate.values()].map(one => element("li", {}, stateOf(one.state || "not measured"),
        element("strong", {}, (one.name || "").replaceAll("_", " ")), element("span", {class: "sentence"}, one.sentence || ""))));
    byId("gates-section").hidden = state.gate.size === 0;
}
function showCurves() {
    const figures = [];
    for (const [name, steps] of state.point) {
        const points = [...steps].filter(one => finite(one[1])).sort((a, b) => a[0] - b[0]);
        if (points.length) figures.push(figure(`${name}: ${number(points.at(-1)[1])}`, chart(name + " over steps", "step", [{points}], false)));
    }
    byId("curves").replaceChildren(...figures);
    byId("curves-section").hidden = figures.length === 0;
}
/* A matrix belongs to the first number in its name; what has none stands in the table of the report alone. */
function showErrors() {
    const fitted = [], plain = [], worst = [...state.tensor.values()].filter(one => finite(one.error)).sort((a, b) => b.error - a.error);
    for (const one of worst) {
        const layer = /(?:^|\.)(\d+)\./.exec(one.name || "");
        if (layer) fitted.push([Number(layer[1]), one.error]);
        if (layer && finite(one.plain_error)) plain.push([Number(layer[1]), one.plain_error]);
    }
    byId("errors-section").hidden = fitted.length === 0;
    if (fitted.length === 0) return;
    const lists = [{points: fitted, dots: true}];
    if (plain.length) lists.push({points: plain, dots: true});
    const rows = worst.slice(0, 8).map(one => element("tr", {}, element("td", {}, one.name || ""), element("td", {}, number(one.error))));
    const drawing = figure(plain.length ? "Blue: as it is. Orange: rounded without calibration" : "Each matrix a dot", chart("error by layer", "layer", lists, true));
    byId("errors").replaceChildren(drawing, figure("Largest errors", element("table", {class: "right2"}, element("tbody", {}, ...rows))));
}
function showLog() {
    const box = byId("log"), atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 30;
    byId("log-section").hidden = state.log.length === 0;
    box.textContent = state.log.join("\n");
    if (atEnd) box.scrollTop = box.scrollHeight;
}
function showEnd() {
    const end = state.end;
    byId("verdict").hidden = !end;
    if (!end) return;
    const word = end.passed === true ? "passed" : end.passed === false ? "failed" : "not measured";
    const facts = [finite(end.ratio) && `${number(end.ratio, 3)}x smaller`, finite(end.perplexity_after) && "perplexity " + number(end.perplexity_after) +
        (finite(end.perplexity_before) ? `, ${number(end.perplexity_before)} of the original` : "")].filter(Boolean);
    byId("verdict-line").className = "verdict " + word;
    byId("verdict-line").replaceChildren(stateOf(word), element("span", {class: "sentence"}, end.sentence || ""));
    byId("facts").textContent = facts.join("; ");
    byId("report-line").hidden = !report;
    if (report) byId("report-link").href = report;
}
function show() {
    waiting = 0;
    byId("title").textContent = state.run.model ? state.run.model.replace(/\/+$/, "").split("/").pop() || state.run.model : "A job of bitnet";
    for (const part of [showStages, showGates, showCurves, showErrors, showLog, showEnd]) part();
}
function changed() { waiting = waiting || setTimeout(show, 200); }
function link(kind, text) { byId("link").className = kind; byId("link").textContent = text; }

const listeners = {
    run: data => { state.run = data; },
    stage: data => { state.stage.delete(data.name); state.stage.set(data.name, data); },
    gate: data => { state.gate.set(data.name, data); },
    tensor: data => { state.tensor.set(data.name, data); },
    point: data => { state.point.set(data.name, (state.point.get(data.name) || new Map()).set(data.step, data.value)); },
    log: data => { state.log.push(data.text); if (state.log.length > 1000) state.log.shift(); },
    end: data => {
        /* The job goes, and its server with it: the report is kept here. */
        if (data.report) report = URL.createObjectURL(new Blob([data.report], {type: "text/html"}));
        state.end = {...data, report: null, sound: Boolean(data.report)};
        source.close();
        link("", "The job has ended.");
    },
};
function connect() {
    source = new EventSource("/events");
    source.onopen = () => { state = fresh(); link("running", "Running."); changed(); };
    source.onerror = () => {
        link("lost", "The job cannot be reached: it has stopped, or the network is gone. Trying again.");
        if (source.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
    };
    for (const [name, listener] of Object.entries(listeners))
        source.addEventListener(name, event => { listener(JSON.parse(event.data)); changed(); });
}
connect();
)js";

/// The page, which loads nothing: it asks its own server for /events.
inline std::string live_page() {
    std::string out = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">"
                      "<link rel=\"icon\" href=\"data:,\"><title>bitnet</title><style>";
    (out += style_sheet) += live_style;
    out += R"html(</style></head>
<body><header><h1><bdi id="title">A job of bitnet</bdi></h1><p id="link" role="status">Connecting.</p></header>
<main>
<div class="now" id="now" hidden><h2 id="stage"></h2>
<div class="bar" id="bar" role="progressbar" aria-labelledby="stage" aria-valuemin="0" aria-valuemax="100" aria-valuenow="0"><div></div></div>
<p><span id="done"></span><span id="left"></span><bdi id="what"></bdi></p></div>
<div id="verdict" hidden><p class="verdict" id="verdict-line"></p><p id="facts"></p>
<p id="report-line"><a id="report-link" href="/report">The report</a></p></div>
<ul class="stages" id="stages" aria-label="Done"></ul>
<section id="gates-section" hidden><h2>Gates</h2><ul class="gates" id="gates"></ul></section>
<section id="curves-section" hidden><h2>Curves</h2><div class="charts" id="curves"></div></section>
<section id="errors-section" hidden><h2>Error by layer</h2><div class="charts" id="errors"></div></section>
<section id="log-section" hidden><h2>Messages</h2><pre id="log" tabindex="0"></pre></section>
</main><noscript><p>This page shows nothing without its script.</p></noscript>
<script>
)html";
    return (out += live_script) += "</script></body></html>\n";
}

}  // namespace bitnet::inline BITNET_ABI::report
