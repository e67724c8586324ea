/// The style sheet of a report: light, dark and on paper, on wide screens and narrow ones.
#pragma once

#include <string_view>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI::report {

/// No `<` and no `&`, so that it is the same text in HTML and in XML. Letters on cells of full colour keep a contrast
/// of 4.5 to 1 or more, in both modes.
inline constexpr std::string_view style_sheet = R"css(
:root{color-scheme:light;--page:#fff;--raised:#f5f7f9;--text:#1b1f24;--quiet:#57606a;--edge:#d5dae0;--grid:#e3e7eb;
--c0:#1f6fd1;--c1:#c2570c;--c2:#22863a;--c3:#7b3fb5;--passed:#1a7f37;--failed:#c1121f;--warning:#9a5b00;
--zeros:#3d8ff0;--error:#f08c2e}
@media screen and (prefers-color-scheme:dark){:root{color-scheme:dark;--page:#12161b;--raised:#1b2128;--text:#e8eaed;
--quiet:#a4adb8;--edge:#39424d;--grid:#2a323b;--c0:#6cb2ff;--c1:#ffa05c;--c2:#74cf8b;--c3:#c59bff;--passed:#5fd07d;
--failed:#ff8b8b;--warning:#f0b95a;--zeros:#0a66c4;--error:#a8501a}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0 auto;padding:1.5rem 1rem 3rem;max-width:74rem;background:var(--page);color:var(--text);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",Arial,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.7rem;line-height:1.25;margin:0}
h2{font-size:1.25rem;margin:2.5rem 0 .8rem;padding-bottom:.3rem;border-bottom:1px solid var(--edge)}
h3{font-size:1rem;margin:1.2rem 0 .5rem}
h4{font-size:.8rem;margin:0 0 .3rem;color:var(--quiet);font-weight:600}
p{margin:.4rem 0}
a{color:var(--c0)}
h1,h3,td,li,figcaption{unicode-bidi:isolate}
header p,.note{color:var(--quiet);font-size:.9rem}
nav{margin-top:.8rem;font-size:.9rem}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;margin:0;padding:0}
.verdict{display:flex;flex-wrap:wrap;align-items:baseline;gap:.2rem .8rem;margin:0;padding:.8rem 1rem;font-size:1.15rem;
border:1px solid var(--edge);border-left:6px solid var(--quiet);border-radius:6px;background:var(--raised)}
.verdict.passed{border-left-color:var(--passed)}.verdict.failed{border-left-color:var(--failed)}
.verdict.warning{border-left-color:var(--warning)}
.state{font-weight:700;color:var(--quiet)}.state .sign{display:inline-block;width:1em;text-align:center}
.state.passed{color:var(--passed)}.state.failed{color:var(--failed)}.state.warning{color:var(--warning)}
.sentence{display:inline-block;min-width:0}.sentence::first-letter{text-transform:uppercase}
.gates{list-style:none;margin:.8rem 0 0;padding:0}
.gates li{display:grid;grid-template-columns:9.5rem 14rem minmax(0,1fr);gap:0 1rem;padding:.45rem 1rem;border-bottom:1px solid var(--grid)}
.gates strong::first-letter{text-transform:uppercase}.gates strong{display:inline-block;font-weight:600}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(10.5rem,1fr));gap:.7rem;margin:0}
.tiles div{padding:.7rem .9rem;border:1px solid var(--edge);border-radius:6px;background:var(--raised);break-inside:avoid}
.tiles dt{font-size:.85rem;color:var(--quiet)}.tiles dd{margin:0}
.tiles strong{display:block;font-size:1.35rem;line-height:1.3}.tiles span{font-size:.85rem;color:var(--quiet)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,27rem),1fr));gap:1.2rem 2rem;align-items:start}
.maps{display:flex;flex-wrap:wrap;gap:1.2rem 2.5rem}
figure{margin:0;min-width:0;max-width:100%;break-inside:avoid}
figcaption{font-weight:600;margin-bottom:.5rem}
.drawing{overflow-x:auto}
svg{display:block;width:100%;height:auto}
svg text{font-size:13px;fill:var(--text)}
svg .middle{text-anchor:middle}svg .end{text-anchor:end}
svg .grid{stroke:var(--grid)}svg .axis{stroke:var(--quiet)}svg .level{stroke:var(--quiet);stroke-dasharray:6 4}
svg .line{fill:none;stroke-width:2;stroke-linejoin:round}
.line.c0{stroke:var(--c0)}.line.c1{stroke:var(--c1)}.line.c2{stroke:var(--c2)}.line.c3{stroke:var(--c3)}
.fill.c0{fill:var(--c0)}.fill.c1{fill:var(--c1)}.fill.c2{fill:var(--c2)}.fill.c3{fill:var(--c3)}
svg .chosen{stroke:var(--text);stroke-width:2}
svg .zeros rect{fill:var(--zeros)}svg .error rect{fill:var(--error)}
svg .zeros text,svg .error text{font-size:12px}
.box{overflow:auto;max-height:80vh;border:1px solid var(--edge);border-radius:6px}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--grid);overflow-wrap:normal}
th{position:sticky;top:0;background:var(--raised);white-space:nowrap}
tr:last-child td{border-bottom:0}
.right2 :is(th,td):nth-child(n+2),.right5 :is(th,td):nth-child(n+5){text-align:right;white-space:nowrap}
.right2 td:first-child{min-width:9rem}.tensors td{white-space:nowrap}
.facts td{overflow-wrap:anywhere}.facts td:first-child{width:46%;color:var(--quiet)}
.fact-tables{columns:2 26rem;column-gap:2rem}.fact-tables section{break-inside:avoid}
.fact-tables .box{max-height:none}.fact-tables section:first-child h3{margin-top:0}.facts thead{display:none}
.sample{margin-bottom:1.4rem;break-inside:avoid}.sample h3,.sample p{white-space:pre-wrap}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:.8rem}
.pair div{padding:.7rem .9rem;border:1px solid var(--edge);border-radius:6px;background:var(--raised)}
footer{margin-top:3rem;color:var(--quiet);font-size:.85rem}
@media (max-width:44rem){.gates li{grid-template-columns:minmax(0,1fr);padding:.6rem .2rem}.tiles{grid-template-columns:repeat(auto-fill,minmax(9rem,1fr))}}
@media print{body{max-width:none;padding:0;font-size:11pt}nav{display:none}h2,h3,figcaption{break-after:avoid}
tr,.gates li{break-inside:avoid}thead{display:table-header-group}th{position:static}
.box{max-height:none;overflow:visible;border:0}.drawing{overflow:visible}.tensors{font-size:7pt}.tensors td{white-space:normal;overflow-wrap:anywhere}
.maps svg{min-width:0!important;max-width:100%}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
)css";

}  // namespace bitnet::inline BITNET_ABI::report
