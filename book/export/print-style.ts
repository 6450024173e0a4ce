/**
 * How the printed book looks.
 *
 * Invariant: black on white, for A4 and letter; code breaks rather than runs off the page.
 */
export const STYLE: string = `
:root { font: 10.5pt/1.5 'Source Serif 4', Charter, 'Bitstream Charter', Georgia, 'DejaVu Serif', serif; color: #1a1a1a; }
body { margin: 0; }
h1, h2, h3 { font-family: 'Inter', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif; line-height: 1.2; break-after: avoid; }
h1 { font-size: 22pt; margin: 0 0 0.8em; }
h2 { font-size: 14pt; margin: 1.6em 0 0.5em; }
h3 { font-size: 11pt; margin: 1.3em 0 0.4em; }
p, li { orphans: 3; widows: 3; }
a { color: #1d4f91; text-decoration: none; }
section { break-before: page; }
section.cover { break-before: auto; height: 235mm; display: flex; flex-direction: column; justify-content: center; }
.cover h1 { font-size: 40pt; margin: 0 0 0.2em; }
.cover p { font-size: 14pt; margin: 0 0 0.6em; color: #444; }
.cover p.motto { font-size: 10.5pt; font-style: italic; }
.cover .motto:first-of-type { margin-top: 3em; }
.cover p.count { margin-top: 4em; font-size: 10.5pt; }
.contents ol { list-style: none; padding: 0; margin: 0; }
.contents li a { display: flex; justify-content: space-between; color: inherit; border-bottom: 0.4pt dotted #bbb; }
.concept { font-size: 9pt; color: #666; margin: 0 0 0.4em; }
pre { font: 8.2pt/1.4 'JetBrains Mono', 'DejaVu Sans Mono', Menlo, monospace; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0.5em 0; }
pre.shiki, pre > code { display: block; }
.cell > pre.shiki, pre:not(.output) { background: #f6f8fa !important; padding: 6pt 8pt; border-radius: 3pt; }
.cell { margin: 0.9em 0; }
.cell > pre.shiki { margin: 0; orphans: 5; widows: 5; }
.cell.short > pre.shiki { break-inside: avoid; }
.cell.hidden > pre.shiki { font-size: 6.8pt; }
pre.output { padding: 2pt 8pt; margin: 2pt 0; border-left: 2pt solid #c9d1d9; }
pre.output.error { border-color: #b42318; color: #912018; }
code { font-family: 'JetBrains Mono', 'DejaVu Sans Mono', Menlo, monospace; font-size: 0.86em; }
pre code { font-size: 1em; }
.figure { break-inside: avoid; margin: 6pt 0; }
.figure svg { max-width: 100%; height: auto; }
img { max-width: 100%; }
table { border-collapse: collapse; font-size: 8.5pt; margin: 6pt 0; width: 100%; }
th, td { border-bottom: 0.4pt solid #ccc; padding: 2pt 5pt; text-align: left; vertical-align: top; }
caption { caption-side: bottom; text-align: left; font-size: 8pt; color: #555; padding-top: 3pt; }
tr, .katex-display { break-inside: avoid; }
details { border-left: 2pt solid #ddd; padding-left: 8pt; margin: 0.5em 0; }
summary { font-weight: bold; list-style: none; }
blockquote { margin: 0.8em 0; padding-left: 10pt; border-left: 2pt solid #ddd; color: #444; }
.made { font-size: 8pt; color: #777; margin-top: 2.5em; }
`;
