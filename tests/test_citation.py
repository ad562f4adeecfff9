"""The suite's own citation: valid in the Citation File Format, the same in every format."""

from pathlib import Path

import pytest

import trendbench
from trendbench.citation import CITED, PIX2PIX, YEAR, apa, bibtex, cff

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
    assert f"@misc{{{work.key}," in bibtex()
    assert f"({work.year})" in apa()


def test_people_are_written_as_each_format_has_them():
    assert "Isola, P., Zhu, J.-Y., Zhou, T., & Efros, A. A. (2017)." in apa((PIX2PIX,))
    entry = bibtex((PIX2PIX,))
    assert entry.startswith("@inproceedings{isola2017pix2pix,")
    assert "Isola, Phillip and Zhu, Jun-Yan and Zhou, Tinghui and Efros, Alexei A." in entry
    assert entry.count("{") == entry.count("}")
