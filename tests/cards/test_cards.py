"""What is published beside data and models follows from spec, file and record."""

import hashlib
import json
import logging
import re
from pathlib import Path

import pytest
import yaml

from trendbench.cards.croissant import croissant
from trendbench.cards.dataset_card import dataset_card, facts_of
from trendbench.cards.model_card import model_card
from trendbench.cards.text import front_matter, inline, scientific
from trendbench.catalog import DATASETS, RESULTS, spec_names
from trendbench.results.store import read_record
from trendbench.spec import TaskSpec, load_spec, summary_of

mlcroissant = pytest.importorskip("mlcroissant")
its_own_warnings = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")


def header(card: str) -> dict:
    return yaml.safe_load(card.split("---\n")[1])


@pytest.mark.parametrize("name", spec_names())
def test_the_committed_cards_are_the_generated_ones(name):
    """`trendbench card NAME --out datasets/NAME.md` brings one up to date."""
    card = dataset_card(load_spec(name), summary=summary_of(name))
    assert (DATASETS / f"{name}.md").read_text(encoding="utf-8") == card


def test_a_card_states_the_exact_values():
    card = dataset_card(load_spec("trend-v1"))
    assert "0.0032821" in card
    assert "16.4 %" in card
    assert "| `s2` | stationary | 0.364 |" in card
    assert header(card)["license"] == "cc-by-4.0"
    assert header(card)["size_categories"] == ["1K<n<10K"]
    assert max(len(line) for line in card.splitlines()) <= 100


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lambda_left": 1.2e-2, "lambda_right": 1e-3}, "`s2` ⊂ `r` ⊂ `s1`"),
        ({"lambda_right": 1e-3}, "the three images are equal"),
        ({"coupling": "independent"}, "the three images are independent draws"),
        ({"lambda_left": 0.0, "lambda_right": 0.0}, "`lambda_left` = 0 to"),
    ],
)
def test_a_card_follows_the_spec(small: TaskSpec, change, said):
    card = dataset_card(small.model_copy(update=change))
    assert said in " ".join(card.split())
    assert "make-data --spec small" in card


def test_a_card_of_a_file_names_it(small_data):
    card = dataset_card(small_data.spec, file=facts_of(small_data))
    assert "`small.h5`, simulated with seed 3" in card
    assert small_data.sha256 in card


@its_own_warnings
def test_croissant_is_valid_and_describes_this_file(small_data, tmp_path, caplog):
    metadata = croissant(small_data, summary="A small task.")
    path = tmp_path / "croissant.json"
    path.write_text(json.dumps(metadata))
    with caplog.at_level(logging.WARNING):
        read = mlcroissant.Dataset(path)
    assert read.metadata.issues.errors == set()
    assert read.metadata.issues.warnings == set()
    assert "not standard" not in caplog.text
    assert {str(record_set.name) for record_set in read.metadata.record_sets} == {
        "train", "val", "test",
    }  # fmt: skip
    (file,) = metadata["distribution"]
    assert file["sha256"] == hashlib.sha256(small_data.path.read_bytes()).hexdigest()
    assert file["contentSize"] == f"{small_data.path.stat().st_size} B"
    columns = {
        field["source"]["extract"]["column"]: field
        for record_set in metadata["recordSet"]
        for field in record_set["field"]
    }
    for name, field in columns.items():
        stored = small_data._data[name]
        assert (
            field["dataType"] == {"uint8": "cr:UInt8", "float64": "cr:Float64"}[str(stored.dtype)]
        )
        assert field.get("arrayShape") == (",".join(map(str, stored.shape[1:])) or None)
    published = croissant(small_data, url="https://example.org/small.h5")
    assert published["distribution"][0]["contentUrl"] == "https://example.org/small.h5"


@its_own_warnings
def test_mlcroissant_would_find_a_mistake(small_data, tmp_path):
    metadata = croissant(small_data)
    del metadata["distribution"][0]["sha256"]
    metadata["recordSet"][0]["field"][0]["source"]["fileObject"]["@id"] = "no-such-file"
    path = tmp_path / "croissant.json"
    path.write_text(json.dumps(metadata))
    with pytest.raises(mlcroissant.ValidationError):
        mlcroissant.Dataset(path)


RECORDS = sorted(RESULTS.glob("*/*/*.json"))


@pytest.mark.parametrize("path", RECORDS[:4], ids=lambda path: path.parent.name)
def test_a_model_card_holds_every_score_of_the_record(path: Path):
    record = read_record(path)
    card = model_card(record)
    (entry,) = header(card)["model-index"]
    stated = {metric["name"]: metric["value"] for metric in entry["results"][0]["metrics"]}
    assert stated == {name: s.value for name, s in record.scores.items() if s is not None}
    assert header(card)["datasets"] == [record.task]
    for flag in record.flags:
        assert f"`{flag}`" in card
    assert all(f"| `{name}` |" in card for name in stated)


def test_a_record_s_text_cannot_become_markup():
    record = read_record(RECORDS[0])
    hostile = record.model_copy(
        update={
            "recipe": record.recipe.model_copy(
                update={
                    "generator": "x.py:A</code><script>alert(1)</script>",
                    "parameters": {"a|b": "<img src=x>|`"},
                }
            ),
            "hardware": record.hardware.model_copy(update={"device": "[x](javascript:1)|"}),
        }
    )
    card = model_card(hostile)
    assert not re.search(r"<\w", card)
    assert "](javascript" not in card
    assert "from x.py import" not in card
    assert inline("a|b<") == "a&#124;b&#60;"


def test_front_matter_and_numbers():
    text = front_matter({"a": "x: y", "b": ["#1", "two"]})
    assert yaml.safe_load(text.strip("-")) == {"a": "x: y", "b": ["#1", "two"]}
    assert [scientific(x) for x in (4e-3, 5e-4, 1.25e-2, 1.0, 0.0, 9.99999e-4, 20.0)] == [
        "4·10⁻³", "5·10⁻⁴", "1.25·10⁻²", "1", "0", "1·10⁻³", "2·10¹",
    ]  # fmt: skip


def test_a_task_of_one_s_own_with_a_shipped_name_stays_its_own(small, small_file, in_process):
    """The tests' task is called small too, and has other numbers than the shipped one."""
    assert small.name in spec_names()
    done = in_process("card", small_file)
    assert done.returncode == 0
    assert summary_of("small") not in " ".join(done.stdout.split())
    assert "--spec small.toml`" in dataset_card(small)
    shipped = dataset_card(load_spec("small", train=7), summary=summary_of("small"))
    assert "--spec small`" in shipped
