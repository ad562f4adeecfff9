"""The suite's own citation: valid in the Citation File Format, the same in every format."""

import re
from pathlib import Path

import pytest

import trendbench
from trendbench.citation import CITED, PIX2PIX, STUDY, YEAR, apa, bibtex, cff

ROOT = Path(__file__).parents[1]


def test_citation_cff_is_what_the_program_prints():
    """`trendbench cite --format cff > CITATION.cff` brings it up to date."""
    assert (ROOT / "CITATION.cff").read_text(encoding="utf-8") == cff()


def test_citation_cff_is_valid_and_cites_the_study():
    cffconvert = pytest.importorskip("cffconvert")
    citation = cffconvert.Citation(cff())
    citation.validate()
    fields = citation._parse()
    assert fields["version"] == trendbench.__version__
    titles = [reference["title"] for reference in fields["references"]]
    assert any("textures with trends" in title for title in titles)
    broken = cffconvert.Citation(cff().replace("family-names", "surname"))
    with pytest.raises(Exception, match="surname"):
        broken.validate()


def test_the_year_is_the_license_s():
    assert f"(c) {YEAR} " in (ROOT / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.parametrize("work", CITED, ids=lambda work: work.key)
def test_every_format_names_every_work(work):
    for text in (bibtex(), apa(), cff()):
        assert work.title in text
    assert re.search(rf"^@(misc|mastersthesis){{{work.key},$", bibtex(), re.MULTILINE)
    assert f"({work.year})" in apa()


def test_the_study_is_a_bachelor_s_thesis_with_its_repository():
    repository = "https://github.com/astromid/diploma-texture-synthesis"
    assert "author = {Budakyan, Ya. S.}" in bibtex()
    assert "@mastersthesis{budakyan2017trends,\n" in bibtex()
    assert f"[Bachelor's thesis, {STUDY.school}]. {repository}\n" in apa()
    assert f"    repository-code: {repository}\n" in cff()


def test_no_page_and_no_line_of_code_misspells_the_study_s_author():
    """The slides' text was once read with л, "l", where the author's name has к, "k"."""
    pattern = "buda[l]yan|буда[л]ян"
    found = [
        path
        for folder in ("trendbench", "datasets", "baselines", "results", "docs", "CITATION.cff")
        for path in ([ROOT / folder] if (ROOT / folder).is_file() else (ROOT / folder).rglob("*"))
        if path.suffix in {".py", ".md", ".toml", ".csv", ".json", ".jinja", ".cff", ".ipynb"}
        and re.search(pattern, path.read_text(encoding="utf-8"), re.IGNORECASE)
    ]
    assert found == []


def test_people_are_written_as_each_format_has_them():
    assert "Isola, P., Zhu, J.-Y., Zhou, T., & Efros, A. A. (2017)." in apa((PIX2PIX,))
    entry = bibtex((PIX2PIX,))
    assert entry.startswith("@inproceedings{isola2017pix2pix,")
    assert "Isola, Phillip and Zhu, Jun-Yan and Zhou, Tinghui and Efros, Alexei A." in entry
    assert entry.count("{") == entry.count("}")
