"""How a trace is written: mathematics in Unicode, LaTeX that is balanced and escaped, and tables
that fit a terminal."""

from __future__ import annotations

import re
import shutil
import subprocess
import unicodedata
from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.language import ast
from graphdsl.language.parser import parse
from graphdsl.language.source import Source
from graphdsl.model import Model
from graphdsl.views.trace.display import is_small, summary_lines, value_lines
from graphdsl.views.trace.formula import joined, spell
from graphdsl.views.trace.letters import escape, symbol
from graphdsl.views.trace.table import wrap
from views.test_reverse import FILES, read_batch

LECTURE = Path(__file__).parents[2] / "examples" / "lecture"
TRACED = [path for path in FILES if "loss " in path.read_text("utf-8")]

SPELLED = {
    "g_e * (-a / b^2)": ("g_e·(−a/b²)", r"g_{e} \cdot \left(-\frac{a}{b^{2}}\right)"),
    "a + -b": ("a − b", "a - b"),
    "a - -b": ("a − (−b)", r"a - \left(-b\right)"),
    "a + -b * c": ("a − b·c", r"a - b \cdot c"),
    "a / b / c": ("a/b/c", r"\frac{\frac{a}{b}}{c}"),
    "a / (b * c)": ("a/(b·c)", r"\frac{a}{b \cdot c}"),
    "cos(b) * x": ("cos(b)·x", r"\left(\cos b\right) \cdot x"),
    "x * cos(b)": ("x·cos b", r"x \cdot \cos b"),
    "cos(b)^2": ("(cos b)²", r"\left(\cos b\right)^{2}"),
    "ln(a + b)": ("ln(a + b)", r"\ln \left(a + b\right)"),
    "exp(a) * exp(-b)": ("e^a·e^(−b)", r"e^{a} \cdot e^{-b}"),
    "abs(x - 1) * sqrt(x + 1)": ("|x − 1|·√(x + 1)", r"\left|x - 1\right| \cdot \sqrt{x + 1}"),
    "square(x + 1)": ("(x + 1)²", r"\left(x + 1\right)^{2}"),
    "log2(x)": ("log₂ x", r"\log_{2} x"),
    "x^-2": ("x⁻²", "x^{-2}"),
    "x^(1 / 2)": ("x^(1/2)", r"x^{\frac{1}{2}}"),
    "(-x)^2": ("(−x)²", r"\left(-x\right)^{2}"),
    "x.T @ g": ("xᵀ @ g", r"x^{\top} \, g"),
    "(g @ W) * y": ("(g @ W)·y", r"\left(g \, W\right) \cdot y"),
    "g @ (W * y)": ("g @ (W·y)", r"g \, \left(W \cdot y\right)"),
    "(a @ b).T": ("(a @ b)ᵀ", r"\left(a \, b\right)^{\top}"),
    "g * where(s > 0, 1, 0)": ("g·[s > 0]", r"g \cdot \left[s > 0\right]"),
    "where(s > 0, 1, 2)": ("where(s > 0, 1, 2)", None),
    "a <= b and not (c == 1)": ("a ≤ b and not c = 1", r"a \le b \land \lnot c = 1"),
    "2.5e-7 * x": ("2.5·10⁻⁷·x", r"2.5 \cdot 10^{-7} \cdot x"),
    "(2e-7)^2": ("(2·10⁻⁷)²", r"\left(2 \cdot 10^{-7}\right)^{2}"),
    "4.0 * pi": ("4·π", r"4 \cdot \pi "),
    "[[1, 2], [3, 4]]": (
        "[[1, 2], [3, 4]]",
        r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}",
    ),
    "x[0, 1:]": ("x[0, 1:]", "x[0, 1:]"),
    'einsum(a, b, equation = "ij,jk->ik")': ('einsum(a, b, equation = "ij,jk->ik")', None),
}


def expression(text: str) -> ast.Expr:
    (statement,) = parse(Source(f"v = {text}\n")).statements
    assert isinstance(statement, ast.Assign)
    return statement.value


@pytest.mark.parametrize("source", SPELLED)
def test_spelling(source: str) -> None:
    text, latex = SPELLED[source]
    spelled = spell(expression(source))
    assert spelled.text == text
    assert latex is None or spelled.latex == latex
    assert expression(spelled.source) == expression(source)
    verify_latex(f"${spelled.latex}$")


def test_sums_of_terms() -> None:
    total = joined([spell(expression(text)) for text in ("a", "-b * c", "d")])
    assert (total.source, total.text) == ("a - b * c + d", "a − b·c + d")
    assert total.latex == r"a - b \cdot c + d"


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("x", "x"),
        ("W1", "W_{1}"),
        ("g_b", "g_{b}"),
        ("W_out", r"W_{\mathit{out}}"),
        ("loss", r"\mathit{loss}"),
        ("θ", r"\theta"),
        ("Λ", r"\Lambda"),
        ("g_o[3].W", r"g_{\text{o[3].W}}"),
        ("λ1", r"\lambda_{1}"),
        ("变量", r"\text{U+53D8U+91CF}"),
        ("été", r"\text{\'{e}t\'{e}}"),
        ("x\u0302", r"\hat{x}"),
        ("ȳ_2", r"\bar{y}_{2}"),
        ("θ\u03071", r"\dot{\theta}_{1}"),
        ("变", r"\text{U+53D8}"),
        ("cell.i#2", r"\text{cell.i\#2}"),
        ("Ρ", "P"),
        ("ς2", r"\varsigma_{2}"),
        ("ϛ", r"\text{U+03DB}"),  # a stigma, and a san: LaTeX has none
        ("ϻ_ς", r"\text{U+03FB}_{\varsigma}"),
    ],
)
def test_names_in_latex(name: str, latex: str) -> None:
    assert symbol(name) == latex
    verify_latex(f"${latex}$")


@pytest.mark.parametrize("letter", "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ")
def test_greek_letters_are_commands_of_their_names(letter: str) -> None:
    _, case, _, name = unicodedata.name(letter).replace("LAMDA", "LAMBDA").split()
    command = f"\\{name.capitalize() if case == 'CAPITAL' else name.lower()}"
    assert symbol(letter) == command
    assert escape(letter) == rf"\ensuremath{{{command}}}"


def test_whatever_a_user_writes_is_text() -> None:
    hostile = "\\input{/etc/passwd} $%&_#{}~^ <script>\u202e\n\r\x1b[31m \"'|"
    escaped = escape(hostile)
    verify_latex(escaped)
    assert r"\input" not in escaped
    assert "\n" not in escaped
    assert "U+202E" in escaped


@pytest.mark.parametrize("path", TRACED, ids=lambda path: path.stem)
def test_latex_of_the_examples(path: Path) -> None:
    model = graphdsl.load(path)
    text = model.trace(read_batch(model, path)).latex()
    verify_latex(text)
    assert text.count(r"\begin{align*}") == 1


def test_latex_of_the_lecture() -> None:
    text = graphdsl.load(LECTURE / "l1.gdl", dtype="f64").trace(x=2, z=3).latex()
    assert r"$b$ & $\ln x$ & $0.693147180559945$ \\" in text
    row = r"g_{b} &= g_{e} \cdot \left(-\frac{a}{b^{2}}\right) + g_{c} \cdot \cos b \\"
    assert row in text.splitlines()
    assert "= -12.360007402473" in text


def test_hostile_names_in_tables() -> None:
    source = Source("input été\noutput 变量 = exp(été)\n", "a\\b$%&_#{}\u202e<script>.gdl")
    trace = Model(graphdsl.driver.compile_source(source)).trace({"été": 1})
    verify_latex(trace.latex())
    assert "\u202e" not in str(trace)
    assert "\\u202e" in str(trace)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")
def test_latex_compiles(tmp_path: Path) -> None:
    hostile = "\\input{/etc/passwd} $%&_#{}~^ <script>\u202e |\"'−·…‖∂∞é"
    foreign = graphdsl.loads("input été\ninput θ̇\noutput 变量 = abs(θ̇) + exp(été)^0.5\n")
    models = [
        (foreign, {"été": 1, "θ̇": 2}),
        (graphdsl.load(LECTURE / "l1.gdl"), {"x": 2, "z": 3}),
        (graphdsl.load(LECTURE / "l6.gdl"), {"x": [[0.5], [3]], "t": [[1], [2]]}),
        (graphdsl.load(LECTURE / "l14.gdl"), {"x": np.ones((1, 8)), "y": np.ones((1, 8))}),
    ]
    traces = [model.trace(feeds).latex() for model, feeds in models]
    compile_latex([*traces, escape(hostile)], tmp_path)


def compile_latex(parts: list[str], folder: Path) -> None:
    """Raise unless a document of these parts compiles."""
    head = r"\documentclass{article}\usepackage{amsmath,booktabs,longtable}\begin{document}"
    text = "\n\n".join([head, *parts, r"\end{document}", ""])
    (folder / "t.tex").write_text(text, "ascii")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


ENVIRONMENT = re.compile(r"\\(begin|end)\{([a-z*]+)\}")
WORDS = """
begin end toprule midrule bottomrule begingroup endgroup allowdisplaybreaks usepackage left right
frac cdot cos sin ln tan tanh sqrt log operatorname text mathit ensuremath textbackslash
textasciitilde textasciicircum textless textgreater textbar ldots lfloor rfloor lceil
rceil top partial infty pi Vert le ge ne land lor lnot theta Lambda lambda varsigma hat dot bar
medskip noindent
"""
COMMANDS = set(WORDS.split())


def verify_latex(text: str) -> None:
    """Raise unless the text is ASCII, balanced, and made of commands that are known."""
    assert text.isascii()
    body = "\n".join(line for line in text.splitlines() if not line.startswith("% "))
    assert set(re.findall(r"\\([A-Za-z]+)", body)) <= COMMANDS
    nested: list[str] = []
    for kind, name in ENVIRONMENT.findall(body):
        if kind == "begin":
            nested.append(name)
        else:
            assert nested.pop() == name
    assert not nested
    assert len(re.findall(r"\\left\b", body)) == len(re.findall(r"\\right\b", body))
    bare = re.sub(r"\\\\|\\[&%$#_{}\"'`^~]", "", body)
    depth = 0
    for character in bare:
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    assert depth == 0
    assert bare.count("$") % 2 == 0
    assert not set(bare) & set("%#~")
    outside = re.sub(r"\$.*?\$", "", re.sub(r"\\begin\{align\*\}.*", "", bare, flags=re.DOTALL))
    assert "_" not in re.sub(r"\\begin\{\w+\}", "", outside)


# --- tables --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", TRACED, ids=lambda path: path.stem)
def test_tables_fit_a_terminal(path: Path) -> None:
    model = graphdsl.load(path, dtype="f64")
    text = str(model.trace(read_batch(model, path)))
    assert max(map(len, text.splitlines())) <= 80
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_the_table_of_the_lecture() -> None:
    lines = str(graphdsl.load(LECTURE / "l1.gdl", dtype="f64").trace(x=2, z=3)).splitlines()
    assert "d         e^a         403.428793492735" in lines
    at = next(i for i, line in enumerate(lines) if line.startswith("g_b "))
    assert lines[at].split() == ["g_b", "g_e·(−a/b²)", "+", "g_c·cos", "b", "-12.360007402473"]
    assert lines[at + 1].split(maxsplit=1)[1] == "1·(−6/0.693147²) + 0.166667·cos 0.693147"


def test_long_lines_are_broken_at_signs() -> None:
    text = "g_first·cos a + g_second·cos b − g_third·cos c"
    assert list(wrap(text, 20)) == ["g_first·cos a", "  + g_second·cos b", "  − g_third·cos c"]
    assert "".join(line.strip() for line in wrap("x" * 50, 20)) == "x" * 50
    assert max(map(len, wrap("x" * 50 + " " + text, 20))) <= 20


def test_small_values_are_shown_whole() -> None:
    assert value_lines(np.array([[1.5, -0.25], [10, 0]]), 40) == ["[ 1.5  -0.25]", "[10     0   ]"]
    assert value_lines(np.array(0.1), 40) == ["0.1"]
    assert value_lines(np.array(np.float32(0.1)), 40) == ["0.1"]
    assert value_lines(np.array([True, False]), 40) == ["[true  false]"]
    assert value_lines(np.array([[1.5, 2.5]]), 8) == ["f64[1, 2], ‖·‖ 2.91548", "1.5 … 2.5"]
    assert value_lines(np.array([1e-9, np.nan]), 40) == ["[1e-09  nan]"]


def test_large_values_are_summed_up() -> None:
    value = np.arange(100.0).reshape(10, 10) - 3
    assert not is_small(value)
    assert value_lines(value, 40) == ["f64[10, 10], ‖·‖ 547.312", "-3 … 96"]
    value[0, :2] = np.nan, np.inf
    assert summary_lines(value)[-1] == "2 not finite"
    assert summary_lines(np.full(50, 1e300))[0] == "f64[50], ‖·‖ 7.07107e+300"
    assert summary_lines(np.zeros((0, 3), np.float32)) == ["f32[0, 3]"]
    assert summary_lines(np.ones(20, bool)) == ["bool[20]", "20 of 20 true"]
    assert summary_lines(np.full(20, np.nan)) == ["f64[20]", "20 not finite"]
