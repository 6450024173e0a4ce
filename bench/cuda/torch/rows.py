"""PyTorch on the rows of bench/cuda/rows.ts: eager ("imperative") and torch.compile ("hybrid", "step").

Invariant: precision is what Tigon's row states: float32 products are in float32 unless the row is called tf32.
"""
import time

import torch
import torch.nn.functional as F

from models import MODELS
from values import labels, normal, sample

CUDA = torch.cuda.is_available()
DEVICE = torch.device("cuda" if CUDA else "cpu")
LEARNING_RATE = 0.01
DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32, "tf32": torch.float32}


def wait():
    if CUDA:
        torch.cuda.synchronize()


def array(name, shape, dtype=torch.float32):
    size = 1
    for d in shape:
        size *= d
    return torch.from_numpy(normal(name, size)).reshape(shape).to(DEVICE).to(dtype)


class Prepared:
    """Work to be timed: `timed()` is in milliseconds."""

    def __init__(self, enqueue, together, check, compile_ms=None, **floor):
        self.enqueue, self.together = enqueue, together
        self.figures = {"check": check, **floor}
        if compile_ms is not None:
            self.figures["compileMs"] = compile_ms

    def timed(self):
        start = time.perf_counter()
        for _ in range(self.together):
            self.enqueue()
        wait()
        return 1000 * (time.perf_counter() - start) / self.together


def pure(fn, make, together, **floor):
    def prepare():
        args = make()
        with torch.no_grad():
            start = time.perf_counter()
            result = fn(*args)
            wait()
            compile_ms = 1000 * (time.perf_counter() - start)

        def enqueue():
            with torch.no_grad():
                fn(*args)

        return Prepared(enqueue, together, sample(result.float().cpu()), compile_ms, **floor)

    return prepare


def precision(tf32):
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32


def product(name, n, together):
    def prepare():
        precision(name == "tf32")
        make = lambda: [array(x, [n, n], DTYPES[name]) for x in "ab"]
        return pure(torch.matmul, make, together, flops=2 * n**3)()

    return prepare


def chain(x):
    y = torch.tanh(torch.relu(x * 1.01 + 0.1) - 0.05) * 2 + 1
    return torch.sqrt(torch.square(y * 0.5 - 0.25) + 1)


def softmax(x):
    return F.softmax(x, 1)


def layer_norm(x):
    c = x - x.mean(1, keepdim=True)
    return c / (c.square().mean(1, keepdim=True) + 1e-5).sqrt()


def compiled(fn):
    return torch.compile(fn, dynamic=False)


def attention(causal):
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=causal)


def inputs_of_classes(count, below):
    return torch.from_numpy(labels("labels", count, below)).to(DEVICE)


def inputs(name, size):
    """The batch of a net, its classes and how many there are."""
    if name == "gpt":
        batch, length, words = size["batch"], size["length"], size["vocabulary"]
        tokens = torch.from_numpy(labels("tokens", batch * length, words)).reshape(batch, length)
        return tokens.to(DEVICE), torch.from_numpy(labels("labels", batch * length, words)).to(DEVICE)
    batch = size["batch"]
    shape = {
        "mlp": lambda: ("images", [batch, size["widths"][0]]),
        "lenet": lambda: ("images", [batch, 1, 28, 28]),
        "resnet": lambda: ("images", [batch, 3, 32, 32]),
        "lstm": lambda: ("sequence", [size["steps"], batch, size["inputs"]]),
    }[name]()
    classes = size["widths"][-1] if name == "mlp" else 10
    return array(*shape), inputs_of_classes(batch, classes)


def parameters(table, dtype):
    made = {}
    for spec in table:
        size = 1
        for d in spec["shape"]:
            size *= d
        if spec["fill"] == "normal":
            values = torch.from_numpy(normal(spec["name"], size, spec["scale"]))
        else:
            values = torch.full([size], 1.0 if spec["fill"] == "ones" else 0.0)
        made[spec["name"]] = (
            values.reshape(spec["shape"]).to(DEVICE).to(dtype).requires_grad_(True)
        )
    return made


def train(name, spec, mode):
    def prepare():
        precision(False)
        size = spec["sizes"][name]
        dtype = torch.bfloat16 if name == "gpt" else torch.float32
        p = parameters(spec["models"][name], dtype)
        x, y = inputs(name, size)
        optimizer = torch.optim.SGD(p.values(), lr=LEARNING_RATE)

        def forward(x, y):
            scores = MODELS[name](p, x, size).float()
            return F.cross_entropy(scores.reshape(y.numel(), -1), y)

        loss_of = compiled(forward) if mode == "step" else forward

        def step():
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(x, y)
            loss.backward()
            optimizer.step()
            return loss

        start = time.perf_counter()
        check = [step().item()]
        compile_ms = 1000 * (time.perf_counter() - start)
        check += [step().item() for _ in range(2)]
        # the loss is read at each step, as on the other side
        return Prepared(lambda: step().item(), 1, check, compile_ms if mode == "step" else None)

    return prepare


ROW_OF = {
    "mlp": "mlp-step",
    "lenet": "lenet-step",
    "resnet": "resnet20-step",
    "lstm": "lstm-step",
    "gpt": "gpt2-step",
}


def rows(spec, compiles):
    """Rows by name, then by mode."""
    sizes = spec["sizes"]
    together = sizes["together"]
    all_rows = {}
    for name in DTYPES:
        for n in sizes["gemm"]:
            if CUDA or name in ("f32", "tf32"):
                all_rows[f"gemm-{name}-{n}"] = {"imperative": product(name, n, together)}
    shape = [sizes["rows"], sizes["columns"]]
    traffic = 2 * 4 * shape[0] * shape[1]
    make = lambda: [array("x", shape)]
    all_rows["copy-large"] = {"imperative": pure(torch.clone, make, together, bytes=traffic)}
    for name, fn in (("chain12", chain), ("softmax", softmax), ("layernorm", layer_norm)):
        modes = {"imperative": pure(fn, make, together, bytes=traffic)}
        if compiles:
            modes["hybrid"] = pure(compiled(fn), make, together, bytes=traffic)
        all_rows[f"{name}-large"] = modes
    for a in sizes["attention"] if hasattr(F, "scaled_dot_product_attention") else []:
        shape4 = [a["batch"], a["heads"], a["length"], a["depth"]]
        flops = 4 * a["batch"] * a["heads"] * a["length"] ** 2 * a["depth"]
        name = f"attention-{a['length']}x{a['depth']}{'-causal' if a['causal'] else ''}"
        qkv = lambda shape4=shape4: [array(x, shape4, torch.bfloat16) for x in "qkv"]
        flops = flops * (0.5 if a["causal"] else 1)
        all_rows[name] = {"imperative": pure(attention(a["causal"]), qkv, together, flops=flops)}
    for name, row in ROW_OF.items():
        modes = {"imperative": train(name, spec, "imperative")}
        if compiles:
            modes["step"] = train(name, spec, "step")
        all_rows[row] = modes
    return all_rows
