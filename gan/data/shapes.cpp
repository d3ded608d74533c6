#include "gan/data/shapes.h"

#include <array>
#include <limits>

#include "engine/error.h"
#include "engine/rng.h"

namespace miniray {
namespace {

constexpr int kSide = 32;
constexpr int kGrid = 3;  // a pixel is sampled at kGrid x kGrid points
constexpr int kClasses = 10;

struct Point {
  double u, v;
};
using Colour = std::array<int, 3>;

double square(double x) { return x * x; }
double magnitude(double x) { return x < 0 ? -x : x; }
bool in_box(Point p, double width, double height) {
  return magnitude(p.u) < width && magnitude(p.v) < height;
}
bool in_disc(Point p, double radius) { return square(p.u) + square(p.v) < square(radius); }

// Whether a ray from p crosses the outline an odd number of times.
template <std::size_t N>
bool in_polygon(Point p, const std::array<Point, N>& outline) {
  bool inside = false;
  for (std::size_t i = 0, j = N - 1; i < N; j = i++) {
    const Point a = outline[i], b = outline[j];
    if ((a.v > p.v) == (b.v > p.v)) continue;
    if (p.u < (b.u - a.u) * (p.v - a.v) / (b.v - a.v) + a.u) inside = !inside;
  }
  return inside;
}

constexpr std::array<Point, 3> kTriangle = {{{0, -1}, {0.866, 0.5}, {-0.866, 0.5}}};
constexpr std::array<Point, 6> kHexagon = {
    {{1, 0}, {0.5, 0.866}, {-0.5, 0.866}, {-1, 0}, {-0.5, -0.866}, {0.5, -0.866}}};
constexpr std::array<Point, 10> kStar = {{{0, -1},
                                          {0.235, -0.324},
                                          {0.951, -0.309},
                                          {0.380, 0.124},
                                          {0.588, 0.809},
                                          {0, 0.4},
                                          {-0.588, 0.809},
                                          {-0.380, 0.124},
                                          {-0.951, -0.309},
                                          {-0.235, -0.324}}};

// Whether p lies in the figure of a class, drawn around the origin in the unit disc.
bool in_figure(int figure, Point p) {
  switch (figure) {
    case 0:
      return in_disc(p, 1);
    case 1:
      return in_disc(p, 1) && !in_disc(p, 0.55);
    case 2:
      return in_box(p, 0.75, 0.75);
    case 3:
      return in_box(p, 0.8, 0.8) && !in_box(p, 0.45, 0.45);
    case 4:
      return in_polygon(p, kTriangle);
    case 5:
      return in_polygon(p, kStar);
    case 6:
      return in_box(p, 0.28, 0.95) || in_box(p, 0.95, 0.28);
    case 7:
      return in_disc(p, 1) && !in_disc({p.u - 0.5, p.v}, 0.8);
    case 8:
      return in_box(p, 0.95, 0.3);
    default:
      return in_polygon(p, kHexagon);
  }
}

// What the random numbers of one picture decide.
struct Scene {
  Scene(std::uint64_t seed, std::int64_t index);

  Point centre;
  double radius, cosine, sine;
  Colour figure, top, bottom;
};

// The number in [low, high] that 16 bits choose.
double choose(std::uint32_t bits, double low, double high) {
  return low + (high - low) * (bits & 0xFFFF) / 65535.0;
}

Colour colour_of(std::uint32_t bits) {
  return {static_cast<int>(bits & 255), static_cast<int>(bits >> 8 & 255),
          static_cast<int>(bits >> 16 & 255)};
}

Scene::Scene(std::uint64_t seed, std::int64_t index) {
  const RandomKey key{
      .seed = seed, .purpose = RandomPurpose::kShapes, .step = static_cast<std::uint32_t>(index)};
  const RandomBlock place = random_block(key, 0);
  const RandomBlock colours = random_block(key, 1);
  radius = choose(place[0], 6, 13);
  centre = {choose(place[0] >> 16, 10, 22), choose(place[1], 10, 22)};
  // A turn without sine or cosine: t in [-1, 1] covers half a circle, one bit chooses the half.
  const double t = choose(place[1] >> 16, -1, 1);
  const double half = (place[2] & 1) != 0 ? -1 : 1;
  cosine = half * (1 - t * t) / (1 + t * t);
  sine = half * 2 * t / (1 + t * t);
  top = colour_of(colours[0]);
  bottom = colour_of(colours[1]);
  figure = colour_of(colours[2]);
  int contrast = 0;
  for (std::size_t c = 0; c < 3; ++c) {
    const int distance = figure[c] - (top[c] + bottom[c]) / 2;
    contrast += distance < 0 ? -distance : distance;
  }
  if (contrast < 150) {
    for (int& value : figure) value = (value + 128) % 256;
  }
}

// How many of the pixel's points lie in the figure.
int coverage(const Scene& scene, int figure, int x, int y) {
  // No figure reaches beyond its radius: most pixels are decided here.
  const double from_centre = square(x + 0.5 - scene.centre.u) + square(y + 0.5 - scene.centre.v);
  if (from_centre > square(scene.radius + 1)) return 0;
  int inside = 0;
  for (int i = 0; i < kGrid * kGrid; ++i) {
    const double dx = x + (i % kGrid + 0.5) / kGrid - scene.centre.u;
    const double dy = y + (i / kGrid + 0.5) / kGrid - scene.centre.v;
    const Point p{(scene.cosine * dx + scene.sine * dy) / scene.radius,
                  (scene.cosine * dy - scene.sine * dx) / scene.radius};
    inside += in_figure(figure, p) ? 1 : 0;
  }
  return inside;
}

}  // namespace

Shapes::Shapes(std::int64_t size, std::uint64_t seed) : size_(size), seed_(seed) {
  if (size < 1 || size > std::numeric_limits<std::uint32_t>::max()) {
    throw invalid_argument("the data set shapes has 1 to 4294967295 pictures, not " +
                           std::to_string(size));
  }
}

const std::vector<std::string>& Shapes::class_names() const {
  static const std::vector<std::string> kNames = {"disc", "ring",  "square",   "frame", "triangle",
                                                  "star", "cross", "crescent", "bar",   "hexagon"};
  return kNames;
}

int Shapes::label(std::int64_t index) const { return static_cast<int>(index % kClasses); }

void Shapes::copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const {
  const Scene scene(seed_, index);
  const int figure = label(index);
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const int inside = coverage(scene, figure, x, y);
      for (std::size_t c = 0; c < 3; ++c) {
        const int background = (scene.top[c] * (kSide - 1 - y) + scene.bottom[c] * y) / (kSide - 1);
        const int value = background + (scene.figure[c] - background) * inside / (kGrid * kGrid);
        chw[c * kSide * kSide + static_cast<std::size_t>(y * kSide + x)] =
            static_cast<std::uint8_t>(value);
      }
    }
  }
}

}  // namespace miniray
