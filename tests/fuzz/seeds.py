#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets, small inputs that reach most of each reader: seeds.py CORPUS

What the first bytes mean is said in targets.hpp. Inputs that were findings stand beside the seeds in the corpus.
"""

import gzip
import hashlib
import json
import io
import struct
import sys
import zipfile
from pathlib import Path

IMAGES, LABELS = b"\0", b"\1"


def idx(sizes, content):
    return struct.pack(f">BBBB{len(sizes)}I", 0, 0, 8, len(sizes), *sizes) + content


def safetensors(tensors, metadata=None):
    """tensors: {name: (dtype, shape, bytes)}"""
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def model():
    """A network 2-1-2 as the program writes it."""
    tensors = {
        "layers.0.weight": ("F32", [1, 2], floats(1, -2)), "layers.0.bias": ("F32", [1], floats(0.5)),
        "layers.1.weight": ("F32", [2, 1], floats(3, 4)), "layers.1.bias": ("F32", [2], floats(0, 1e-3)),
        "normalisation.shift": ("F32", [2], floats(1, 2)), "normalisation.scale": ("F32", [2], floats(1, 1)),
    }
    return safetensors(tensors, {"network": "dense(1,relu) dense(2,identity)", "inputs": "2", "normalisation": "mean",
                                 "loss": "softmax-cross-entropy", "dataset": "synthetic", "format": "pt"})


def as_written(content):
    """JSON as the program writes it."""
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


def listed(content, block):
    """What a manifest says of a file, of blocks of so many bytes, or as a whole with 0."""
    if block == 0:
        return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    digests = [hashlib.sha256(content[at:at + block]).hexdigest() for at in range(0, len(content), block)]
    return {"bytes": len(content), "block_bytes": block, "sha256_of_blocks": digests}


def manifest(files, blocks=None):
    """files: {name: bytes}; blocks: {name: bytes of a block}"""
    blocks = blocks or {}
    content = {name: listed(content, blocks.get(name, 0)) for name, content in files.items()}
    return as_written({"files": content, "format": 2 if blocks else 1})


def state(**changes):
    """The state.json of a training after 3 of 10 steps, 4 to an epoch."""
    interval = {"bytes_reduced": 1200, "correct": 4, "eta": 0.5, "lambda_max": 0.25, "lambda_min": 1e-3, "loss": 5.75,
                "samples": 8, "seconds": [0.5, 0, 0, 1e-6, 0, 2], "seconds_hidden": 0.1, "steps": 1}
    content = {"batch": 3, "batches_per_epoch": 4, "epoch": 0, "format": 1, "interval": interval,
               "method": {"restarts": 2, "step": 3}, "metrics_bytes": 512, "precision": "float32", "ranks": 2,
               "samples": 24, "seconds": 1.5, "step": 3, "steps": 10, "training_samples": 32, "version": "0.1.0"}
    return as_written({**content, **changes})


def packed(content):
    return gzip.compress(content, 9, mtime=0)


def npy(descr, sizes, content, order="False", version=1):
    text = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({', '.join(map(str, sizes))},), }}".encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + content


def npz(method=zipfile.ZIP_STORED, **changes):
    """Three samples of two features for training and one for the test, of two classes."""
    arrays = {"x_train": npy("<f4", [3, 2], floats(*range(6))), "y_train": npy("|u1", [3], b"\0\1\0"),
              "x_test": npy("<f4", [1, 2], floats(1, 2)), "y_test": npy("<i8", [1, 1], struct.pack("<q", 1))} | changes
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content, method)
    return file.getvalue()


def ini(method, lines):
    return f"# a run\ndataset = synthetic\nsynthetic-samples = 50\nsynthetic-features = 2\nmethod = {method}\n{lines}".encode()


CHECKPOINT = {"a": b"abc", "b": b"b", "c": b""}

SEEDS = {
    "idx": {
        "images": IMAGES + idx([3, 2, 2], bytes(range(12))),
        "images4d": IMAGES + idx([2, 3, 1, 2], bytes(12)),
        "labels": LABELS + idx([4], b"\0\1\2\1"),
        "labels_gzip": LABELS + packed(idx([4], b"\0\1\2\1")),
        "huge": IMAGES + idx([0xffffffff] * 4, b""),
        "cut": LABELS + idx([4], b"\0\1"),
        "empty": IMAGES + idx([0, 2, 2], b""),
    },
    "gzip": {
        "text": b"\7" + packed(b"Some text, some text, some text.")[2:],
        "two_members": b"\0" + (packed(b"one") + packed(b"two"))[2:],
        "named": b"\x40" + b"\x08\x08" + b"\0" * 6 + b"name\0" + packed(b"named")[10:],
        "stored": b"\3" + gzip.compress(b"stored", 0, mtime=0)[2:],
        "zeros": b"\xff" + packed(bytes(100000))[2:],
        "garbage": b"\x10" + packed(b"some")[2:] + b"garbage",
    },
    "npy": {
        "floats": npy("<f4", [3, 2], floats(*range(6))),
        "pictures": npy("|u1", [2, 2, 1, 3], bytes(12), version=2),
        "labels": npy("<i8", [2], struct.pack("<2q", 1, -1), version=3),
        "big_endian": npy(">f4", [1], floats(1)),
        "objects": npy("|O", [1], b"pickle"),
        "records": npy("<f4", [1], b"").replace(b"'<f4'", b"[('a', '<f4'), ('b', '|u1')]"),
        "fortran": npy("<f4", [1, 1], floats(1), order="True"),
        "huge": npy("<f8", [4611686018427387904, 4], b""),
        "long_header": b"\x93NUMPY\2\0\xff\xff\xff\xff{",
        "cut": npy("<f4", [3, 2], floats(1)),
        "empty": npy("<f4", [0, 2], b""),
    },
    "npz": {
        "stored": npz(),
        "deflated": npz(zipfile.ZIP_DEFLATED),
        "pictures": npz(x_train=npy("|u1", [3, 1, 2], bytes(6)), x_test=npy("|u1", [1, 1, 2], bytes(2))),
        "not_finite": npz(x_test=npy("<f4", [1, 2], floats(1, float("nan")))),
        "wrong_label": npz(y_test=npy("|u1", [1], b"\7")),
        "cut": npz()[:-30],
        "garbage": npz() + b"garbage",
        "zeros": npz(zipfile.ZIP_DEFLATED, x_train=npy("|u1", [3, 9000], bytes(27000))),
        "nothing": b"PK\5\6" + bytes(18),
    },
    "cifar10": {
        "first": b"\2" + b"\5" + bytes(range(100)),
        "last": b"\3" + bytes(100),
        "wrong_label": b"\2" + b"\x0b",
        "short": b"\0", "long": b"\4", "as_it_is": b"\6abc", "packed": b"\6" + packed(bytes(3073)),
    },
    "batch_list": {
        "rows": struct.pack("<4B6i", 2, 4, 39, 0, 0, 5, 39, 7, 7, 1),
        "held_out": struct.pack("<4B3i", 2, 0, 39, 5, 1, 10, 2),
        "beyond": struct.pack("<4B3i", 2, 0, 39, 0, 1, 40, -1),
        "not_whole": struct.pack("<4B5i", 2, 1, 39, 3, 1, 2, 4, 7, 8),
    },
    "safetensors": {
        "model": model(),
        "doubles": safetensors({"a": ("F64", [2], struct.pack("<2d", 1e300, -0.0)), "b": ("F32", [], floats(1))}),
        "empty_tensor": safetensors({"a": ("F32", [0, 3], b"")}),
        "none": safetensors({}),
        "overlap": safetensors({"a": ("F32", [1], floats(1))}).replace(b"[0,4]", b"[1,5]"),
        "too_large": safetensors({"a": ("F32", [4611686018427387904, 4], b"")}),
        "long_header": struct.pack("<Q", 1 << 40) + b"{}",
    },
    "manifest": {
        "all": manifest(CHECKPOINT),
        "empty_file": manifest({"c": b""}),
        "blocks": manifest(CHECKPOINT, {"a": 2, "b": 8}),
        "blocks_of_nothing": manifest(CHECKPOINT, {"c": 16}),
        "wrong_block": manifest({**CHECKPOINT, "a": b"abd"}, {"a": 2}),
        "a_block_too_few": manifest(CHECKPOINT, {"a": 2}).replace(b'"block_bytes": 2', b'"block_bytes": 1'),
        "no_block": manifest(CHECKPOINT, {"a": 2}).replace(b'"block_bytes": 2', b'"block_bytes": 0'),
        "nothing": manifest({}),
        "wrong_digest": manifest({**CHECKPOINT, "a": b"xyz"}),
        "wrong_size": manifest({**CHECKPOINT, "b": b"bb"}),
        "not_there": manifest({"d": b""}),
        "above": manifest({"../a": CHECKPOINT["a"]}),
        "escaped": manifest({"\u00e9\n\"": b""}),
        "zero_byte": manifest({"a\0": CHECKPOINT["a"]}),
        "not_as_written": json.dumps({"files": {}, "format": 1}).encode(),
        "deep": b"[" * 2000,
    },
    "state": {
        "sibp": state(),
        "no_method": state(method={}),
        "no_epoch": state(batches_per_epoch=0),
        "method_of_fractions": state(method={"step": 1e300}),
        "many_ranks": state(ranks=2**32 + 1),
        "interval_beyond_start": state(step=0),
        "negative": state(step=-1),
        "large": state(samples=2**63, steps=2**62),
        "other_precision": state(precision="float16"),
        "words": state(seconds="many"),
        "identified": state(run="0a" * 16, data={"training": "00" * 8, "validation": "9f" * 8, "test": "ff" * 8}),
        "no_digest": state(run="x", data={"training": "00", "validation": "0X" * 8, "test": "-" * 16}),
        "no_name": state(run="\u001b[2J", data={"training": "00" * 8}),
    },
    "status": {
        "running": as_written({"state": "running", "exit_status": None, "step": 0, "checkpoint": None, "run": "0a" * 16}),
        "stopped": as_written({"state": "stopped", "exit_status": 85, "checkpoint": "checkpoints/step-00000007"}),
        "first_version": as_written({"state": "done", "exit_status": 0, "step": 9, "message": "done"}),
        "other_place": as_written({"state": "done", "checkpoint": "../step-00000007"}),
        "no_name": as_written({"state": "done", "run": "\u001b[2J"}),
        "list": b"[]", "nothing": b"", "deep": b"[" * 2000,
    },
    "network": {
        "language": b"\0dense(500,relu) dense( 20 , leaky-relu )dense(10)",
        "widths": b"\1 500,300 ,20",
        "nothing": b"\1",
        "wide": b"\0dense(10000000,tanh) dense(10000000)",
        "unknown": b"\0conv(3,relu) dense(10,sigmoid)",
        "convolutions": b"\2conv(8,3,relu) maxpool(2) conv(16,kernel=3,stride=2,padding=0,gelu) meanpool dense(10)",
        "residuals": b"\2conv(8,3) norm relu residual( conv(8,3) norm relu residual(\n\tconv(8,1)\n) norm ) relu dense(10)",
        "projection": b"\2residual( conv(6,3,stride=2) norm(group=3,tanh) dropout(0.25) ) meanpool(2,stride=1) dense(10)",
        "pictures_of_widths": b"\3" + b"500,300",
        "not_closed": b"\2residual( residual( norm ) conv(4,3 dense(2)",
        "deep": b"\2" + b"residual( " * 50 + b"relu" + b" )" * 50 + b" dense(2)",
        "too_deep": b"\2" + b"residual(" * 51 + b"relu",
        "no_window": b"\2maxpool(15) conv(4,1,padding=1) norm(group=3) dropout(1) dense(2)",
    },
    "config": {
        "sibp": ini("sibp", "eta = 0.5\ndamping = absolute:2\ncarry = old\nform = normal,dual\nhidden = 2\n"),
        "proxprop": ini("proxprop", "outer = adam\ntau = 1\ncg-steps = 3\nlr = 1e-3\nbeta1 = 0.9\nbeta2 = 0.99\n"),
        "sgd": ini("sgd", "lr = 0.1\nmomentum = 0.9\nnesterov = on\nweight-decay = 1e-4\nschedule = cosine\n"),
        "published": ini("published", "eta = 0.1\ndamping = absolute:1\nwarmup-steps = 3\nsteps = 9\n"),
        "preset": b"preset = proxprop-cifar10\nbatch=11\nnetwork = dense(5,tanh) dense(10)\n",
        "files": b"dataset = idx\ntrain-images = a\ntrain-labels = /b\ntest-images = c\ntest-labels=d\n"
                 b"data-dir = ../e\nbatch-list = f\ninit = g.safetensors\nseed = 18446744073709551615\n",
        "sections": b"[data]\nseed = 1\n",
        "unknown": b"colour = 3\n# \xff\nbatch = 1\nbatch = 2\n",
    },
    "toml": {
        "values": b"# a run\ndataset = 'synthetic'\nhidden = [500, 300]\neta = 5e-1\nreproducible = true\nseed = 0xff\n",
        "lists": b"hidden = [[1], 2]\nnodes = []\n",
        "table": b"[data]\nseed = 1\n",
        "dotted": b"data.seed = 1\n",
        "date": b"seed = 2022-03-07T10:00:00Z\neta = inf\n",
        "unknown": b"colour = 3\n\"b\\u00e4tch\" = 1\n",
        "not_closed": b"hidden = \"5\n",
        "twice": b"seed = 1\nseed = 2\n",
        "deep": b"hidden = " + b"[" * 400,
    },
    "options": {
        "train": b"train\n--eta=0.5\n--hidden\n5,6\n--init\nnormal:0.05\nSIBP_LOGICAL_SHARDS=8\n--threads\n2",
        "evaluate": b"evaluate\n--model\nm.safetensors\n--split\nvalidation\n--validation\n5",
        "predict": b"predict\n--model\nm\n--predictions\np.csv\n--log-level\ndebug",
        "plan": b"plan\n--nodes\n1,2,4\n--ranks-per-node\n2\n--flops\n1e12\n--latency\n1e-6\n--bandwidth\n1e9\n"
                b"--features\n784\n--classes\n10\n--json\nf",
        "preset": b"--preset\npaper-mnist\n--log-every\n5\n--evaluate-every\n7\n--out\nx\n--progress\nbar\n--describe",
        "help": b"--help\n--version",
        "pair": b"--epochs\n1\n--steps\n2",
    },
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for target, inputs in SEEDS.items():
        folder = Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in inputs.items():
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
