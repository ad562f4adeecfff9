"""A fit as text for a terminal of 80 columns."""

import textwrap

from trendbench.fitting.result import Fit

_WIDTH = 80
_FEW = 0.05
_NAMES = 22  # characters of the longest name, and a blank


def fit_text(fit: Fit) -> str:
    """Heading, parameters, trend, scores, verdict."""
    model = fit.model
    turned = ", turned so that their trend runs along x" if fit.along == "y" else ""
    count = f"{fit.pictures} picture{'s' if fit.pictures > 1 else ''}"
    lines = [f"{count} of {model.width}×{model.height} px{turned}", ""]
    lines.append(f"{'':<{_NAMES}}{'value':>10} {'std. error':>11}  {'95 % interval':<23} unit")
    for name, one in fit.rows.items():
        interval = f"[{one.low:.3g}, {one.high:.3g}]"
        lines.append(
            f"{name:<{_NAMES}}{one.value:>10.4g} {one.error:>11.2g}  {interval:<23} {one.unit}"
        )
    lines += _filled(f"R from {fit.radius_from}; errors from {fit.errors_from}")
    told = f"z = {fit.z:.2f}, p = {fit.p_trend:.2g}: {_trend(fit)}"
    lines += ["", f"test of no trend (k = 0): {told}", ""]
    lines.append(
        f"{'score':<{_NAMES}}{'value':>10} {'median':>11}  range of {fit.sets} simulated sets"
    )
    for name, score in fit.scores.items():
        mark = " " if score.is_within else "*"
        lines.append(
            f"{name:<{_NAMES}}{score.value:>10.4g}{mark}{score.median:>11.2g}  "
            f"[{score.low:.3g}, {score.high:.3g}]"
        )
    lines += [*_filled("* outside; of sets of the fitted model, 1 % have any score outside"), ""]
    return "\n".join([*lines, *_filled(fit.verdict)])


def _trend(fit: Fit) -> str:
    """What the test and the interval of k say together; their errors of k differ."""
    tested, excluded = fit.p_trend < _FEW, not fit.k.low <= 0 <= fit.k.high
    if tested != excluded:
        return "a weak sign of a trend"
    return "a trend" if tested else "no sign of a trend"


def _filled(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH)
