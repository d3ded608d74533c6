#!/usr/bin/env python3
"""Reads the event files of a run: records by the format's description, events by protobuf.

Usage: tensorboard_test.py API_EXAMPLE
"""

import json
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
except ImportError:
    sys.exit(77)

PROGRAM = Path("build/tests/api_example")
FIELD = descriptor_pb2.FieldDescriptorProto
# The messages of tensorflow/core/util/event.proto and framework/summary.proto, as far as used.
MESSAGES = {
    "Event": [
        ("wall_time", 1, FIELD.TYPE_DOUBLE),
        ("step", 2, FIELD.TYPE_INT64),
        ("file_version", 3, FIELD.TYPE_STRING),
        ("summary", 5, "Summary"),
    ],
    "Summary": [("value", 1, "Value")],
    "Value": [
        ("tag", 1, FIELD.TYPE_STRING),
        ("simple_value", 2, FIELD.TYPE_FLOAT),
        ("image", 4, "Image"),
    ],
    "Image": [
        ("height", 1, FIELD.TYPE_INT32),
        ("width", 2, FIELD.TYPE_INT32),
        ("colorspace", 3, FIELD.TYPE_INT32),
        ("encoded_image_string", 4, FIELD.TYPE_BYTES),
    ],
}


def event_class():
    file = descriptor_pb2.FileDescriptorProto(name="event.proto", package="t", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            added = message.field.add(name=field, number=number, label=FIELD.LABEL_OPTIONAL)
            if isinstance(kind, str):
                added.type, added.type_name = FIELD.TYPE_MESSAGE, f".t.{kind}"
            else:
                added.type = kind
            if (name, field) == ("Summary", "value"):
                added.label = FIELD.LABEL_REPEATED
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName("t.Event"))


def remainder(byte):
    """Bit by bit, from the polynomial."""
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


REMAINDERS = [remainder(byte) for byte in range(256)]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ REMAINDERS[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def masked(crc):
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def read_records(data):
    at = 0
    while at < len(data):
        length, length_crc = struct.unpack_from("<QI", data, at)
        assert length_crc == masked(crc32c(data[at : at + 8])), "checksum of the length"
        payload = data[at + 12 : at + 12 + length]
        (crc,) = struct.unpack_from("<I", data, at + 12 + length)
        assert crc == masked(crc32c(payload)), "checksum of the data"
        yield payload
        at += 16 + length


class TensorBoard(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.dir = Path(temporary.name)
        subprocess.run([PROGRAM, self.dir], check=True, stdout=subprocess.DEVNULL)
        (self.run_folder,) = (self.dir / "runs").iterdir()

    def events(self):
        (path,) = (self.dir / "tensorboard" / self.run_folder.name).iterdir()
        self.assertRegex(path.name, r"\Aevents\.out\.tfevents\.\d+\..")
        event = event_class()
        return [event.FromString(record) for record in read_records(path.read_bytes())]

    def records(self, kind):
        lines = (self.run_folder / "events.jsonl").read_text().splitlines()
        return [record for record in map(json.loads, lines) if record["type"] == kind]

    def test_curves_and_sheets(self):
        first, *events = self.events()
        self.assertEqual(first.file_version, "brain.Event:2")
        times = [event.wall_time for event in (first, *events)]
        self.assertEqual(times, sorted(times))
        values = [(event.step, value) for event in events for value in event.summary.value]

        for tag, key in {"loss/discriminator": "d_loss", "loss/generator": "g_loss"}.items():
            curve = [(step, value.simple_value) for step, value in values if value.tag == tag]
            expected = [(record["step"], record[key]) for record in self.records("metrics")]
            self.assertEqual([step for step, _ in curve], [step for step, _ in expected])
            for (_, shown), (_, recorded) in zip(curve, expected):
                self.assertAlmostEqual(shown, recorded, delta=1e-5 * abs(recorded))
        self.assertTrue([value for _, value in values if value.tag == "sync/divergence"])

        sheets = [(step, value.image) for step, value in values if value.tag == "samples"]
        samples = self.records("samples")
        self.assertEqual(len(samples), 2)
        self.assertEqual([step for step, _ in sheets], [record["step"] for record in samples])
        for (_, image), record in zip(sheets, samples):
            png = (self.run_folder / record["path"]).read_bytes()
            self.assertEqual(image.encoded_image_string, png)
            self.assertEqual((image.width, image.height), struct.unpack_from(">II", png, 16))
            self.assertEqual(image.colorspace, 3)


if __name__ == "__main__":
    PROGRAM = Path(sys.argv[1]).resolve()
    unittest.main(argv=[sys.argv[0]])
