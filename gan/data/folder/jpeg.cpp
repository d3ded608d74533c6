// JPEG by libjpeg-turbo. Its errors jump (longjmp) out of it; so whatever calls it below keeps
// nothing that a destructor would have to free, and the memory stands in the caller.
#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdio>

#include "gan/data/folder/decode.h"

// These want std::size_t and FILE to be known, in this order.
#include <jpeglib.h>

#include <jerror.h>

namespace miniray {
namespace {

constexpr int kMaxScans = 200;  // of a progressive file; more would only take time

struct Errors {
  jpeg_error_mgr base;  // first: libjpeg's pointer to it is a pointer to all
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void jump_out(Errors& errors) { std::longjmp(errors.jump, 1); }

[[noreturn]] void on_error(j_common_ptr info) {
  auto& errors = *reinterpret_cast<Errors*>(info->err);
  errors.base.format_message(info, errors.message);
  jump_out(errors);
}

// Warnings after which a part of the picture is made up are errors here; others do no harm.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_ARITH_BAD_CODE:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
      on_error(info);
    default:
      break;
  }
}

void on_progress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
  auto& errors = *reinterpret_cast<Errors*>(info->err);
  std::snprintf(errors.message, sizeof errors.message, "it has more than %d scans", kMaxScans);
  jump_out(errors);
}

class Decoder {
 public:
  Decoder() {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = on_error;
    errors_.base.emit_message = on_message;
    progress_.progress_monitor = on_progress;
  }
  ~Decoder() { jpeg_destroy_decompress(&info_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  void read_header(std::span<const std::uint8_t> bytes) {
    attempt([&] {
      jpeg_create_decompress(&info_);
      info_.progress = &progress_;
      jpeg_mem_src(&info_, bytes.data(), bytes.size());
      jpeg_read_header(&info_, TRUE);
    });
    check_extents(info_.image_width, info_.image_height);
  }

  // The rows will have `channels()` values a pixel: 3, or 4 of CMYK.
  void start(std::int64_t min_side) {
    const std::int64_t side = std::min(info_.image_width, info_.image_height);
    info_.scale_num = 1;
    info_.scale_denom = 8;
    while (info_.scale_denom > 1 && side / info_.scale_denom < 2 * min_side) info_.scale_denom /= 2;
    const bool inks = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
    info_.out_color_space = inks ? JCS_CMYK : JCS_RGB;
    attempt([&] { jpeg_start_decompress(&info_); });
  }

  void read_rows(std::span<std::uint8_t> pixels) {
    const std::size_t stride = std::size_t{info_.output_width} * info_.output_components;
    attempt([&] {
      while (info_.output_scanline < info_.output_height) {
        JSAMPROW row = pixels.data() + info_.output_scanline * stride;
        jpeg_read_scanlines(&info_, &row, 1);
      }
    });
  }

  std::int64_t width() const { return info_.output_width; }
  std::int64_t height() const { return info_.output_height; }
  std::int64_t channels() const { return info_.output_components; }
  // Programs of Adobe's store what is not printed.
  bool inverted() const { return info_.saw_Adobe_marker != FALSE; }

 private:
  // Calls what may jump, which comes back here and becomes an exception.
  template <class Calls>
  void attempt(const Calls& calls) {
    if (setjmp(errors_.jump) != 0) throw corrupt(errors_.message);
    calls();
  }

  jpeg_decompress_struct info_{};
  Errors errors_{};
  jpeg_progress_mgr progress_{};
};

// Each ink takes its part of the light that black lets through.
std::vector<std::uint8_t> multiply_inks(std::span<const std::uint8_t> cmyk, bool inverted) {
  const auto light = [&](std::uint8_t ink) { return inverted ? int{ink} : 255 - ink; };
  std::vector<std::uint8_t> rgb;
  rgb.reserve(cmyk.size() / 4 * 3);
  for (std::size_t at = 0; at < cmyk.size(); at += 4) {
    for (std::size_t c = 0; c < 3; ++c) {
      const int product = light(cmyk[at + c]) * light(cmyk[at + 3]);
      rgb.push_back(static_cast<std::uint8_t>((product + 127) / 255));
    }
  }
  return rgb;
}

}  // namespace

RgbPicture decode_jpeg(std::span<const std::uint8_t> bytes, std::int64_t min_side) {
  Decoder decoder;
  decoder.read_header(bytes);
  decoder.start(min_side);
  RgbPicture picture{decoder.width(), decoder.height(), {}};
  picture.pixels.resize(
      static_cast<std::size_t>(picture.width * picture.height * decoder.channels()));
  decoder.read_rows(picture.pixels);
  if (decoder.channels() == 4) {
    picture.pixels = multiply_inks(picture.pixels, decoder.inverted());
  }
  return picture;
}

}  // namespace miniray
