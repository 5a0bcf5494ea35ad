"""What a fair PyTorch needs: settings that must stand before the process starts, what came of them, and what
is wrong with it."""
import ctypes
import glob
import os
import re
import sys

INSTALL = "apt-get install python3-torch python3-h5py libopenblas0-openmp"
CLEARED = {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_NUM_THREADS", "ONEDNN_MAX_CPU_ISA",
           "DNNL_MAX_CPU_ISA", "OMP_THREAD_LIMIT", "OMP_PROC_BIND", "GOMP_CPU_AFFINITY", "LD_PRELOAD"}
AVX512_CORES = {"SkylakeX", "Cooperlake", "SapphireRapids"}
AVX2_CORES = {"Haswell", "Zen"} | AVX512_CORES


def cpu(key):
    with open("/proc/cpuinfo") as f:
        return next((line.split(":", 1)[1].strip() for line in f if line.startswith(key)), "")


def best_capability():
    flags = set(cpu("flags").split())
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags:
        return "avx512"
    return "avx2" if {"avx2", "fma"} <= flags else "default"


def settings(threads):
    """Environment variables. PEER_BLAS names a folder with another libblas.so.3; without it OpenBLAS on
    OpenMP (PyTorch's own pool) is preferred to its other builds."""
    builds = [folder for kind in ("openmp", "pthread", "serial")
              for folder in glob.glob(f"/usr/lib/*/openblas-{kind}")]
    blas = os.environ.get("PEER_BLAS") or (builds[0] if builds else "")
    set_here = {
        "PEER_THREADS": str(threads), "OMP_NUM_THREADS": str(threads),
        "ATEN_CPU_CAPABILITY": best_capability(),
        # How long threads wait awake: no slower than the default where the machine is free, several times
        # faster where others use it.
        "GOMP_SPINCOUNT": "10000",
        # Never return memory, and take it in huge pages: fresh pages cost as much as the arithmetic.
        "MALLOC_TOP_PAD_": "268435456", "MALLOC_MMAP_THRESHOLD_": "4294967296",
        "MALLOC_TRIM_THRESHOLD_": "17179869184", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
        "LD_LIBRARY_PATH": ":".join(filter(None, [blas, os.environ.get("LD_LIBRARY_PATH")])),
    }
    return {k: v for k, v in os.environ.items() if k not in CLEARED} | set_here


def launch(threads):
    """Starts this program again under settings(threads), unless it is; then sets PyTorch's threads."""
    if os.environ.get("PEER_THREADS") != str(threads):
        os.execve(sys.executable, [sys.executable, *sys.argv], settings(threads))
    try:
        import torch
    except ImportError as error:
        sys.exit(print(f"peers: no PyTorch ({error}): {INSTALL}", file=sys.stderr) or 64)
    torch.set_num_threads(threads)


def conditions():
    """What runs: versions, BLAS, vector level, threads."""
    import torch
    torch.mm(torch.ones(2, 2), torch.ones(2, 2))  # loads what is loaded late
    with open("/proc/self/maps") as f:
        # What PyTorch is linked with; liblapack may well come with another.
        blas = sorted({line.split()[-1] for line in f if re.search(r"/libblas\.so", line)})
    core = blas_threads = None
    library = ctypes.CDLL(blas[0]) if len(blas) == 1 else None
    if hasattr(library, "openblas_get_corename"):
        library.openblas_get_corename.restype = ctypes.c_char_p
        core, blas_threads = library.openblas_get_corename().decode(), library.openblas_get_num_threads()
    capability = re.search(r"CPU capability usage: (\w+)", torch.__config__.show())
    return {"torch": torch.__version__, "openblas_core": core, "blas_threads": blas_threads,
            "blas": ", ".join(blas), "aten_capability": capability[1].lower() if capability else "unknown",
            "mkldnn": torch.backends.mkldnn.is_available(), "threads_actual": torch.get_num_threads(),
            "cpu": cpu("model name"), "best_capability": best_capability()}


def handicaps(c, threads):
    """Why a comparison with a PyTorch under conditions c would not be fair; an empty list where it would."""
    found, cores = [], {"avx512": AVX512_CORES, "avx2": AVX2_CORES}
    if c["openblas_core"] is None:
        found.append(f"its BLAS is not OpenBLAS but {c['blas'] or 'unknown'}"
                     f" (the reference BLAS is 16x slower): {INSTALL}")
    elif c["openblas_core"] not in cores.get(c["best_capability"], {c["openblas_core"]}):
        found.append(f"OpenBLAS uses its {c['openblas_core']} kernels"
                     f" on a processor with {c['best_capability']}")
    if c["aten_capability"] != c["best_capability"]:
        found.append(f"ATen runs at {c['aten_capability']} on a processor with {c['best_capability']}")
    if not c["mkldnn"]:
        found.append("PyTorch has no oneDNN")
    if c["threads_actual"] != threads or c["blas_threads"] not in (None, threads):
        found.append(f"{c['threads_actual']} threads (BLAS: {c['blas_threads']})"
                     f" where {threads} were asked for")
    if threads > len(os.sched_getaffinity(0)):
        found.append(f"{threads} threads on {len(os.sched_getaffinity(0))} processors")
    return found
