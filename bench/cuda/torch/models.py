"""The nets of bench/cuda/models.ts as functions of named parameters.

Invariant: parameters come from the table that Tigon's nets are filled from, in its order and with its names.
"""
import torch
import torch.nn.functional as F


def mlp(p, x, size):
    layers = len(size["widths"]) - 1
    for i in range(layers):
        x = F.linear(x, p[f"mlp.{i}.weight"], p[f"mlp.{i}.bias"])
        if i < layers - 1:
            x = F.relu(x)
    return x


def lenet(p, x, _):
    x = F.max_pool2d(F.relu(F.conv2d(x, p["lenet.0.weight"], p["lenet.0.bias"])), 2)
    x = F.max_pool2d(F.relu(F.conv2d(x, p["lenet.1.weight"], p["lenet.1.bias"])), 2)
    x = F.relu(F.linear(x.flatten(1), p["lenet.2.weight"], p["lenet.2.bias"]))
    return F.linear(x, p["lenet.3.weight"], p["lenet.3.bias"])


def _conv_norm(p, x, name, padding, stride=1):
    y = F.conv2d(x, p[f"{name}.weight"], stride=stride, padding=padding)
    return F.batch_norm(y, None, None, p[f"{name}.gamma"], p[f"{name}.beta"], training=True)


def resnet(p, x, size):
    x = F.relu(_conv_norm(p, x, "resnet.stem", 1))
    for stage in range(3):
        for i in range(size["blocks"]):
            name = f"resnet.{stage}.{i}"
            wider = f"{name}.shortcut.weight" in p
            y = F.relu(_conv_norm(p, x, f"{name}.first", 1, 2 if wider else 1))
            y = _conv_norm(p, y, f"{name}.second", 1)
            x = F.relu(y + (_conv_norm(p, x, f"{name}.shortcut", 0, 2) if wider else x))
    return F.linear(x.mean((2, 3)), p["resnet.head.weight"], p["resnet.head.bias"])


def lstm(p, x, size):
    batch, hidden = size["batch"], size["hidden"]
    zeros = x.new_zeros(1, batch, hidden)
    none = torch.zeros_like(p["lstm.bias"])
    weights = [p["lstm.input"], p["lstm.hidden"], p["lstm.bias"], none]
    # cuDNN's LSTM: gates in the order input, forget, cell, output
    _, h, _ = torch.lstm(x, [zeros, zeros], weights, True, 1, 0.0, True, False, False)
    return F.linear(h[0], p["lstm.head.weight"], p["lstm.head.bias"])


def _attention(q, k, v):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    length = q.shape[-2]
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    later = torch.ones(length, length, dtype=torch.bool, device=q.device).triu(1)
    return scores.masked_fill(later, float("-inf")).softmax(-1) @ v


def gpt(p, tokens, size):
    batch, length = tokens.shape
    width, heads = size["width"], size["heads"]
    norm = lambda x, name: F.layer_norm(x, [width], p[f"{name}.gamma"], p[f"{name}.beta"])
    dense = lambda x, name: F.linear(x, p[f"{name}.weight"], p[f"{name}.bias"])
    x = F.embedding(tokens, p["gpt.words"]) + p["gpt.places"]
    for i in range(size["layers"]):
        name = f"gpt.{i}"
        qkv = dense(norm(x, f"{name}.norm1"), f"{name}.qkv").chunk(3, -1)
        q, k, v = (y.view(batch, length, heads, width // heads).transpose(1, 2) for y in qkv)
        seen = _attention(q, k, v).transpose(1, 2).reshape(batch, length, width)
        x = x + dense(seen, f"{name}.project")
        x = x + dense(F.gelu(dense(norm(x, f"{name}.norm2"), f"{name}.up")), f"{name}.down")
    return F.linear(norm(x, "gpt.norm"), p["gpt.words"])


MODELS = {"mlp": mlp, "lenet": lenet, "resnet": resnet, "lstm": lstm, "gpt": gpt}
