"""What a bug report needs to know of a machine, and nothing of who owns it."""

import getpass
import importlib.metadata
import os
import platform
import re
from pathlib import Path

import trendbench
from trendbench.machine import usable_cores
from trendbench.provenance import sources_sha256

Report = dict[str, dict[str, str]]
_LIBRARIES = ("torch", "numba", "numpy", "scipy", "h5py", "pandas", "matplotlib", "pydantic",
              "click", "safetensors", "isal")  # fmt: skip
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                     "NUMBA_NUM_THREADS", "CUDA_VISIBLE_DEVICES")  # fmt: skip


def system_report() -> Report:
    """Versions, processor, threads and folders, in sections of name and value.

    User and host names are replaced wherever they stand, and the home folder by ``~``.
    """
    report = {
        "trendbench": {
            "version": trendbench.__version__,
            "sources": sources_sha256()[:12],
            "installed in": str(Path(trendbench.__file__).parent),
        },
        "system": {
            "python": f"{platform.python_version()} ({platform.python_implementation()})",
            "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
            "C library": " ".join(platform.libc_ver()).strip() or "unknown",
        },
        "libraries": _versions(),
        "processor": _processor(),
        "threads": _threads(),
        "folders": {"compiled kernels": _kernel_cache(), "results": str(Path("results").resolve())},
    }
    return {
        section: {name: anonymous(value) for name, value in lines.items()}
        for section, lines in report.items()
    }


def anonymous(text: str) -> str:
    """The text with the home folder as ``~`` and user and host names struck out."""
    home = str(Path.home())
    if len(home) > 1:
        text = re.sub(rf"{re.escape(home)}(?![^/\s,;:)])", "~", text)
    for name, stand_in in ((_user(), "<user>"), (platform.node(), "<host>")):
        if name:
            text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", stand_in, text)
    return text


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an id without a name
        return ""


def _versions() -> dict[str, str]:
    import h5py

    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "missing"
    return found | {"HDF5": h5py.version.hdf5_version}


def _processor() -> dict[str, str]:
    import torch

    from trendbench.training.device import choose_device, choose_precision, device_name

    device = choose_device()
    facts = {
        "device": device_name(device),
        "precision": choose_precision(device),
        "cores": f"{usable_cores()} of {os.cpu_count()} usable",
    }
    if device.type == "cuda":
        cudnn = torch.backends.cudnn.version()
        facts["CUDA"] = f"{torch.version.cuda}, cuDNN {cudnn}"
    return facts


def _threads() -> dict[str, str]:
    import numba
    import torch

    facts = {"torch": str(torch.get_num_threads()), "numba": str(numba.get_num_threads())}
    return facts | {name: os.environ.get(name, "not set") for name in _THREAD_VARIABLES}


def _kernel_cache() -> str:
    """Where Numba keeps the machine code of the default family."""
    from trendbench.families.registry import family

    return family().compiled() or "none: compiled anew in each process"


def report_text(report: Report) -> str:
    """The report in aligned lines, to be pasted as it is."""
    width = max(len(name) for lines in report.values() for name in lines)
    blocks = [
        "\n".join([section, *(f"  {name:<{width}}  {value}" for name, value in lines.items())])
        for section, lines in report.items()
    ]
    return "\n".join(blocks)
