"""One batch, shared out among processes, and still one batch.

Every process has the whole batch's indices and draws the whole batch's random numbers, as all
draw from one seed; it passes its own rows through the networks. What a mean over the batch is for
one process is here Σ_i w_i·(mean over the rows of process i), w_i being its share of the images:
losses, their gradients, and the moments of batch norm. Where one process trains alone, everything
here hands back what it was given.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from trendbench.training.processes import Processes


@dataclass(frozen=True)
class _Share:
    """What of a batch is this process's.

    Attributes:
        batch: images in all; rows: which of them go through the networks here.
        weight: of the mean over them; 0 where there are fewer images than processes, as one that
            has none goes along on the first, for all must take part in every sum.
    """

    processes: Processes
    batch: int
    rows: slice
    weight: float


_SHARE: ContextVar[_Share | None] = ContextVar("share", default=None)


@contextmanager
def shared(batch: int, processes: Processes) -> Iterator[None]:
    """Within the block, a step on ``batch`` images is one process's part in it."""
    if processes.count == 1:
        yield
        return
    first, last = (batch * rank // processes.count for rank in (processes.rank, processes.rank + 1))
    rows = slice(first, last) if last > first else slice(0, 1)
    share = _Share(processes, batch, rows, (last - first) / batch)
    token = _SHARE.set(share)
    try:
        with _WholeBatch(share):
            yield
    finally:
        _SHARE.reset(token)


def mine(whole: torch.Tensor) -> torch.Tensor:
    """The rows of this process, of something that has a row for every image of the batch."""
    share = _SHARE.get()
    return whole if share is None else whole[share.rows]


def weighed(loss: torch.Tensor) -> torch.Tensor:
    """This process's part in the loss of the whole batch."""
    share = _SHARE.get()
    return loss if share is None else loss * share.weight


def averaged(losses: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
    """Losses of the whole batch, from those of each process's rows."""
    share = _SHARE.get()
    if share is None:
        return losses
    stacked = torch.stack([weighed(value.detach().double()) for value in losses.values()])
    return dict(zip(losses, share.processes.summed(stacked), strict=True))


def sum_gradients(optimiser: torch.optim.Optimizer) -> None:
    """Replace the gradients that an optimiser is to follow by their sums over the processes."""
    share = _SHARE.get()
    if share is None:
        return
    weights = [w for group in optimiser.param_groups for w in group["params"]]
    gradients = [w.grad for w in weights if w.grad is not None]
    flat = share.processes.summed(torch.cat([g.reshape(-1) for g in gradients]))
    totals = torch.split(flat, [g.numel() for g in gradients])
    for gradient, total in zip(gradients, totals, strict=True):
        gradient.copy_(total.view_as(gradient))


class _WholeBatch(TorchFunctionMode):
    """Layers that look beyond one image see the whole batch, as they do in one process."""

    def __init__(self, share: _Share) -> None:
        super().__init__()
        self._share = share

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        del types
        keywords = kwargs or {}
        if func is functional.batch_norm:
            return _batch_norm(self._share, *args, **keywords)
        if func is functional.dropout:
            return _dropout(self._share, *args, **keywords)
        return func(*args, **keywords)


def _dropout(
    share: _Share, x: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> torch.Tensor:
    """Of the whole batch's coins those of our rows."""
    if not training or len(x) == share.batch:
        return functional.dropout(x, p, training, inplace)
    whole = x.detach()[:1].expand(share.batch, *x.shape[1:])
    return x * functional.dropout(torch.ones_like(whole), p)[share.rows]


def _batch_norm(
    share: _Share,
    x: torch.Tensor,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> torch.Tensor:
    """(x − m)/√(v + ε)·weight + bias by the moments of the whole batch, (b, C, …).

    m = Σ_i w_i·m_i and v = Σ_i w_i·(v_i + m_i²) − m², in float64; torch's own synchronised batch
    norm is for GPUs alone.
    """
    if not training:
        return functional.batch_norm(x, running_mean, running_var, weight, bias, False, 0.0, eps)
    over = [axis for axis in range(x.ndim) if axis != 1]
    variance, mean = (part.double() for part in torch.var_mean(x.float(), over, correction=0))
    moments = share.weight * torch.stack([mean, variance + mean.square()])
    mean, square = _Sum.apply(moments, share.processes)  # type: ignore[no-untyped-call]
    variance = square - mean.square()
    if running_mean is not None and running_var is not None:
        count = x.numel() // (x.shape[0] * x.shape[1]) * share.batch
        with torch.no_grad():
            running_mean.lerp_(mean.to(running_mean), momentum)
            running_var.lerp_((variance * count / (count - 1)).to(running_var), momentum)
    scale = (variance + eps).rsqrt()
    scale = scale if weight is None else scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    shape = (1, -1, *[1] * (x.ndim - 2))
    normed = torch.addcmul(shift.float().view(shape), x.float(), scale.float().view(shape))
    return normed.to(x.dtype)


class _Sum(torch.autograd.Function):
    """A sum over processes; each feels what it does to the loss of all."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, processes: Processes) -> torch.Tensor:
        ctx.processes = processes
        return processes.summed(values)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return ctx.processes.summed(gradients[0]), None
