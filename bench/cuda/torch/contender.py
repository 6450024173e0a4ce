"""PyTorch's side of the benchmark: requests as lines of JSON on standard input, replies on standard output.

Invariant: the same protocol as bench/answers.ts; what PyTorch itself prints goes to standard error.
"""
import json
import os
import sys
import time
import traceback

out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def reply(message):
    out.write(json.dumps(message) + "\n")
    out.flush()


def sample(work, seconds):
    """Milliseconds of each sample, for about `seconds`; the first run is not timed."""
    work.timed()
    samples, end = [], time.perf_counter() + seconds
    while len(samples) < 2 or time.perf_counter() < end:
        samples.append(work.timed())
    return samples


def blas(torch):
    """Who multiplies matrices: builds of distributions take the library that is installed, if any is."""
    torch.ones(64, 64) @ torch.ones(64, 64)
    with open("/proc/self/maps") as maps:
        loaded = maps.read()
    for part, name in (("openblas", "OpenBLAS"), ("mkl", "MKL"), ("blis", "BLIS")):
        if part in loaded:
            return name
    return "BLAS unknown (if it is the reference BLAS, products are slow: install OpenBLAS)"


def main():
    import torch

    with open(sys.argv[1]) as file:
        spec = json.load(file)
    if spec["rows"] == "cpu":
        import cpu_rows as torch_rows
    else:
        import rows as torch_rows

    compiles = torch_rows.CUDA and hasattr(torch, "compile")
    subject = torch_rows.rows(spec, compiles)
    name = torch.cuda.get_device_name() if torch_rows.CUDA else "CPU"
    emulated = spec["rows"] == "cuda" and not torch_rows.CUDA
    products = "" if torch_rows.CUDA else f", {blas(torch)}"
    adapter = {"name": f"{name}, PyTorch {torch.__version__}{products}", "software": emulated}
    offer = {
        "rows": [[row, mode] for row, modes in subject.items() for mode in modes],
        "adapter": adapter,
    }
    reply({"kind": "offer", "offer": offer})
    row, ready = None, {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["kind"] == "list":
                reply({"kind": "offer", "offer": offer})
            elif request["kind"] == "prepare":
                if request["name"] != row:
                    ready = {}
                row = request["name"]
                work = ready[request["mode"]] = subject[row][request["mode"]]()
                reply({"kind": "prepared", "figures": work.figures})
            else:
                work = ready[request["mode"]]
                reply({"kind": "samples", "ms": sample(work, request["seconds"])})
        except Exception as error:
            traceback.print_exc()
            reply({"kind": "failed", "message": f"{type(error).__name__}: {error}"})


main()
