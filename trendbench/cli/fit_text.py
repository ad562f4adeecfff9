"""A fit as text for a terminal of 80 columns."""

import textwrap

from trendbench.fitting.result import Fit
from trendbench.numbers import short

_WIDTH = 80
_FEW = 0.05


def fit_text(fit: Fit) -> str:
    """Heading, parameters, trend, scores, verdict."""
    model = fit.model
    turned = ", turned so that their trend runs along x" if fit.along == "y" else ""
    count = f"{fit.pictures} picture{'s' if fit.pictures > 1 else ''}"
    lines = [f"{count} of {model.width}×{model.height} px{turned}", ""]
    lines.append(f"{'':<17}{'value':>10} {'std. error':>11}  {'95 % interval':<23} unit")
    for name, one in fit.rows.items():
        interval = f"[{short(one.low)}, {short(one.high)}]"
        number, error = short(one.value, 4), short(one.error, 2)
        lines.append(f"{name:<17}{number:>10} {error:>11}  {interval:<23} {one.unit}")
    lines += _filled(f"R from {fit.radius_from}; errors from {fit.errors_from}")
    sign = "a trend" if fit.p_trend < _FEW else "no sign of a trend"
    lines += ["", f"test of no trend (k = 0): z = {fit.z:.2f}, p = {fit.p_trend:.2g}: {sign}", ""]
    lines.append(f"{'score':<17}{'value':>10} {'median':>11}  range of {fit.sets} simulated sets")
    for name, score in fit.scores.items():
        mark = " " if score.is_within else "*"
        lines.append(
            f"{name:<17}{short(score.value, 4):>10}{mark}{short(score.median):>11}  "
            f"[{short(score.low)}, {short(score.high)}]"
        )
    lines += [*_filled("* outside; of sets of the fitted model, 1 % have any score outside"), ""]
    return "\n".join([*lines, *_filled(fit.verdict)])


def _filled(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH)
