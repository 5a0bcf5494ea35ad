// TensorBoard's event files, read by a parser that shares nothing with the writer: Google's protocol buffers
// and a library's CRC-32C.
#include "program_fixture.hpp"
#include "same_run.hpp"

using namespace program_test;

namespace {

/// Prints "START step" of a session's start and "step tag value" of every scalar, of all event files of a
/// folder in the order of their names.
const char* const kReader = R"(
import glob, struct, sys
import crcmod.predefined
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

F = descriptor_pb2.FieldDescriptorProto
file = descriptor_pb2.FileDescriptorProto(name="event.proto", package="t", syntax="proto3")
def message(name, *fields):
    m = file.message_type.add(name=name)
    for number, field, kind, label, of in fields:
        m.field.add(name=field, number=number, type=kind, label=label, type_name=of)
one, many = F.LABEL_OPTIONAL, F.LABEL_REPEATED
message("Value", (1, "tag", F.TYPE_STRING, one, None), (2, "simple_value", F.TYPE_FLOAT, one, None))
message("Summary", (1, "value", F.TYPE_MESSAGE, many, ".t.Value"))
message("SessionLog", (1, "status", F.TYPE_INT32, one, None))
message("Event", (1, "wall_time", F.TYPE_DOUBLE, one, None), (2, "step", F.TYPE_INT64, one, None),
        (3, "file_version", F.TYPE_STRING, one, None),
        (5, "summary", F.TYPE_MESSAGE, one, ".t.Summary"),
        (7, "session_log", F.TYPE_MESSAGE, one, ".t.SessionLog"))
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
Event = message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName("t.Event"))
crc = crcmod.predefined.mkCrcFun("crc-32c")
def masked(data):
    c = crc(data)
    return ((c >> 15 | c << 17) + 0xa282ead8) & 0xffffffff
for path in sorted(glob.glob(sys.argv[1] + "/events.out.tfevents.*")):
    data, at, first = open(path, "rb").read(), 0, True
    while at < len(data):
        (length,), (sum,) = struct.unpack_from("<Q", data, at), struct.unpack_from("<I", data, at + 8)
        assert masked(data[at:at + 8]) == sum
        body = data[at + 12:at + 12 + length]
        assert masked(body) == struct.unpack_from("<I", data, at + 12 + length)[0]
        at += 16 + length
        event = Event.FromString(body)
        assert event.wall_time > 1.7e9
        assert (event.file_version == "brain.Event:2") == first
        first = False
        if event.session_log.status: print("START", event.step)
        for v in event.summary.value: print(event.step, v.tag, "%.9g" % v.simple_value)
)";

Result read(const fs::path& folder) {
  return run({"/usr/bin/python3", "-c", kReader, folder.string()}, folder);
}

}  // namespace

TEST_CASE(
    "--tensorboard writes every row of metrics.csv as events that an independent reader takes, a file for "
    "each start") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(with(tiny_training("r", "squares=data",
                                 {"--tensorboard", "true", "--eval-data", "held=data", "--eval-every", "2",
                                  "--eval-steps", "2", "--eval-seeds", "1"}),
                   "--updates", "3"),
              folder.path)
              .code == 0);
  REQUIRE(run(program({"resume", "r", "--updates", "5"}), folder.path).code == 0);
  const Result events = read(folder / "r");
  CAPTURE(events.err);
  REQUIRE(events.code == 0);
  CHECK(contains(events.out, "START 1\n"));
  CHECK(contains(events.out, "START 4\n"));
  for (const char* evaluated : {"2 evaluation_accuracy/held.2 0.", "4 evaluation_objective/held.2 "})
    CHECK(contains(events.out, evaluated));
  CHECK(run(program({"verify", "r"}), folder.path).code == 0);
  // The numbers are the same as in metrics.csv, rounded to float32.
  const Result same = run({"/usr/bin/python3", "-c", R"(
import csv, sys, numpy as np
events = {}
for line in sys.argv[1].split("\n"):
    if line and not line.startswith("START"):
        step, tag, value = line.split()
        assert (step, tag) not in events
        events[step, tag] = float(value)
names = {"objective_first": "objective/first", "objective_last": "objective/last",
         "gradient_norm": "gradient_norm/all", "objective_last.squares": "objective_last/squares",
         "mean_age": "tasks/mean_age"}
rows = list(csv.DictReader(open("r/metrics.csv")))
for row in rows:
    for column, tag in names.items():
        assert np.isclose(float(row[column]), events[row["update"], tag], rtol=1e-6), (row["update"], column)
print(len(rows))
)",
                           events.out},
                          folder.path);
  CAPTURE(same.err);
  CHECK(same.out == "5\n");

  // It changes no bits, and a run without it has none.
  REQUIRE(run(with(tiny_training("plain", "squares=data"), "--updates", "5"), folder.path).code == 0);
  CHECK(arrays(folder / "plain") == arrays(folder / "r"));
  CHECK(read(folder / "plain").out.empty());
}
