"""Reads a .pth file under the rules of torch.load(weights_only=True), without torch: the instructions and names of
pytorch/pytorch's torch/_weights_only_unpickler.py and nothing else (of them, those that this program writes), records that lie uncompressed and hold what their
storages say. Prints each tensor's name, type, shape and first numbers; ends with 1 where something is not allowed.

    python3 tests/Models/Torch/check_written.py FILE.pth
"""

import pickletools
import struct
import sys
import zipfile

ALLOWED_INSTRUCTIONS = {
    "PROTO", "STOP", "GLOBAL", "NEWOBJ", "REDUCE", "BUILD", "APPEND", "APPENDS", "SETITEM", "SETITEMS", "MARK", "TUPLE",
    "TUPLE1", "TUPLE2", "TUPLE3", "NONE", "NEWFALSE", "NEWTRUE", "EMPTY_TUPLE", "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET",
    "BININT", "BININT1", "BININT2", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING", "BINPERSID", "BINGET", "LONG_BINGET",
    "BINPUT", "LONG_BINPUT", "LONG1"}
STORAGES = {
    "DoubleStorage": "d", "FloatStorage": "f", "HalfStorage": "e", "BFloat16Storage": "H", "LongStorage": "q",
    "IntStorage": "i", "ShortStorage": "h", "CharStorage": "b", "ByteStorage": "B", "BoolStorage": "?"}
ALLOWED_GLOBALS = {"collections OrderedDict", "torch._utils _rebuild_tensor_v2"} | {f"torch {name}" for name in STORAGES}


def load(archive, folder):
    stack, marks = [], []

    def to_mark():
        place = marks.pop()
        items = stack[place:]
        del stack[place:]
        return items

    for instruction, argument, _ in pickletools.genops(archive.read(folder + "data.pkl")):
        name = instruction.name
        if name not in ALLOWED_INSTRUCTIONS:
            raise ValueError(f"the instruction {name}")
        if name == "GLOBAL":
            if argument not in ALLOWED_GLOBALS:
                raise ValueError(f"the name {argument}")
            stack.append(argument)
        elif name == "MARK":
            marks.append(len(stack))
        elif name == "TUPLE":
            stack.append(tuple(to_mark()))
        elif name in ("SETITEMS", "APPENDS"):
            items = to_mark()
            if name == "APPENDS":
                stack[-1].extend(items)
            else:
                stack[-1].update(zip(items[::2], items[1::2]))
        elif name == "EMPTY_DICT":
            stack.append({})
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name == "EMPTY_TUPLE":
            stack.append(())
        elif name == "NONE":
            stack.append(None)
        elif name in ("NEWTRUE", "NEWFALSE"):
            stack.append(name == "NEWTRUE")
        elif name == "BINPERSID":
            kind, storage, key, place, count = stack.pop()
            assert (kind, place) == ("storage", "cpu")
            code = STORAGES[storage.split()[1]]
            entry = archive.getinfo(f"{folder}data/{key}")
            assert entry.compress_type == zipfile.ZIP_STORED and entry.file_size == count * struct.calcsize("<" + code)
            stack.append((code, struct.unpack(f"<{count}{code}", archive.read(entry))))
        elif name == "REDUCE":
            arguments, called = stack.pop(), stack.pop()
            if called == "collections OrderedDict":
                stack.append({})
            else:
                (code, numbers), offset, shape, strides, gradient, hooks = arguments
                assert gradient is False and hooks == {} and len(shape) == len(strides)
                last = offset + sum((size - 1) * step for size, step in zip(shape, strides))
                assert 0 in shape or 0 <= last < len(numbers)
                stack.append(("tensor", code, shape, numbers[offset:offset + 3]))
        elif name not in ("PROTO", "STOP"):
            stack.append(argument)
    content, = stack
    return content


def main(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        folder = archive.namelist()[0].partition("/")[0] + "/"
        assert archive.read(folder + "byteorder") == b"little" and archive.read(folder + "version") == b"3\n"
        content = load(archive, folder)
    weights = content.get("network_weights", content)
    for name, (_, code, shape, first) in weights.items():
        print(name, code, tuple(shape), *first)
    print(f"{len(weights)} tensors, and beside them {[key for key in content if key not in weights]}")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (ValueError, AssertionError, KeyError) as error:
        sys.exit(f"{sys.argv[1]}: not as this program writes files for torch.load(weights_only=True): {error!r}")
