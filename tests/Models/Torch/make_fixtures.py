"""Writes checkpoint_protocol2.pth and checkpoint_protocol4.pth beside this file: what torch.save makes of an nnU-Net v2
checkpoint, without torch or numpy. Modules of their names stand in for them, so that Python's own pickle writes the bytes.

    python3 tests/Models/Torch/make_fixtures.py
"""

import collections
import io
import pathlib
import pickle
import struct
import sys
import types
import zipfile

FOLDER = pathlib.Path(__file__).parent


def module(name, **members):
    made = types.ModuleType(name)
    for key, value in members.items():
        setattr(made, key, value)
        value.__module__ = name
        value.__qualname__ = value.__name__ = key
    sys.modules[name] = made
    return made


class Reduced:
    """An object that pickles as a call of a global."""

    def __init__(self, function, arguments, state=None):
        self.parts = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.parts


def function():
    def called(*arguments):
        raise RuntimeError("only its name is written")

    return called


def storage_class():
    return type("Storage", (), {})


KINDS = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Byte", "Bool")
torch = module("torch", device=function(), bfloat16=function(), **{f"{kind}Storage": storage_class() for kind in KINDS})
utils = module("torch._utils", _rebuild_tensor_v2=function(), _rebuild_tensor_v3=function(), _rebuild_parameter=function())
untyped = module("torch.storage", UntypedStorage=storage_class())
multiarray = module("numpy._core.multiarray", scalar=function(), _reconstruct=function())
module("numpy._core")
numpy = module("numpy", dtype=function(), ndarray=type("ndarray", (), {}))

class Storage:
    def __init__(self, kind, code, values, raw=None):
        self.kind, self.count = kind, len(values)
        self.data = raw if raw is not None else struct.pack(f"<{len(values)}{code}", *values)


def brain_float(value):
    return struct.pack("<f", value)[2:]


def tensor(storage, shape, strides=None, offset=0):
    if strides is None:
        strides, step = [], 1
        for size in reversed(shape):
            strides.insert(0, step)
            step *= max(size, 1)
    return Reduced(utils._rebuild_tensor_v2,
                   (storage, offset, tuple(shape), tuple(strides), False, collections.OrderedDict()))


class Pickler(pickle.Pickler):
    def __init__(self, stream, protocol):
        super().__init__(stream, protocol)
        self.storages = []

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        if value not in self.storages:
            self.storages.append(value)
        return ("storage", value.kind, str(self.storages.index(value)), "cuda:0", value.count)


def float64(value):
    kind = Reduced(numpy.dtype, ("f8", False, True), (3, "<", None, None, None, -1, -1, 0))
    return Reduced(multiarray.scalar, (kind, struct.pack("<d", value)))


def array():
    kind = Reduced(numpy.dtype, ("f4", False, True), (3, "<", None, None, None, -1, -1, 0))
    return Reduced(multiarray._reconstruct, (numpy.ndarray, (0,), b"b"), (1, (2,), kind, False, struct.pack("<2f", 1, 2)))


def checkpoint():
    ten = Storage(torch.FloatStorage, "f", range(10))
    shared = tensor(ten, (2, 3))
    weights = collections.OrderedDict([
        ("plain", shared),
        ("transposed", tensor(ten, (3, 2), (1, 3))),
        ("offset", tensor(ten, (2, 2), (2, 1), 6)),
        ("expanded", tensor(ten, (2, 3), (0, 1), 4)),
        ("alias", tensor(ten, (2, 3))),
        ("double", tensor(Storage(torch.DoubleStorage, "d", [0.5, -0.25]), (2,))),
        ("half", tensor(Storage(torch.HalfStorage, "e", [0.5, -2, 65504]), (3, 1))),
        ("brain", tensor(Storage(torch.BFloat16Storage, None, [1, 2],
                                 brain_float(1.5) + brain_float(-3)), (2,))),
        ("long", tensor(Storage(torch.LongStorage, "q", [2 ** 40]), ())),
        ("int", tensor(Storage(torch.IntStorage, "i", [-7, 7]), (2,))),
        ("byte", tensor(Storage(torch.ByteStorage, "B", [0, 255]), (2,))),
        ("flag", tensor(Storage(torch.BoolStorage, "?", [True, False]), (2,))),
        ("empty", tensor(Storage(torch.FloatStorage, "f", []), (0, 3))),
        ("parameter", Reduced(utils._rebuild_parameter, (tensor(ten, (1,), None, 9), True, collections.OrderedDict()))),
        ("untyped", Reduced(utils._rebuild_tensor_v3, (
            Storage(untyped.UntypedStorage, None, range(4), brain_float(4) + brain_float(5)),
            1, (1,), (1,), False, collections.OrderedDict(), torch.bfloat16))),
    ])
    weights = collections.OrderedDict((f"module._orig_mod.{name}", value) for name, value in weights.items())
    weights._metadata = collections.OrderedDict([("", {"version": 1})])
    moment = tensor(Storage(torch.FloatStorage, "f", range(6)), (2, 3))
    return {
        "network_weights": weights,
        "optimizer_state": {
            "state": {0: {"momentum_buffer": moment}, 1: {"momentum_buffer": None}},
            "param_groups": [{"lr": 0.01, "nesterov": True, "betas": (0.9, 0.999), "params": [0, 1], "big": 2 ** 80}],
        },
        "grad_scaler_state": {"scale": 65536.0, "growth_interval": 2000, "_growth_tracker": 3},
        "logging": {"mean_fg_dice": [float64(0.5)], "ema": array(), "sets": {1, 2}, "frozen": frozenset([3]),
                    "counted": collections.defaultdict(list, {"a": [1]}), "raw": b"\x00\xff", "z": 1 + 2j},
        "_best_ema": float64(0.75),
        "current_epoch": 1000,
        "init_args": {
            "plans": {"plans_name": "nnUNetPlans", "configurations": {"3d_fullres": {"patch_size": [32, 64, 48],
                      "spacing": [1.0, 0.5, 0.5]}}, "é": None},
            "configuration": "3d_fullres",
            "fold": 2,
            "dataset_json": {"channel_names": {"0": "CT"}, "labels": {"background": 0, "organ": 1}},
            "unpack_dataset": True,
            "device": Reduced(torch.device, ("cuda", 0)),
        },
        "trainer_name": "nnUNetTrainer",
        "inference_allowed_mirroring_axes": (0, 1, 2),
    }


def save(path, content, protocol):
    pickled = io.BytesIO()
    pickler = Pickler(pickled, protocol)
    pickler.dump(content)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        def record(name, data):
            archive.writestr(zipfile.ZipInfo(f"{path.stem}/{name}", (1980, 1, 1, 0, 0, 0)), data)

        record("data.pkl", pickled.getvalue())
        record("byteorder", b"little")
        for key, storage in enumerate(pickler.storages):
            record(f"data/{key}", storage.data)
        record("version", b"3\n")


for number in (2, 4):
    save(FOLDER / f"checkpoint_protocol{number}.pth", checkpoint(), number)
