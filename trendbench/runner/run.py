"""The story of a run, top to bottom."""

import hashlib
import io
import time
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendbench.arguments import as_path, whole
from trendbench.cards.model_card import model_card
from trendbench.catalog import DEFAULT_TASK
from trendbench.data.dataset import Dataset
from trendbench.data.make import default_path, make_data
from trendbench.data.opening import open_dataset
from trendbench.data.stream import streamed
from trendbench.errors import DataFileError, RecipeError, ResultError
from trendbench.figures.card import curves_of, write_figures
from trendbench.figures.samples import contact_sheet
from trendbench.generators.protocol import (
    does_share_batches,
    does_stream,
    inputs_for,
    is_conditional,
    is_extendable,
    is_privileged,
    shown_to,
)
from trendbench.generators.recipes import Recipe, find_recipe, load_class
from trendbench.leaderboard.board import refresh
from trendbench.metrics.card import FEWEST_IMAGES, Card
from trendbench.metrics.classifier import FEWEST_TRIPLETS
from trendbench.metrics.full_card import full_card
from trendbench.metrics.intake import drawn_by
from trendbench.progress import bar, optional, say
from trendbench.results import attachments, weights
from trendbench.results.record import (
    CodeEntry,
    DataEntry,
    HardwareEntry,
    RecipeEntry,
    RunRecord,
    ScoreEntry,
    TrainingEntry,
    code_entry,
)
from trendbench.results.store import pack_per_image, read_record, write_record
from trendbench.runner.along import facts_of, must_agree
from trendbench.runner.guard import call, must_follow_protocol
from trendbench.runner.observer import observer
from trendbench.runner.workspace import (
    Plan,
    Workspace,
    differences_of,
    opened,
    place_of,
    run_folder,
    stored_plan,
)
from trendbench.spec import canonical_file, is_shipped, load_spec
from trendbench.storage.atomic import write_bytes, write_text
from trendbench.training.context import RunContext, read_report
from trendbench.training.curves import NO_CURVES, TensorBoardCurves, must_have_tensorboard
from trendbench.training.device import choose_device, choose_precision, device_name
from trendbench.training.processes import ALONE, Processes

SAMPLING_SEED, SECOND_SEED = 2, 3
_SHOWN = 4


@dataclass(frozen=True)
class Outcome:
    """Where everything of a run lies.

    Attributes:
        folder: working folder; record: the result; leaderboard: the refreshed CSV.
        fresh: False if the run had been finished before.
    """

    folder: Path
    record: Path
    leaderboard: Path
    fresh: bool


def run(
    arch: str,
    *,
    data: str | Path | None = None,
    stream: int | None = None,
    seed: int = 0,
    epochs: int | None = None,
    preset: str | None = None,
    device: str = "auto",
    c2st: bool = True,
    tensorboard: bool = False,
    restart: bool = False,
    runs: str | Path = "runs",
    results: str | Path = "results",
    processes: Processes = ALONE,
) -> Outcome:
    """Find or make the data, fit, sample the test split, score, record.

    The same call again goes on where an earlier one stopped, or finds the run finished.

    Args:
        arch: what ``find_recipe`` understands.
        data: a data file; the canonical one of ``trend-v1``, made where missing, if None.
        stream: training triplets, drawn on the fly from the data's task and seed in place of the
            file's; the first of them equal the file's.
        seed: of weights, order and noise.
        epochs: in place of the recipe's.
        preset: one of the family's schedules.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, …
        c2st: whether to train the classifier among the scores.
        tensorboard: whether to log curves and samples to ``<run folder>/tensorboard`` too.
        restart: whether to delete what an earlier session left, and begin again.
        runs: folder for working state.
        results: folder for records.
        processes: which this one leads; the others are in ``train_along``.

    Raises:
        TrendbenchError: anything the user can mend, with one line that says how.
        KeyboardInterrupt: everything done so far is saved.
    """
    runs, results = as_path(runs, "runs"), as_path(results, "results")
    seed = whole(seed, "seed", most=(1 << 63) - 1)
    overrides = {} if epochs is None else {"epochs": whole(epochs, "epochs", 1)}
    recipe = find_recipe(arch, preset=preset, overrides=overrides)
    model_class = load_class(recipe.generator)
    must_follow_protocol(model_class, recipe.generator)
    if processes.count > 1 and not does_share_batches(model_class):
        raise RecipeError(f"{recipe.arch} is fitted by one process: start it without torchrun")
    if stream is not None:
        whole(stream, "stream", 1)
        if processes.count > 1 or not does_stream(model_class):
            raise RecipeError(
                f"{recipe.arch} is fitted to the images of a file here: in place of --stream "
                f"{stream}, trendbench make-data --n {stream} makes one for --data"
            )
    if tensorboard:
        must_have_tensorboard()
    call(model_class, "__init__", recipe.build)  # parameters are refused before any work is done
    with open_dataset(data or canonical_data()) as dataset:
        _must_be_usable(dataset, by_default=data is None, c2st=c2st)
        refresh(results)  # a folder that cannot be written shows now, not after the training
        data8 = dataset.sha256[:8] + (f"-stream{stream}" if stream else "")
        row = runs / dataset.spec.name / data8 / recipe.arch
        folder = run_folder(row, seed, recipe)
        before = None if restart else stored_plan(folder)
        plan = replace(_plan(recipe, dataset, seed, device, before), stream=stream)
        earlier = _recorded(results, dataset, plan, recipe) if before else None
        if earlier and before and differences_of(before.flat(), plan.flat()):
            say(f"{folder} has since gone on with another plan: its weights are of that one")
            return Outcome(folder, earlier, refresh(results), fresh=False)
        with opened(
            folder, plan, extendable=is_extendable(model_class), restart=restart
        ) as workspace:
            done = workspace.state.get("record")
            fresh = not (done and (results / done).is_file())
            if fresh:
                _fit(workspace, recipe, model_class, dataset, device, tensorboard, processes)
                drawn, second = _sample(workspace, model_class, dataset)
                card = full_card(
                    drawn,
                    dataset,
                    name=recipe.arch,
                    second=second,
                    conditional=is_conditional(model_class),
                    c2st=c2st,
                    bar=bar,
                )
                shown = _attachments(workspace, drawn, dataset, card)
                done = _record(workspace, recipe, model_class, dataset, card, shown, results)
            record = results / str(done)
    return Outcome(folder, record, refresh(results), fresh)


def canonical_path() -> Path:
    """Where the default data file lies."""
    canonical = canonical_file(DEFAULT_TASK)
    assert canonical is not None
    return default_path(load_spec(DEFAULT_TASK, train=canonical.train), canonical.seed)


def canonical_data() -> Path:
    """The default data file, made if it is not there."""
    canonical = canonical_file(DEFAULT_TASK)
    assert canonical is not None
    path = canonical_path()
    if make_data(load_spec(DEFAULT_TASK, train=canonical.train), canonical.seed, path):
        say(f"made {path}")
    return path


def _must_be_usable(dataset: Dataset, *, by_default: bool, c2st: bool) -> None:
    """Refuse, before any training, data that cannot be trained on or scored with.

    Raises:
        DataFileError: too few triplets, for the classifier too if it is asked for; or a default
            file that is not the canonical one.
    """
    sizes = dataset.spec.sizes
    if sizes["train"] < 1 or sizes["test"] < FEWEST_IMAGES:
        raise DataFileError(
            f"{dataset.path} has {sizes['train']} training and {sizes['test']} test triplets: a "
            f"run needs at least 1 and {FEWEST_IMAGES}"
        )
    if c2st and sizes["test"] < FEWEST_TRIPLETS:
        raise DataFileError(
            f"{dataset.path} has {sizes['test']} test triplets: the classifier needs at least "
            f"{FEWEST_TRIPLETS}; use --no-c2st"
        )
    canonical = canonical_file(dataset.spec.name)
    if by_default and canonical and canonical.sha256 != dataset.sha256:
        raise DataFileError(
            f"{dataset.path} is not the canonical file of {dataset.spec.name}: make it again "
            "with trendbench make-data --overwrite, or name your file with --data"
        )


def _plan(recipe: Recipe, dataset: Dataset, seed: int, device: str, before: Plan | None) -> Plan:
    """The plan asked for; what was left to be chosen is what an earlier sitting chose."""
    if before is not None and device == "auto":
        kind, precision = before.device, before.precision
    else:
        chosen = choose_device(device)
        kind, precision = chosen.type, choose_precision(chosen)
    place = place_of(recipe.generator)
    return Plan(recipe.arch, recipe.content, dataset.sha256, seed, kind, precision, place)


def _recorded(results: Path, dataset: Dataset, plan: Plan, recipe: Recipe) -> Path | None:
    """The record of this very plan, if there is one: its run's folder may have gone on since."""
    for path in sorted((results / dataset.spec.name / recipe.arch).glob(f"seed{plan.seed}-*.json")):
        with suppress(ResultError):
            record = read_record(path)
            found = (record.recipe.sha256, record.data, record.hardware.precision)
            if found == (recipe.sha256, _data_entry(dataset, plan), plan.precision):
                return path
    return None


def _fit(
    workspace: Workspace,
    recipe: Recipe,
    model_class: Any,
    dataset: Dataset,
    device: str,
    tensorboard: bool,
    processes: Processes,
) -> None:
    if workspace.state.get("fitted"):
        kept = workspace.saved()
        if workspace.state.get("weights", kept) == kept and read_report(workspace.folder):
            return
        say(f"{workspace.folder}: the weights are not those that were saved; fitting goes on")
    plan = workspace.plan
    chosen = choose_device(processes.device(plan.device if device == "auto" else device))
    hardware = processes.named(device_name(chosen))
    dataset.load("test")  # damage there should show now, not after the training
    if plan.stream:
        train = streamed(dataset.spec, plan.stream, dataset.seed)
        say(f"{plan.stream} training triplets are drawn on the fly")
    else:
        train = dataset.load("train")
    train, val = (shown_to(model_class, split) for split in (train, dataset.load("val")))
    processes.call((plan.device, plan.precision))
    must_agree(processes, facts_of(recipe, dataset, plan.seed))
    say(f"{recipe.arch} on {hardware}, {plan.precision}, data {dataset.describe()}")
    curves = TensorBoardCurves(workspace.folder) if tensorboard else NO_CURVES
    if tensorboard:
        say(f"curves: tensorboard --logdir {workspace.folder}")
    context = RunContext(
        seed=plan.seed,
        device=str(chosen),
        precision=plan.precision,
        folder=workspace.folder,
        identity=f"{recipe_identity(recipe)} {plan.data}",
        observe=observer(workspace, model_class, dataset, recipe.arch, curves),
        curves=curves,
        processes=processes,
    )
    generator = call(model_class, "__init__", recipe.build)
    start = time.monotonic()
    with closing(curves):
        call(model_class, "fit", generator.fit, train, val, context)
    if read_report(workspace.folder) is None:
        context.report(seconds=time.monotonic() - start)
    workspace.weights.mkdir(exist_ok=True)
    call(model_class, "save", generator.save, workspace.weights)
    workspace.mark(
        fitted=True,
        weights=workspace.saved(),
        hardware=hardware,
        parameters=call(model_class, "parameters", _size, generator),
        code=code_entry().model_dump(),
    )


def _sample(
    workspace: Workspace, model_class: Any, dataset: Dataset
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Two samples for each test triplet, from the folder where it has them whole."""
    path, test = workspace.samples, dataset.load("test")
    who = f"{workspace.plan.arch}.sample"
    if path.is_file():
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == workspace.state.get("samples"):
            stored = np.load(io.BytesIO(content), allow_pickle=False)
            if stored.ndim == 4 and len(stored) == 2:
                first, second = (drawn_by(part, dataset.spec, len(test), who) for part in stored)
                return first, second
    generator = call(model_class, "load", model_class.load, workspace.weights)
    inputs = inputs_for(model_class, test)

    def draw(seed: int) -> tuple[NDArray[np.uint8], float]:
        start = time.monotonic()
        drawn = call(model_class, "sample", generator.sample, inputs, seed)
        return drawn_by(drawn, dataset.spec, len(test), who), time.monotonic() - start

    say(f"drawing {len(test)} test images")
    first, seconds = draw(SAMPLING_SEED)
    say(f"drew {len(test)} images in {seconds:.1f} s; drawing as many again, for diversity")
    second, again = draw(SECOND_SEED)
    say(f"drew {len(test)} images in {again:.1f} s")
    buffer = io.BytesIO()
    np.save(buffer, np.stack([first, second]))
    write_bytes(path, buffer.getvalue())
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    workspace.mark(samples=digest, sampling_seconds=round(seconds, 3))
    return first, second


def recipe_identity(recipe: Recipe) -> str:
    """The recipe without the length of its schedule: what a checkpoint must agree with."""
    parameters = {k: v for k, v in recipe.parameters.items() if k != "epochs"}
    return Recipe(**{**recipe.__dict__, "parameters": parameters}).sha256


def _attachments(
    workspace: Workspace, drawn: NDArray[np.uint8], dataset: Dataset, card: Card
) -> dict[str, bytes]:
    """Draw the figures; give what the record carries for people to look at, by file name.

    What cannot be drawn is left out: the record is worth more than its pictures.
    """
    test = dataset.load("test")
    content = {}
    with optional("the record's samples"):
        content[attachments.SAMPLES] = contact_sheet(test[:_SHOWN], drawn[:_SHOWN])
    with optional("the record's curves and the figures"):
        curves = curves_of(drawn, dataset, card)
        content[attachments.CURVES] = attachments.pack_curves(curves)
        write_figures(workspace.figures, drawn, dataset, card, curves)
    if not is_shipped(dataset.spec):
        content[attachments.TASK] = dataset.spec.to_json().encode()
    for name in (attachments.LOSSES, attachments.VALIDATION):
        log = workspace.folder / name
        if log.is_file():
            with optional(f"the record's {name}"):
                content[name] = log.read_bytes()
    return content | weights.portable(workspace.weights)


def _record(
    workspace: Workspace,
    recipe: Recipe,
    model_class: Any,
    dataset: Dataset,
    card: Card,
    shown: dict[str, bytes],
    results: Path,
) -> str:
    """Write the record; returns its path within ``results``."""
    report = read_report(workspace.folder)
    assert report is not None
    if "scored" not in workspace.state:
        workspace.mark(scored=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    state = workspace.state
    xi = card.scores["xi"]
    per_image = pack_per_image(card.per_image)
    record = RunRecord(
        task=dataset.spec.name,
        arch=recipe.arch,
        family=recipe.family,
        status="reproduced",
        seed=workspace.plan.seed,
        recipe=RecipeEntry(
            generator=recipe.generator,
            parameters=recipe.parameters,
            preset=recipe.preset,
            source=recipe.source,
            sha256=recipe.sha256,
        ),
        data=_data_entry(dataset, workspace.plan),
        code=CodeEntry(**state["code"]),
        hardware=HardwareEntry(device=state["hardware"], precision=workspace.plan.precision),
        training=TrainingEntry(
            epochs=report.epochs,
            images_seen=report.images_seen,
            seconds=report.seconds,
            sampling_seconds=state["sampling_seconds"],
            sampling_seed=SAMPLING_SEED,
        ),
        parameters=state["parameters"],
        conditional=is_conditional(model_class),
        privileged=is_privileged(model_class),
        n_test=card.n,
        xi_floor=xi.truth,
        scores={
            name: ScoreEntry(**score.__dict__) if score else None
            for name, score in card.scores.items()
        },
        flags=[flag.name for flag in card.flags],
        images=hashlib.sha256(per_image).hexdigest(),
        attachments={name: hashlib.sha256(content).hexdigest() for name, content in shown.items()},
        finished=state["scored"],
    )
    path = write_record(results, record, per_image, shown)
    folders = [workspace.weights]
    if weights.names(record):
        folders.append(path.with_suffix(""))
    for folder in folders:
        with optional(f"the model card in {folder}"):
            write_text(folder / weights.CARD, model_card(record))
    done = str(path.relative_to(results))
    workspace.mark(record=done)
    return done


def _data_entry(dataset: Dataset, plan: Plan) -> DataEntry:
    train = plan.stream or dataset.spec.train
    return DataEntry(sha256=dataset.sha256, train=train, seed=dataset.seed)


def _size(generator: Any) -> int | None:
    size = getattr(generator, "parameters", None)
    return size if isinstance(size, int) else None
