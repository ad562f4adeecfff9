"""The pages say what the program prints today, and what they tell their reader to type works."""

import importlib.util
import json
import re
import runpy
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

import trendbench as tb

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def load(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


refresh = load("refresh")
page_commands = sys.modules["page_commands"]
PAGES = refresh.pages()


@pytest.fixture(scope="module")
def beginner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reader")
    page_commands.make_small(folder)
    return folder


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


def named(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_quoted_outputs_are_up_to_date(page):
    text = page.read_text(encoding="utf-8")
    assert refresh.refreshed(text) == text, "python docs/refresh.py"


@pytest.mark.slow
@pytest.mark.full_pool
@pytest.mark.parametrize("page", PAGES, ids=named)
def test_slow_quoted_outputs_are_up_to_date(page):
    text = page.read_text(encoding="utf-8")
    assert refresh.refreshed(text, slow=True) == text


TYPED = [page for page in PAGES if "```console" in (t := page.read_text()) or "<!-- run" in t]


@pytest.mark.full_pool
@pytest.mark.parametrize("page", TYPED, ids=named)
def test_what_a_page_tells_to_type_works(page, beginner):
    text = page.read_text(encoding="utf-8")
    assert refresh.typed(text, beginner) == text, "python docs/refresh.py"


@pytest.mark.slow
@pytest.mark.full_pool
@pytest.mark.parametrize("page", TYPED, ids=named)
def test_what_a_page_tells_to_type_works_slow_ones_too(page, beginner):
    text = page.read_text(encoding="utf-8")
    assert refresh.typed(text, beginner, slow=True) == text


def test_only_what_installs_serves_or_changes_a_shell_is_not_run():
    allowed = (
        "pip install", "uv ", "conda ", "make demo", "eval ", "tensorboard ",
        "_TRENDBENCH_COMPLETE=", "trendbench score results_B ",
    )  # fmt: skip
    for page in PAGES:
        for block in page_commands._BLOCK.finditer(page.read_text(encoding="utf-8")):
            if (block["note"] or "").startswith("console: not run"):
                for line in page_commands.commands(block["text"]):
                    assert line.command.startswith(allowed), f"{named(page)}: {line.command}"


def test_every_command_is_on_the_reference_page():
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    for name in refresh.group.list_commands(None):
        assert f"\n## trendbench {name}\n" in text


def test_a_block_is_filled_and_the_rest_left_alone():
    page = (
        "before\n<!-- output of: trendbench --version -->\nold\n<!-- end of output -->\nafter\n"
        "<!-- output of: trendbench power (slow) -->\nkept\n<!-- end of output -->\n"
    )
    filled = refresh.refreshed(page)
    assert filled.startswith("before\n<!-- output of: trendbench --version -->\n\ntrendbench, ver")
    assert "old" not in filled
    assert filled.endswith("kept\n<!-- end of output -->\n")
    assert refresh.refreshed(filled) == filled


PAGE = """before
<!-- file: a.txt -->

```text
one
two
```

```console
$ wc -l < a.txt   # a shell's doing
7
$ trendbench cite --format apa
…
$ echo a \\
  b
wrong
```

<!-- console: slow -->

```console
$ touch slow.txt
```

<!-- console: needs leaderboard --no-such-option -->

```console
$ false
```

<!-- console: not run, it serves -->

```console
$ false
```

<!-- run -->

```python
import pathlib

pathlib.Path("b.txt").write_text("x")
```
after
"""


def test_a_page_is_typed_from_top_to_bottom(tmp_path):
    typed = page_commands.with_commands_run(PAGE, tmp_path)
    assert typed == PAGE.replace("\n7\n", "\n2\n").replace("\nwrong\n", "\na b\n")
    assert (tmp_path / "b.txt").read_text() == "x"
    assert not (tmp_path / "slow.txt").exists()
    page_commands.with_commands_run(PAGE, tmp_path, slow=True)
    assert (tmp_path / "slow.txt").exists()


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("```console\n$ false\n```", "false"),
        ("```console\n$ trendbench nonsense\n```", "nonsense"),
        ("```console\n$ make nonsense\n```", "nonsense"),
        ("```console\nno command\n```", "begins with a command"),
        ("<!-- console: sometimes -->\n```console\n$ true\n```", "no such note"),
        ("<!-- run -->\n```python\n1 / 0\n```", "ZeroDivisionError"),
    ],
)
def test_what_does_not_work_is_said(tmp_path, block, said):
    with pytest.raises(page_commands.PageError, match=said):
        page_commands.with_commands_run(block + "\n", tmp_path)


@pytest.mark.parametrize(
    ("script", "wanted", "said"),
    [
        ("look_at_the_data", "spec", "columns within 3 standard errors"),
        ("train_and_score", "data", "xi_ratio"),
        ("enter_images", "data", "12 images on small"),
    ],
)
def test_the_gallery_runs_on_a_small_task(
    script, wanted, said, small_file, tmp_path, monkeypatch, capsys
):
    spec = tmp_path / "tiny.toml"
    spec.write_text(
        '[task]\nname = "tiny"\nwidth = 48\nheight = 32\nradius = 3.0\nlambda_left = 1e-3\n'
        "lambda_right = 1.2e-2\nwindow = 8\ntrain = 1\nval = 1\ntest = 2\n"
    )
    monkeypatch.setattr(sys, "argv", [script, str({"spec": spec, "data": small_file}[wanted])])
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(DOCS / "gallery" / f"{script}.py"), run_name="__main__")
    assert said in capsys.readouterr().out


def test_the_notebook_runs_and_holds_no_outputs(tmp_path, monkeypatch, capsys):
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")  # whatever MPLBACKEND says
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((DOCS / "gallery" / "first_look.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    names = {}
    for cell in code:
        exec("".join(cell["source"]), names)
    plt.close("all")
    assert "copies-input" in capsys.readouterr().out


class _Fetched(HTMLParser):
    """What a browser fetches for a page, links that a reader may follow left out."""

    def __init__(self):
        super().__init__()
        self.urls = []

    def handle_starttag(self, tag, attrs):
        fields = dict(attrs)
        if tag in ("script", "img", "iframe", "source"):
            self.urls.append(fields.get("src") or "")
        if tag == "link" and fields.get("rel") != "canonical":
            self.urls.append(fields.get("href") or "")


def test_the_manual_builds_without_a_warning_and_fetches_nothing(tmp_path, monkeypatch):
    build = pytest.importorskip("mkdocs.commands.build")
    config = pytest.importorskip("mkdocs.config")
    pytest.importorskip("material")
    pytest.importorskip("latex2mathml")
    pytest.importorskip("mkdocstrings_handlers.python")
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    loaded = config.load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path / "site"))
    build.build(loaded)  # strict: a warning is an error
    site = tmp_path / "site"
    for page in site.rglob("*.html"):
        fetched = _Fetched()
        fetched.feed(page.read_text(encoding="utf-8"))
        assert not [url for url in fetched.urls if "//" in url], page
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert not [style for style in styles if "url(http" in style or "url(//" in style]
    for script in DOCS.glob("gallery/*.py"):
        where = {"dead_leaves": "families"}.get(
            script.stem, f"gallery/{script.stem.replace('_', '-')}"
        )
        page = (site / f"{where}.html").read_text()
        assert re.search(r"\w+", script.read_text().splitlines()[-1])[0] in page
        assert "--8" not in page
    assert not [name for name in ("refresh.py", "formulas.py") if list(site.rglob(name))]
    reference = (site / "python-reference.html").read_text(encoding="utf-8")
    for name in tb.__all__:
        assert f'id="trendbench.{name}"' in reference, name
    mathematics = (site / "mathematics.html").read_text(encoding="utf-8")
    assert mathematics.count("<math ") > 20
    assert "$" not in re.sub(r"<(pre|script)\b.*?</\1>", "", mathematics, flags=re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_between_pages_leads_to_a_file(page):
    """mkdocs checks the pages of the manual among themselves, not those that GitHub shows."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        assert "://" in target or (page.parent / target).exists(), target


def test_the_contributor_s_map_is_that_of_the_folders():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.split("| folder of `trendbench/` | holds |")[1].split("\n\n")[0]
    firsts = " ".join(row.split("|")[1] for row in table.strip().splitlines()[1:])
    rooms = {path.parent.name for path in (ROOT / "trendbench").glob("*/__init__.py")}
    assert set(re.findall(r"`(\w+)`", firsts)) == rooms
    for path in re.findall(r"`((?:trendbench|tests|datasets)/[\w/.-]+\.\w+)`", text):
        assert (ROOT / path).exists(), path


def test_a_formula_is_rendered_or_stops_the_build():
    pytest.importorskip("latex2mathml")
    formulas = load("formulas")
    page = SimpleNamespace(file=SimpleNamespace(src_path="a.md"))
    marked = r'<p><span class="arithmatex">\({}\)</span></p>'
    rendered = formulas.on_page_content(marked.format(r"a &lt; \lambda"), page)
    assert rendered.startswith("<p><math ")
    assert "&#x003BB;" in rendered
    with pytest.raises(ValueError, match=r"a.md: cannot render \\nosuch"):
        formulas.on_page_content(marked.format(r"\nosuch"), page)
