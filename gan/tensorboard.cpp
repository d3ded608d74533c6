#include "gan/tensorboard.h"

#include <unistd.h>

#include <bit>
#include <chrono>
#include <span>
#include <string>

#include "engine/cpu.h"
#include "engine/error.h"
#include "gan/crc32c.h"

namespace miniray {
namespace {

template <class Unsigned>
void append_little_endian(std::string& bytes, Unsigned value) {
  for (std::size_t i = 0; i < sizeof value; ++i) bytes += static_cast<char>(value >> (8 * i) & 255);
}

void append_varint(std::string& bytes, std::uint64_t value) {
  for (; value >= 128; value >>= 7) bytes += static_cast<char>((value & 127) | 128);
  bytes += static_cast<char>(value);
}

// A protobuf message under construction: fields in the order of their adding.
class Message {
 public:
  Message& add_int(int field, std::int64_t value) {
    key(field, kVarint);
    append_varint(bytes_, static_cast<std::uint64_t>(value));
    return *this;
  }
  Message& add_double(int field, double value) {
    key(field, kFixed64);
    append_little_endian(bytes_, std::bit_cast<std::uint64_t>(value));
    return *this;
  }
  Message& add_float(int field, float value) {
    key(field, kFixed32);
    append_little_endian(bytes_, std::bit_cast<std::uint32_t>(value));
    return *this;
  }
  // A string, bytes or another message.
  Message& add_bytes(int field, std::string_view bytes) {
    key(field, kLengthDelimited);
    append_varint(bytes_, bytes.size());
    bytes_ += bytes;
    return *this;
  }

  const std::string& bytes() const { return bytes_; }

 private:
  enum WireType { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };
  void key(int field, WireType type) {
    append_varint(bytes_, static_cast<std::uint64_t>((field << 3) | type));
  }

  std::string bytes_;
};

std::uint32_t masked_crc(std::string_view bytes) {
  return std::rotr(crc32c(std::as_bytes(std::span(bytes))), 15) + 0xA282EAD8;
}

Message new_event() {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  return Message().add_double(1, now.count());
}

Message summary_event(std::int64_t step, const Message& summary) {
  return new_event().add_int(2, step).add_bytes(5, summary.bytes());
}

std::filesystem::path new_path(const std::filesystem::path& folder) {
  make_writable_folder(folder);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return folder / ("events.out.tfevents." +
                   std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now).count()) +
                   "." + host_name() + "." + std::to_string(getpid()));
}

}  // namespace

EventFile::EventFile(const std::filesystem::path& folder) : file_(new_path(folder)) {
  append(new_event().add_bytes(3, "brain.Event:2").bytes());
}

void EventFile::add_scalars(std::int64_t step, std::span<const Scalar> scalars) {
  Message summary;
  for (const Scalar& scalar : scalars) {
    summary.add_bytes(
        1,
        Message().add_bytes(1, scalar.tag).add_float(2, static_cast<float>(scalar.value)).bytes());
  }
  append(summary_event(step, summary).bytes());
}

void EventFile::add_image(std::int64_t step, std::string_view tag, const Sheet& sheet) {
  const std::string_view png(reinterpret_cast<const char*>(sheet.png.data()), sheet.png.size());
  const Message image = Message()
                            .add_int(1, sheet.height)
                            .add_int(2, sheet.width)
                            .add_int(3, sheet.channels)
                            .add_bytes(4, png);
  const Message value = Message().add_bytes(1, tag).add_bytes(4, image.bytes());
  append(summary_event(step, Message().add_bytes(1, value.bytes())).bytes());
}

void EventFile::append(std::string_view event) {
  std::string record;
  append_little_endian(record, std::uint64_t{event.size()});
  append_little_endian(record, masked_crc(record));
  record += event;
  append_little_endian(record, masked_crc(event));
  const std::int64_t size = file_.size();
  try {
    file_.append(std::as_bytes(std::span(record)));
  } catch (const Error&) {
    file_.cut(size);  // half a record would hide all that come later
    throw;
  }
}

}  // namespace miniray
