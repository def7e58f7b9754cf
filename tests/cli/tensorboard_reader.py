"""Reads event files strictly, by the formats' descriptions alone: TFRecord framing with masked CRC-32C, protocol
buffers of Event, Summary, HistogramProto, TensorProto and SessionLog. Or with TensorBoard itself.

    tensorboard_reader.py own|tensorboard FOLDER     prints what a user would see, as JSON
"""
import json
import os
import struct
import sys


def crc32c(data, table=[]):
    if not table:
        for i in range(256):
            for _ in range(8):
                i = i >> 1 ^ (0x82F63B78 if i & 1 else 0)
            table.append(i)
    c = 0xFFFFFFFF
    for byte in data:
        c = c >> 8 ^ table[(c ^ byte) & 255]
    return c ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def masked(data):
    c = crc32c(data)
    return ((c >> 15 | c << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path):
    data = open(path, "rb").read()
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        if at + 16 + length > len(data):
            return  # the program was killed while it wrote
        head, body = data[at : at + 8], data[at + 12 : at + 12 + length]
        assert struct.unpack_from("<I", data, at + 8)[0] == masked(head), "checksum of a length"
        assert struct.unpack_from("<I", data, at + 12 + length)[0] == masked(body), "checksum of a record"
        at += 16 + length
        yield body


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data, wanted):
    """{field: values}; wanted: {field: wire type}. Anything else is refused."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        field, wire = key >> 3, key & 7
        assert wanted.get(field) == wire, (field, wire, wanted)
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 1:
            (value,), at = struct.unpack_from("<d", data, at), at + 8
        elif wire == 5:
            (value,), at = struct.unpack_from("<f", data, at), at + 4
        else:
            length, at = varint(data, at)
            assert at + length <= len(data)
            value, at = data[at : at + length], at + length
        found.setdefault(field, []).append(value)
    return found


def own(folder):
    seen = {"scalars": {}, "histograms": {}, "texts": {}}
    files = sorted(name for name in os.listdir(folder) if "tfevents" in name)
    for name in files:
        for number, record in enumerate(records(os.path.join(folder, name))):
            event = fields(record, {1: 1, 2: 0, 3: 2, 5: 2, 7: 2})
            step = event.get(2, [0])[0]
            assert event[1][0] > 1e9, "wall time"
            assert (number == 0) == (3 in event), "the version comes first"
            if number == 0:
                assert event[3] == [b"brain.Event:2"]
            if 7 in event:  # a session begins: what comes later by its step is void
                assert fields(event[7][0], {1: 0}) == {1: [1]}
                for kind in seen.values():
                    for tag in kind:
                        kind[tag] = [point for point in kind[tag] if point[0] < step]
            for summary in event.get(5, []):
                (body,) = fields(summary, {1: 2})[1]
                value = fields(body, {1: 2, 2: 5, 5: 2, 8: 2, 9: 2})
                tag = value[1][0].decode()
                if 2 in value:
                    seen["scalars"].setdefault(tag, []).append([step, value[2][0]])
                elif 5 in value:
                    h = fields(value[5][0], {1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 2, 7: 2})
                    limits, counts = (struct.unpack("<%dd" % (len(h[f][0]) // 8), h[f][0]) for f in (6, 7))
                    assert len(limits) == len(counts) and list(limits) == sorted(limits) and limits[-1] == h[2][0]
                    assert sum(counts) == h[3][0]
                    seen["histograms"].setdefault(tag, []).append([step, h[3][0], h[1][0], h[2][0], h[4][0]])
                else:
                    plugin = fields(fields(value[9][0], {1: 2})[1][0], {1: 2})
                    tensor = fields(value[8][0], {1: 0, 2: 2, 8: 2})
                    assert plugin[1] == [b"text"] and tensor[1] == [7]
                    seen["texts"].setdefault(tag, []).append([step, tensor[8][0].decode()])
    return seen


def tensorboard(folder):
    from tensorboard.backend.event_processing import event_accumulator as ea

    every = {kind: 0 for kind in ("scalars", "histograms", "tensors")}  # keep all
    board = ea.EventAccumulator(folder, size_guidance=every)
    board.Reload()
    tags = board.Tags()
    texts = {}
    for tag in tags["tensors"]:
        metadata = board.SummaryMetadata(tag)
        assert metadata.plugin_data.plugin_name == "text", metadata
        texts[tag] = [[e.step, e.tensor_proto.string_val[0].decode()] for e in board.Tensors(tag)]
    return {
        "scalars": {tag: [[e.step, e.value] for e in board.Scalars(tag)] for tag in tags["scalars"]},
        "histograms": {
            tag: [
                [e.step, e.histogram_value.num, e.histogram_value.min, e.histogram_value.max, e.histogram_value.sum]
                for e in board.Histograms(tag)
            ]
            for tag in tags["histograms"]
        },
        "texts": texts,
    }


print(json.dumps({"own": own, "tensorboard": tensorboard}[sys.argv[1]](sys.argv[2]), sort_keys=True, indent=1))
