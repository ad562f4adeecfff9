"""The story of a run, top to bottom: fit, draw, score, record.

Each stage takes the values of those before it and returns its own. What a stage has done lies in
the run's folder too, and from there the same command goes on.
"""

import hashlib
import io
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendbench.arguments import as_path, whole
from trendbench.cards.model_card import model_card
from trendbench.data.canonical import canonical_data
from trendbench.data.dataset import Dataset
from trendbench.data.opening import open_dataset
from trendbench.data.stream import streamed
from trendbench.errors import RecipeError
from trendbench.figures.card import curves_of, write_figures
from trendbench.figures.samples import contact_sheet
from trendbench.generators.protocol import (
    does_stream,
    inputs_for,
    is_conditional,
    is_extendable,
    is_privileged,
    shown_to,
)
from trendbench.generators.recipes import Recipe, find_recipe, load_class
from trendbench.leaderboard.board import refresh
from trendbench.metrics.by_trend import trends_of
from trendbench.metrics.c2st import P_VALUE, must_be_trainable
from trendbench.metrics.full_card import full_card, must_know_trends
from trendbench.metrics.intake import drawn_by
from trendbench.progress import bar, optional, say
from trendbench.results import attachments, weights
from trendbench.results.assembly import Making, assembled
from trendbench.results.record import HardwareEntry, RecipeEntry, TrainingEntry, code_entry
from trendbench.results.store import read_record, write_record
from trendbench.runner.conditions import must_be_alone, must_be_usable
from trendbench.runner.fitted_on import take_over
from trendbench.runner.guard import call, must_follow_protocol
from trendbench.runner.observer import observer
from trendbench.runner.plan import (
    differences_of,
    planned,
    recorded,
    row_folder,
    run_folder,
    stored_plan,
)
from trendbench.runner.stages import Drawn, Fitted, SamplesNote, Scored
from trendbench.runner.workspace import Workspace, opened
from trendbench.spec import is_shipped
from trendbench.storage.atomic import write_bytes, write_text
from trendbench.training.context import FitReport, RunContext
from trendbench.training.curves import NO_CURVES, TensorBoardCurves, must_have_tensorboard
from trendbench.training.device import choose_device, device_name

SAMPLING_SEED, SECOND_SEED = 2, 3
_SHOWN = 4


@dataclass(frozen=True)
class Outcome:
    """Where everything of a run lies.

    Attributes:
        folder: working folder; record: the result; leaderboard: the refreshed CSV.
        fresh: False if the run had been finished before.
        figures: folder of pictures; of a plan whose run has gone on, that of its record, with what
            it came with; None where there is none.
    """

    folder: Path
    record: Path
    leaderboard: Path
    fresh: bool
    figures: Path | None


@dataclass(frozen=True)
class Job:
    """What is run on what."""

    recipe: Recipe
    model_class: Any
    dataset: Dataset


def run(
    arch: str,
    *,
    data: str | Path | None = None,
    stream: int | None = None,
    fitted_on: str | Path | None = None,
    seed: int = 0,
    epochs: int | None = None,
    preset: str | None = None,
    device: str = "auto",
    c2st: bool = True,
    tensorboard: bool = False,
    restart: bool = False,
    runs: str | Path = "runs",
    results: str | Path = "results",
) -> Outcome:
    """Find or make the data, fit, sample the test split, score, record.

    The same call again goes on where an earlier one stopped, or finds the run finished.

    Args:
        arch: what ``find_recipe`` understands.
        data: a data file; the canonical one of ``trend-v1``, made where missing, if None.
        stream: training triplets, drawn on the fly from the data's task and seed in place of the
            file's; the first of them equal the file's.
        fitted_on: another data file with the same training and validation triplets; the weights
            that the same recipe and seed have on it are taken over, of a run or of a record.
        seed: of weights, order and noise.
        epochs: in place of the recipe's.
        preset: one of the family's schedules.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, …
        c2st: whether to train the classifier among the scores.
        tensorboard: whether to log curves and samples to ``<run folder>/tensorboard`` too.
        restart: whether to delete what an earlier session left, and begin again.
        runs: folder for working state.
        results: folder for records.

    Raises:
        TrendbenchError: anything the user can mend, with one line that says how.
        KeyboardInterrupt: everything done so far is saved.
    """
    must_be_alone()
    runs, results = as_path(runs, "runs"), as_path(results, "results")
    seed = whole(seed, "seed", most=(1 << 63) - 1)
    overrides = {} if epochs is None else {"epochs": whole(epochs, "epochs", 1)}
    recipe = find_recipe(arch, preset=preset, overrides=overrides)
    model_class = load_class(recipe.generator)
    must_follow_protocol(model_class, recipe.generator)
    if stream is not None:
        whole(stream, "stream", 1)
        if not does_stream(model_class):
            raise RecipeError(
                f"{recipe.arch} is fitted to the images of a file here: in place of --stream "
                f"{stream}, trendbench make-data --n {stream} makes one for --data"
            )
    if tensorboard:
        must_have_tensorboard()
    call(model_class, "__init__", recipe.build)  # parameters are refused before any work is done
    with open_dataset(data or canonical_data()) as dataset:
        must_be_usable(dataset, by_default=data is None, c2st=c2st)
        if not is_privileged(model_class):  # negative controls follow the latents of the inputs
            must_know_trends(dataset.spec, conditional=is_conditional(model_class))
        if stream is not None:
            dataset.spec.latents(0, dataset.seed, "train")  # refuses what cannot be simulated
        refresh(results)  # a folder that cannot be written shows now, not after the training
        folder = run_folder(row_folder(runs, dataset, stream, recipe.arch), seed, recipe)
        before = None if restart else stored_plan(folder)
        plan = planned(recipe, dataset, stream, seed, device, before)
        earlier = recorded(results, dataset, plan, recipe) if before else None
        if earlier and before and differences_of(before.flat(), plan.flat()):
            return _of_earlier_plan(folder, earlier, results)
        job = Job(recipe, model_class, dataset)
        with opened(
            folder, plan, extendable=is_extendable(model_class), restart=restart
        ) as workspace:
            done = workspace.notes.record
            fresh = done is None or not _is_complete(results / done, dataset, c2st=c2st)
            if fresh:
                if fitted_on is not None and workspace.notes.fitted is None:
                    other = as_path(fitted_on, "fitted_on")
                    fitted = take_over(workspace, recipe, dataset, other, runs, results)
                else:
                    fitted = fit(job, workspace, device, tensorboard)
                drawn = draw(job, workspace)
                scored = score(job, workspace, drawn, c2st)
                done = record(job, workspace, fitted, drawn, scored, results)
            assert done is not None
    return Outcome(folder, results / done, refresh(results), fresh, workspace.figures)


def _of_earlier_plan(folder: Path, record: Path, results: Path) -> Outcome:
    """What a run had recorded before its folder went on with another plan."""
    say(f"{folder} has since gone on with another plan: its weights and figures are of that one")
    beside = record.with_suffix("")
    figures = beside if beside.is_dir() else None
    return Outcome(folder, record, refresh(results), fresh=False, figures=figures)


def _is_complete(record: Path, dataset: Dataset, *, c2st: bool) -> bool:
    """Whether a record is there, with the classifier's scores where these are asked for."""
    if not record.is_file():
        return False
    is_asked = c2st and must_be_trainable(dataset.spec, dataset.spec.test)
    return not is_asked or read_record(record).scores.get(P_VALUE) is not None


def fit(job: Job, workspace: Workspace, device: str, tensorboard: bool) -> Fitted:
    """Train and save the weights, or find them saved.

    Raises:
        TrendbenchError: the generator raised, or its training left the finite numbers.
        KeyboardInterrupt: after a checkpoint.
    """
    fitted = workspace.notes.fitted
    if fitted:
        if workspace.holds(fitted):
            return fitted
        say(f"{workspace.folder}: the weights are not those that were saved; fitting goes on")
    recipe, model_class, dataset, plan = (
        job.recipe, job.model_class, job.dataset, workspace.plan
    )  # fmt: skip
    chosen = choose_device(plan.device if device == "auto" else device)
    hardware = device_name(chosen)
    dataset.load("test")  # damage there should show now, not after the training
    train = streamed(dataset.spec, plan.stream, dataset.seed) if plan.stream else None
    if train is not None:
        say(f"{plan.stream} training triplets are drawn on the fly")
    train, val = (
        shown_to(model_class, split)
        for split in (train or dataset.load("train"), dataset.load("val"))
    )
    say(f"{recipe.arch} on {hardware}, {plan.precision}, data {dataset.describe()}")
    curves = TensorBoardCurves(workspace.folder) if tensorboard else NO_CURVES
    if tensorboard:
        say(f"curves: tensorboard --logdir {workspace.folder}")
    context = RunContext(
        seed=plan.seed,
        device=str(chosen),
        precision=plan.precision,
        folder=workspace.folder,
        identity=f"{recipe.identity} {plan.data}",
        observe=observer(
            workspace.folder,
            model_class,
            dataset,
            recipe.arch,
            curves,
            figures=workspace.figures,
            train=plan.stream,
        ),
        curves=curves,
    )
    generator = call(model_class, "__init__", recipe.build)
    start = time.monotonic()
    with closing(curves):
        call(model_class, "fit", generator.fit, train, val, context)
    unsaid = FitReport(None, None, round(time.monotonic() - start, 3))
    report = [unsaid, *context.reports][-1]
    workspace.weights.mkdir(exist_ok=True)
    call(model_class, "save", generator.save, workspace.weights)
    fitted = Fitted(
        weights=workspace.saved(),
        code=code_entry(),
        hardware=hardware,
        parameters=call(model_class, "parameters", _size, generator),
        epochs=report.epochs,
        images_seen=report.images_seen,
        seconds=report.seconds,
    )
    workspace.note(fitted=fitted, drawn=None)  # samples of other weights count for nothing
    return fitted


def draw(job: Job, workspace: Workspace) -> Drawn:
    """Draw two samples for each test triplet with the saved weights, or find them drawn.

    Raises:
        RecipeError: the generator raised.
        ImagesError: it drew what cannot be scored.
    """
    model_class, dataset, noted = job.model_class, job.dataset, workspace.notes.drawn
    path, test = workspace.samples, dataset.load("test")
    who = f"{workspace.plan.arch}.sample"
    if noted and path.is_file():
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == noted.samples:
            stored = np.load(io.BytesIO(content), allow_pickle=False)
            first, second = (drawn_by(part, dataset.spec, len(test), who) for part in stored)
            return Drawn(first, second, noted.seconds, noted.finished)
    generator = call(model_class, "load", model_class.load, workspace.weights)
    inputs = inputs_for(model_class, test)

    def one(seed: int) -> tuple[NDArray[np.uint8], float]:
        start = time.monotonic()
        images = call(model_class, "sample", generator.sample, inputs, seed)
        return drawn_by(images, dataset.spec, len(test), who), time.monotonic() - start

    say(f"drawing {len(test)} test images")
    first, seconds = one(SAMPLING_SEED)
    say(f"drew {len(test)} images in {seconds:.1f} s; drawing as many again, for diversity")
    second, again = one(SECOND_SEED)
    say(f"drew {len(test)} images in {again:.1f} s")
    buffer = io.BytesIO()
    np.save(buffer, np.stack([first, second]))
    write_bytes(path, buffer.getvalue())
    drawn = Drawn(
        first, second, round(seconds, 3), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    )
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    note = SamplesNote(samples=digest, seconds=drawn.seconds, finished=drawn.finished)
    workspace.note(drawn=note)
    return drawn


def score(job: Job, workspace: Workspace, drawn: Drawn, c2st: bool) -> Scored:
    """Score the samples, and draw the figures.

    What cannot be drawn is left out: the record is worth more than its pictures.
    """
    dataset = job.dataset
    card = full_card(
        drawn.first,
        dataset,
        name=job.recipe.arch,
        second=drawn.second,
        conditional=is_conditional(job.model_class),
        c2st=c2st,
        bar=bar,
    )
    pictures = {}
    with optional("the record's samples"):
        pictures[attachments.SAMPLES] = contact_sheet(
            dataset.load("test")[:_SHOWN], drawn.first[:_SHOWN]
        )
    with optional("the record's curves and the figures"):
        curves = curves_of(drawn.first, dataset, card)
        pictures[attachments.CURVES] = attachments.pack_curves(curves)
        write_figures(workspace.figures, drawn.first, dataset, card, curves)
        if trends := trends_of(drawn.first, dataset):
            pictures[attachments.TRENDS] = trends.model_dump_json().encode()
    return Scored(card, pictures)


def record(
    job: Job, workspace: Workspace, fitted: Fitted, drawn: Drawn, scored: Scored, results: Path
) -> str:
    """Write the record with what lies beside it; returns its path within ``results``."""
    recipe, plan = job.recipe, workspace.plan
    making = Making(
        arch=recipe.arch,
        family=recipe.family,
        status="reproduced",
        seed=plan.seed,
        recipe=RecipeEntry(
            generator=recipe.generator,
            parameters=recipe.parameters,
            preset=recipe.preset,
            source=recipe.source,
            sha256=recipe.sha256,
        ),
        code=fitted.code,
        hardware=HardwareEntry(device=fitted.hardware, precision=plan.precision),
        training=TrainingEntry(
            epochs=fitted.epochs,
            images_seen=fitted.images_seen,
            seconds=fitted.seconds,
            sampling_seconds=drawn.seconds,
            sampling_seed=SAMPLING_SEED,
        ),
        parameters=fitted.parameters,
        conditional=is_conditional(job.model_class) and job.dataset.spec.has_inputs,
        privileged=is_privileged(job.model_class),
        train=plan.stream,
    )
    beside = dict(scored.pictures)
    spec = job.dataset.spec
    if not is_shipped(spec) or plan.stream not in (None, spec.train):
        beside[attachments.TASK] = spec.to_json().encode()  # a stream's record lacks the file's n
    for name in (attachments.LOSSES, attachments.VALIDATION):
        log = workspace.folder / name
        if log.is_file():
            with optional(f"the record's {name}"):
                beside[name] = log.read_bytes()
    beside |= weights.portable(workspace.weights)
    made, per_image = assembled(making, job.dataset, scored.card, beside, drawn.finished)
    path = write_record(results, made, per_image, beside)
    folders = [workspace.weights]
    if weights.names(made):
        folders.append(path.with_suffix(""))
    for folder in folders:
        with optional(f"the model card in {folder}"):
            write_text(folder / weights.CARD, model_card(made))
    done = str(path.relative_to(results))
    workspace.note(record=done)
    return done


def _size(generator: Any) -> int | None:
    size = getattr(generator, "parameters", None)
    return size if type(size) is int and size >= 0 else None
