"""Where and in what precision to train."""

import ctypes
import re
import sys
from typing import TYPE_CHECKING, Any

from trendbench.errors import RunError

if TYPE_CHECKING:
    import torch

NAMES = ("auto", "cpu", "cuda", "mps")
_NAME = re.compile(rf"{'|'.join(NAMES)}|cuda:\d{{1,3}}")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def named_device(wanted: str) -> str:
    """The same name, if devices of that name are trained on at all; torch is not asked.

    Raises:
        RunError: they are not.
    """
    if not _NAME.fullmatch(wanted):
        raise RunError(
            f"device '{wanted:.40}' is none that is trained on: say auto, cpu, cuda, cuda:1 or mps"
        )
    return wanted


def choose_device(wanted: str = "auto") -> "torch.device":
    """``auto`` is CUDA where there is one, else the CPU.

    Raises:
        RunError: no such device on this machine.
    """
    import torch

    wanted = named_device(wanted)
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(wanted)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0][:80].strip()
        raise RunError(f"device '{wanted}' is not to be had here ({reason}): try cpu") from None
    return device


def choose_precision(device: "torch.device") -> str:
    """``bf16`` where the processor multiplies it natively, ``fp32`` elsewhere."""
    import torch

    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type == "cpu":
        flags = _cpu_flags()
        return "bf16" if flags.get("avx512_bf16") or flags.get("amx_bf16") else "fp32"
    return "fp32"


def device_name(device: "torch.device") -> str:
    """What the processor calls itself, with the threads in use on a CPU."""
    import torch

    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    n = torch.get_num_threads()
    return f"{_cpu_flags().get('cpu_name', 'CPU')}, {n} thread{'s' if n > 1 else ''}"


def _cpu_flags() -> dict[str, Any]:
    """What torch knows of the processor; nothing in versions that do not say."""
    import torch

    flags = dict(getattr(torch.cpu, "get_capabilities", dict)())
    if not flags:  # older releases answer one question at a time
        flags["avx512_bf16"] = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)()
        flags["amx_bf16"] = getattr(torch.cpu, "_is_amx_tile_supported", bool)()
    return flags


def keep_freed_memory() -> None:
    """Let glibc keep large blocks that are freed, as a training step asks for them again.

    Otherwise every activation is mapped, zeroed page by page and unmapped in each step, which
    costs about a tenth of the time on a CPU. Does nothing under another C library.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, 1 << 30)
    mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
