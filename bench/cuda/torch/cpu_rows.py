"""PyTorch on the rows of bench/tigon/rows.ts and net-rows.ts, on the CPU, eager.

Invariant: the same numbers as Tigon starts from (`spec["models"]`), with as many threads as `spec["threads"]`.
"""
import time

import torch
import torch.nn.functional as F

from rows import Prepared, array, chain, inputs_of_classes, layer_norm, parameters, pure, softmax
from values import sample

CUDA = False


def _dense(p, x, name):
    return F.linear(x, p[name], p[f"{name}.bias"])


def _dense_layers(names):
    def forward(p, x, _):
        for i, name in enumerate(names):
            x = _dense(p, x, name)
            if i < len(names) - 1:
                x = F.relu(x)
        return x

    return forward


def _lenet(p, x, _):
    for name in ("lenet0", "lenet1"):
        x = F.max_pool2d(F.relu(F.conv2d(x, p[name], p[f"{name}.bias"])), 2)
    return _dense(p, F.relu(_dense(p, x.flatten(1), "lenet2")), "lenet3")


def _conv_norm(p, x, name, padding, stride, training):
    y = F.conv2d(x, p[f"{name}.weight"], stride=stride, padding=padding)
    channels = y.shape[1]
    # prediction: the running statistics of a net that was never trained
    statistics = (None, None) if training else (torch.zeros(channels), torch.ones(channels))
    return F.batch_norm(y, *statistics, p[f"{name}.gamma"], p[f"{name}.beta"], training=training)


def _residuals(p, x, blocks, training):
    for block in blocks:
        name, wider = block["name"], block["inputs"] != block["outputs"]
        stride = 2 if wider else 1
        y = F.relu(_conv_norm(p, x, f"{name}.first", 1, stride, training))
        y = _conv_norm(p, y, f"{name}.second", 1, 1, training)
        x = F.relu(y + (_conv_norm(p, x, f"{name}.shortcut", 0, 2, training) if wider else x))
    return x.mean((2, 3))


def _resnet18(p, x, size):
    x = F.relu(_conv_norm(p, x, "resnet18.stem", 3, 2, False))
    x = _residuals(p, F.max_pool2d(x, 3, 2, 1), size["blocks"], False)
    return F.linear(x, p["resnet18.head.weight"], p["resnet18.head.bias"])


def _resnet20(p, x, size):
    x = F.relu(_conv_norm(p, x, "resnet.stem", 1, 1, True))
    x = _residuals(p, x, size["blocks"], True)
    return F.linear(x, p["resnet.head.weight"], p["resnet.head.bias"])


def _lstm(p, x, size):
    zeros = x.new_zeros(1, size["batch"], size["hidden"])
    weights = [p[f"lstm.{w}"] for w in ("input", "hidden", "input.bias", "hidden.bias")]
    return torch.lstm(x, [zeros, zeros], weights, True, 1, 0.0, True, False, False)[0]


def _transformer(p, x, size):
    batch, length, width, heads = (size[k] for k in ("batch", "length", "width", "heads"))
    dense = lambda x, name: F.linear(
        x, p[f"transformer.{name}.weight"], p[f"transformer.{name}.bias"]
    )
    norm = lambda x, name: F.layer_norm(
        x, [width], p[f"transformer.{name}.gamma"], p[f"transformer.{name}.beta"]
    )
    apart = lambda y: y.view(batch, length, heads, width // heads).transpose(1, 2)
    q, k, v = (apart(dense(x, name)) for name in ("query", "key", "value"))
    shares = (q @ k.transpose(-1, -2) / (width // heads) ** 0.5).softmax(-1)
    seen = (shares @ v).transpose(1, 2).reshape(batch, length, width)
    x = norm(x + dense(seen, "output"), "norm1")
    return norm(x + dense(F.relu(dense(x, "up")), "down"), "norm2")


def _predict(net, spec, model, x, size):
    def prepare():
        p = parameters(spec["models"][model], torch.float32)
        return pure(lambda x: net(p, x, size), lambda: [x()], 1)()

    return {"imperative": prepare}


def _train(net, spec, model, x, y, loss_of, rate, size):
    def prepare():
        p = parameters(spec["models"][model], torch.float32)
        a, b = x(), y()
        optimizer = torch.optim.SGD(p.values(), lr=rate)

        def step():
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(net(p, a, size), b)
            loss.backward()
            optimizer.step()
            return loss

        check = [step().item() for _ in range(3)]
        return Prepared(lambda: step().item(), 1, check)

    return {"imperative": prepare}


def _repeated(net, spec, model, x, times):
    def prepare():
        p = parameters(spec["models"][model], torch.float32)
        a = x()
        with torch.no_grad():
            check = sample(net(p, a, None))

        def run():
            with torch.no_grad():
                for _ in range(times):
                    net(p, a, None)

        return Prepared(run, 1, check)

    return {"imperative": prepare}


def _tiny(size):
    def work(x):
        y = x
        for _ in range(size["repeats"]):
            y = y + x
        return y

    return {"imperative": pure(work, lambda: [array("tiny", [size["size"]])], 1)}


def rows(spec, _):
    """Rows by name, then by mode."""
    torch.set_num_threads(spec["threads"])
    sizes = spec["sizes"]
    all_rows = {}
    for n in sizes["matmul"]:
        make = lambda n=n: [array(x, [n, n]) for x in "ab"]
        all_rows[f"matmul-{n}"] = {"imperative": pure(torch.matmul, make, 1)}
    table = [sizes["rows"]["rows"], sizes["rows"]["columns"]]
    for name, fn, shape in (
        ("chain12", chain, [sizes["chain"]]),
        ("softmax", softmax, table),
        ("layernorm", layer_norm, table),
    ):
        make = lambda shape=shape: [array("x", shape)]
        all_rows[name] = {"imperative": pure(fn, make, 1)}
    all_rows["tiny-op"] = _tiny(sizes["tiny"])

    numbers = lambda name, *shape: lambda: array(name, list(shape))
    batch, rate = sizes["batch"], sizes["learningRate"]
    book = _dense_layers(["book0", "book1", "book2"])
    forwards = sizes["bookForwards"]
    all_rows["hybridize-mlp"] = _repeated(book, spec, "book", numbers("book", 1, 512), forwards)
    mlp = _dense_layers(["mlp0", "mlp1", "mlp2"])
    flat, images = numbers("images", batch, 784), numbers("images", batch, 1, 28, 28)
    classes = lambda count: lambda: inputs_of_classes(count, 10)
    entropy = F.cross_entropy
    all_rows["mlp-train"] = _train(mlp, spec, "mlp", flat, classes(batch), entropy, rate, None)
    all_rows["lenet-train"] = _train(
        _lenet, spec, "lenet", images, classes(batch), entropy, rate, None
    )
    all_rows["mlp-forward"] = _predict(mlp, spec, "mlp", flat, None)
    all_rows["lenet-forward"] = _predict(_lenet, spec, "lenet", images, None)

    net_rate = sizes["netLearningRate"]
    size = sizes["resnet18"]
    photograph = numbers("images", size["batch"], 3, size["side"], size["side"])
    all_rows["resnet18-forward"] = _predict(_resnet18, spec, "resnet18", photograph, size)
    size = sizes["resnet20"]
    pictures = numbers("images", size["batch"], 3, size["side"], size["side"])
    some = classes(size["batch"])
    all_rows["resnet20-train"] = _train(
        _resnet20, spec, "resnet20", pictures, some, entropy, net_rate, size
    )
    for name, net, axes in (
        ("lstm", _lstm, ("steps", "batch", "inputs")),
        ("transformer", _transformer, ("batch", "length", "width")),
    ):
        size = sizes[name]
        shape = [size[axis] for axis in axes]
        x, y = numbers("sequence", *shape), numbers("target", *shape)
        all_rows[f"{name}-forward"] = _predict(net, spec, name, x, size)
        all_rows[f"{name}-train"] = _train(net, spec, name, x, y, F.mse_loss, net_rate, size)
    return all_rows
