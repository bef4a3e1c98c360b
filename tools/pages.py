"""Executed notebooks as pages to read: what `make run` writes.

A page is one file that loads nothing, from this machine or another: formulas are MathML, which browsers show
by themselves, and where nbconvert would fetch scripts there are none.
"""

import html
import posixpath
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import nbconvert
import nbformat
from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from tools import links, notebooks

# nbconvert's page without its scripts, and with what it leaves out: folded cells stay folded, under the title
# that Colab shows, and each figure's alt text stands in its tag.
PAGE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_css -%}<link rel="icon" href="data:,"><style>{{ style }}</style>{%- endblock -%}
{%- block body_header -%}
{{ super() }}<p class="back"><a href="index.html">All notebooks</a></p>
{%- endblock -%}
{%- block input_group -%}
{%- if cell.metadata.get('jupyter', {}).get('source_hidden') -%}
<details>
<summary>{{ cell.source.split('\\n')[0].split('@title')[-1] | escape_html }}</summary>
{{ super() }}
</details>
{%- else -%}
{{ super() }}
{%- endif -%}
{%- endblock input_group -%}
{%- block data_png scoped -%}
<div class="jp-RenderedImage jp-OutputArea-output {{ extra_class }}" tabindex="0">
<img src="data:image/png;base64,{{ output.data['image/png'] }}"
 alt="{{ (output | get_metadata('alt', 'image/png') or '') | escape_html }}">
</div>
{%- endblock data_png -%}
{%- block data_widget_view scoped -%}{%- endblock -%}
"""

# Words stay whole, what is wide scrolls in its own box, and on a phone the numbers of the cells give way.
STYLE = """
body.jp-Notebook { margin: 0 auto; max-width: 60rem; overflow-x: hidden; }
.back { font: 14px sans-serif; margin: 0.5rem 0 0 0; text-align: right; }
details > summary { cursor: pointer; font: 14px sans-serif; padding: 2px 12px; }
.jp-RenderedHTMLCommon { overflow-wrap: break-word; }
.jp-RenderedHTMLCommon img, .jp-RenderedImage img { height: auto; max-width: 100%; }
.jp-RenderedHTMLCommon .formula, .jp-RenderedHTML { overflow-x: auto; }
.formula { display: block; padding: 0.3rem 0; }
.jp-RenderedHTMLCommon math { font-size: 1.1em; }
.jp-RenderedMarkdown table { display: block; max-width: 100%; overflow-x: auto; width: max-content; }
body .jp-OutputArea-output pre { overflow-wrap: anywhere; white-space: pre-wrap; word-break: normal; }
body .cm-editor.cm-s-jupyter { overflow-x: auto; }
body .jp-InputArea, body .jp-OutputArea-child { min-width: 0; }
@media (max-width: 700px) {
  body.jp-Notebook { padding: 0 0.5rem; }
  body .jp-InputPrompt, body .jp-OutputPrompt { display: none; }
  body .jp-Cell { padding: 0; }
}
"""

INDEX = """
body { color: #222; font: 16px/1.5 sans-serif; margin: 1rem auto; max-width: 60rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
td, th { border-bottom: 1px solid #ddd; padding: 0.4rem 1rem 0.4rem 0; text-align: left; }
td { vertical-align: top; }
.failed { color: #c1121f; font-weight: 600; }
.waiting { color: #767676; }
@media (max-width: 700px) {
  thead { display: none; }
  tr { border-bottom: 1px solid #ddd; display: block; padding: 0.5rem 0; }
  td { border: 0; display: block; padding: 0; }
  td:empty { display: none; }
  td[data-of]:not([data-of=""])::before { color: #767676; content: attr(data-of) ": "; }
}
"""


@cache
def formula(tex: str, display: str) -> str:
    """A formula in TeX as MathML, "block" or "inline"; as it stands, where that fails."""
    try:
        shown = convert(tex.strip(), display=display)
    except Exception:  # the library has no one base class for what it cannot read
        return f"<code>{html.escape(tex)}</code>"
    # in MathML a name such as ln keeps no distance from what it is the function of
    name = re.compile(r'<mi>([a-z]{2,})</mi>(?=(<mo stretchy="false">&#x00028;)?)')
    shown = name.sub(lambda m: f'<mo lspace="0.17em" rspace="{"0" if m[2] else "0.17em"}">{m[1]}</mo>', shown)
    return f'<span class="formula">{shown}</span>' if display == "block" else shown


class Renderer(IPythonRenderer):
    """Markdown as HTML: formulas are MathML, links lead from page to page, no picture comes from elsewhere.

    Attributes:
        written: the notebooks, by their names without `.ipynb`, whose pages lie beside this one.
    """

    written: Collection[str] = ()

    def block_math(self, body: str) -> str:
        return formula(body, "block")

    def inline_math(self, body: str) -> str:
        return formula(body, "inline")

    def latex_environment(self, name: str, body: str) -> str:
        return formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return text if re.match(r"(https?:)?//", url) else super().image(text, url, title)

    def link(self, text: str, url: str, title: str | None = None) -> str:
        return super().link(text, self.leads(url), title)

    def leads(self, url: str) -> str:
        """Where a link of a notebook leads from its page: to another page, or into the project on the web."""
        if re.match(r"\w+:|//|#", url):
            return url
        target, _, place = url.partition("#")
        name = posixpath.basename(target).removesuffix(".ipynb")
        if name in self.written:
            return f"{name}.html" + (f"#{place}" if place else "")
        inside = posixpath.normpath(posixpath.join("notebooks", target))
        if name and target.startswith("../") and target.endswith(".ipynb"):
            inside = f"notebooks/{name}.ipynb"  # as labs name their lessons
        return f"https://github.com/{links.repository()}/blob/main/{inside}"


class Exporter(nbconvert.HTMLExporter):
    """nbconvert's exporter with our Markdown."""

    written: Collection[str] = ()

    def markdown2html(self, source: str) -> str:
        renderer = Renderer(escape=False, anchor_link_text="¶", exclude_anchor_links=True)
        renderer.written = self.written
        return MarkdownWithMath(renderer=renderer).render(source)


def write_page(notebook: nbformat.NotebookNode, path: Path, written: Collection[str] = ()) -> None:
    """Write a notebook as HTML, whole or not at all.

    Args:
        notebook: executed.
        path: of the page.
        written: names of the notebooks whose pages will lie beside it.
    """
    exporter = Exporter(
        template_name="lab",
        template_file="page.html.j2",
        extra_loaders=[jinja2.DictLoader({"page.html.j2": PAGE})],
    )
    exporter.written = written
    resources: dict[str, Any] = {"metadata": {"name": notebooks.title(notebook)}}
    exporter.environment.globals["style"] = STYLE
    page, _ = exporter.from_notebook_node(notebook, resources)
    part = path.with_suffix(".part")
    part.write_text(page, encoding="utf-8")
    part.replace(path)


@dataclass
class Row:
    """A notebook in the table of a run, and on the page that links the others.

    Attributes:
        name: of the notebook, without `.ipynb`.
        title: its headline.
        state: "waiting", "running", "done", "failed", or "stopped" when the run ended before it.
        cells: what the table of results says of it: scale, data, seconds, headline result, published one.
    """

    name: str
    title: str
    state: str = "waiting"
    cells: Sequence[str] = ("", "", "", "", "")


HEADERS = ("notebook", "scale", "data", "seconds", "headline result", "published")


def index(rows: Sequence[Row]) -> str:
    """The page that links the others; while the run goes on, it loads itself again every few seconds."""
    going_on = any(row.state in ("waiting", "running") for row in rows)
    ready = sum(row.state in ("done", "failed") for row in rows)
    head = '<meta http-equiv="refresh" content="5">' if going_on else ""
    lines = []
    for row in rows:
        shown = html.escape(row.title)
        has_page = row.state in ("done", "failed")
        first = (
            f'<a href="{row.name}.html">{shown}</a>' if has_page else f'<span class="waiting">{shown}</span>'
        )
        said = list(row.cells) if has_page else ["", "", "", row.state, ""]
        styles = ["", "", "", {"done": "", "failed": "failed"}.get(row.state, "waiting"), ""]
        cells = "".join(
            f'<td class="{style}" data-of="{of if text and has_page else ""}">{html.escape(text)}</td>'
            for text, style, of in zip(said, styles, HEADERS[1:], strict=True)
        )
        lines.append(f"<tr><td>{first}</td>{cells}</tr>")
    titles = "".join(f"<th>{name}</th>" for name in HEADERS)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{head}'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>Unrolled</title><style>{INDEX}</style></head><body><h1>Unrolled</h1>"
        f"<p>{ready} of {len(rows)} notebooks were executed on this machine.</p>"
        f"<table><thead><tr>{titles}</tr></thead><tbody>{''.join(lines)}</tbody></table></body></html>"
    )
