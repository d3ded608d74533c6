#include "gan/models.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "support/expect_error.h"
#include "support/random_values.h"

namespace miniray {
namespace {

std::vector<std::string> kinds(const NetworkPlan<float>& plan) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < plan.layer_count(); ++i) names.push_back(plan.layer(i).kind());
  return names;
}

// The reference's networks, layer by layer.
TEST(Models, AreTheReferences) {
  const auto generator = make_generator_plan({});
  EXPECT_EQ(kinds(*generator), (std::vector<std::string>{"Linear", "ReLU", "BatchNorm1d", "Linear",
                                                         "ReLU", "BatchNorm1d", "Linear", "ReLU",
                                                         "BatchNorm1d", "Linear", "Tanh"}));
  EXPECT_EQ(generator->parameters().element_count(), 3'835'136);  // as PyTorch counts
  const auto discriminator = make_discriminator_plan({});
  EXPECT_EQ(kinds(*discriminator),
            (std::vector<std::string>{"Linear", "LeakyReLU", "Dropout", "Linear", "LeakyReLU",
                                      "Dropout", "Linear", "LeakyReLU", "Dropout", "Linear"}));
  EXPECT_EQ(discriminator->parameters().element_count(), 3'803'137);
  EXPECT_EQ(discriminator->output_shape(), Shape({1}));
}

TEST(Models, AreBuiltFromLatentAndImageShape) {
  GanSpec spec;
  spec.latent_dim = 7;
  spec.image_shape = {1, 28, 28};
  EXPECT_EQ(make_generator_plan(spec)->parameters().find("0.weight").shape, Shape({256, 7}));
  EXPECT_EQ(make_generator_plan(spec)->output_shape(), Shape({784}));
  EXPECT_EQ(make_discriminator_plan(spec)->parameters().find("0.weight").shape, Shape({1024, 784}));
}

// Radford's networks for 32x32 pixels, as PyTorch's users write and count them.
TEST(Models, DcganIsTheKnownOne) {
  const GanSpec spec = make_spec("dcgan", 100, {3, 32, 32});
  const auto generator = make_generator_plan(spec);
  EXPECT_EQ(kinds(*generator),
            (std::vector<std::string>{"ConvTranspose2d", "BatchNorm2d", "ReLU", "ConvTranspose2d",
                                      "BatchNorm2d", "ReLU", "ConvTranspose2d", "BatchNorm2d",
                                      "ReLU", "ConvTranspose2d", "Tanh"}));
  EXPECT_EQ(generator->parameters().element_count(),
            100 * 256 * 16 + 256 * 128 * 16 + 128 * 64 * 16 + 64 * 3 * 16 + 2 * (256 + 128 + 64));
  EXPECT_EQ(generator->output_shape(), Shape({3, 32, 32}));
  const auto discriminator = make_discriminator_plan(spec);
  EXPECT_EQ(kinds(*discriminator),
            (std::vector<std::string>{"Conv2d", "LeakyReLU", "Conv2d", "BatchNorm2d", "LeakyReLU",
                                      "Conv2d", "BatchNorm2d", "LeakyReLU", "Conv2d"}));
  EXPECT_EQ(discriminator->parameters().element_count(),
            3 * 64 * 16 + 64 * 128 * 16 + 128 * 256 * 16 + 256 * 16 + 2 * (128 + 256));
  EXPECT_EQ(discriminator->output_shape(), Shape({1, 1, 1}));
}

TEST(Models, DcganMakesLargerPicturesAndOtherWidths) {
  for (const std::int64_t side : {64, 128}) {
    const GanSpec spec = make_spec("dcgan", 20, {1, side, side}, 0.25);
    EXPECT_EQ(spec.hidden.back(), 16);
    EXPECT_EQ(spec.hidden.front(), 2 * side);
    EXPECT_EQ(make_generator_plan(spec)->output_shape(), Shape({1, side, side}));
    EXPECT_EQ(make_discriminator_plan(spec)->output_shape(), Shape({1, 1, 1}));
  }
  EXPECT_EQ(make_spec("mlp", 100, {3, 32, 32}, 2).hidden,
            (std::vector<std::int64_t>{512, 1024, 2048}));
}

std::int64_t conv_size(std::int64_t in, std::int64_t out, std::int64_t kernel, bool bias) {
  return in * out * kernel * kernel + (bias ? out : 0);
}

// Table 4 of the paper. Its generator counts as here but for the biases that batch norms undo.
TEST(Models, SnganIsTheKnownOne) {
  const GanSpec spec = make_spec("sngan", 128, {3, 32, 32});
  const auto generator = make_generator_plan(spec);
  const std::int64_t up_block =
      conv_size(256, 256, 1, false) + 2 * conv_size(256, 256, 3, false) + 2 * 2 * 256;
  EXPECT_EQ(generator->parameters().element_count(),
            128 * 4096 + 4096 + 3 * up_block + 2 * 256 + conv_size(256, 3, 3, true));
  EXPECT_EQ(generator->output_shape(), Shape({3, 32, 32}));
  EXPECT_EQ(generator->parameters().find("block3.conv2.weight").shape, Shape({256, 256, 3, 3}));
  const auto discriminator = make_discriminator_plan(spec);
  const std::int64_t block = 2 * conv_size(128, 128, 3, true);
  EXPECT_EQ(discriminator->parameters().element_count(),
            conv_size(3, 128, 3, true) + conv_size(128, 128, 3, true) + conv_size(3, 128, 1, true) +
                block + conv_size(128, 128, 1, true) + 2 * block + 129);
  EXPECT_EQ(discriminator->output_shape(), Shape({1}));
  EXPECT_FALSE(discriminator->mixes_samples());
  for (const Slice& slice : discriminator->parameters().slices()) {
    EXPECT_TRUE(slice.name.ends_with(".weight_orig") || slice.name.ends_with(".bias"))
        << slice.name;
  }
}

TEST(Models, SnganMakesLargerPictures) {
  for (const std::int64_t side : {64, 128}) {
    const GanSpec spec = make_spec("sngan", 20, {1, side, side}, 0.05);
    EXPECT_EQ(make_generator_plan(spec)->output_shape(), Shape({1, side, side}));
    EXPECT_EQ(make_discriminator_plan(spec)->output_shape(), Shape({1}));
  }
}

GanSpec conditional(GanSpec spec) {
  spec.classes = {"cat", "dog", "owl"};
  return spec;
}

TEST(Models, ConditionalOnesTakeTheClass) {
  const GanSpec mlp = conditional({});
  EXPECT_EQ(make_generator_plan(mlp)->parameters().find("embedding.weight").shape, Shape({3, 32}));
  EXPECT_EQ(make_generator_plan(mlp)->parameters().find("1.weight").shape, Shape({256, 132}));
  EXPECT_EQ(make_discriminator_plan(mlp)->parameters().find("1.weight").shape,
            Shape({1024, 3072 + 32}));
  const GanSpec dcgan = conditional(make_spec("dcgan", 100, {3, 32, 32}));
  EXPECT_EQ(make_generator_plan(dcgan)->output_shape(), Shape({3, 32, 32}));
  EXPECT_EQ(make_discriminator_plan(dcgan)->parameters().find("1.weight").shape,
            Shape({64, 4, 4, 4}));
  const GanSpec sngan = conditional(make_spec("sngan", 100, {3, 32, 32}));
  EXPECT_EQ(make_generator_plan(sngan)->parameters().find("block2.norm1.weight").shape,
            Shape({3, 256}));
  EXPECT_EQ(make_discriminator_plan(sngan)->parameters().find("embedding.weight_orig").shape,
            Shape({3, 128}));
}

// Without normalisation a convolution has a bias of its own, and samples do not depend on each
// other.
TEST(Models, TheDiscriminatorsNormalisationIsAChoice) {
  const auto plain = make_discriminator_plan(make_spec("dcgan", 100, {3, 32, 32}, 1, "none"));
  EXPECT_EQ(kinds(*plain), (std::vector<std::string>{"Conv2d", "LeakyReLU", "Conv2d", "LeakyReLU",
                                                     "Conv2d", "LeakyReLU", "Conv2d"}));
  EXPECT_EQ(plain->parameters().find("2.bias").shape, Shape({128}));
  EXPECT_TRUE(plain->statistics().slices().empty());
  const auto mlp = make_discriminator_plan(make_spec("mlp", 100, {3, 32, 32}, 1, "batch"));
  EXPECT_EQ(kinds(*mlp),
            (std::vector<std::string>{"Linear", "LeakyReLU", "Dropout", "Linear", "BatchNorm1d",
                                      "LeakyReLU", "Dropout", "Linear", "BatchNorm1d", "LeakyReLU",
                                      "Dropout", "Linear"}));
}

GanSpec with_stddev(GanSpec spec) {
  spec.minibatch_stddev = true;
  return spec;
}

TEST(Models, TheMinibatchStandardDeviationIsAChannelMoreNearTheEnd) {
  const auto dcgan = make_discriminator_plan(with_stddev(make_spec("dcgan", 100, {3, 32, 32})));
  EXPECT_EQ(kinds(*dcgan), (std::vector<std::string>{"Conv2d", "LeakyReLU", "Conv2d", "BatchNorm2d",
                                                     "LeakyReLU", "Conv2d", "BatchNorm2d",
                                                     "LeakyReLU", "MinibatchStdDev", "Conv2d"}));
  EXPECT_EQ(dcgan->parameters().find("9.weight").shape, Shape({1, 257, 4, 4}));
  const GanSpec spec = with_stddev(conditional(make_spec("sngan", 128, {3, 32, 32})));
  const auto sngan = make_discriminator_plan(spec);
  EXPECT_TRUE(sngan->mixes_samples());
  const SliceTable& table = sngan->parameters();
  EXPECT_EQ(table.find("block4.conv1.weight_orig").shape, Shape({128, 129, 3, 3}));
  EXPECT_EQ(table.find("block4.conv2.weight_orig").shape, Shape({128, 128, 3, 3}));
  EXPECT_EQ(table.find("block4.shortcut.weight_orig").shape, Shape({128, 129, 1, 1}));
}

// D's gradient by its pictures, of all logits' sum, against a difference along itself: it goes
// through every layer, and from each picture to the others of its group.
TEST(Models, GradientsOfTheMinibatchStandardDeviation) {
  constexpr std::int64_t kBatch = 5;
  const ThreadBudget threads(2);
  const std::vector<std::int32_t> labels{0, 1, 2, 1, 0};
  for (const GanSpec& spec : {with_stddev(make_spec("dcgan", 8, {3, 32, 32}, 0.1)),
                              with_stddev(make_spec("dcgan", 8, {1, 64, 64}, 0.05, "spectral")),
                              with_stddev(make_spec("sngan", 8, {3, 32, 32}, 0.1)),
                              with_stddev(conditional(make_spec("sngan", 8, {1, 64, 64}, 0.02)))}) {
    SCOPED_TRACE(spec.architecture + " " + spec.d_norm);
    const auto plan = make_discriminator_plan(spec);
    Network<float> network(plan);
    network.init(3, kDiscriminatorStream);
    PassBuffers<float> pass(*plan, kBatch, PassUse::kForwardAndBackward);
    const PassContext context{threads, false, {}, {}, labels};
    auto x = testing::random_values<float>(
        static_cast<std::size_t>(kBatch * plan->input_shape().elements()), 1);
    std::vector<float> logits(kBatch), dx(x.size());
    const auto sum_at = [&](double step) {
      auto moved = x;
      for (std::size_t i = 0; i < x.size(); ++i) moved[i] += static_cast<float>(step * dx[i]);
      network.forward(context, kBatch, moved, logits, pass);
      return std::accumulate(logits.begin(), logits.end(), 0.0);
    };
    sum_at(0);
    network.backward(context, kBatch, x, logits, std::vector<float>(kBatch, 1), dx, {}, pass);
    const double square = std::inner_product(dx.begin(), dx.end(), dx.begin(), 0.0);
    const double step = 0.003 / std::sqrt(square);
    EXPECT_NEAR((sum_at(step) - sum_at(-step)) / (2 * step), square, 0.02 * square);
  }
}

TEST(Models, RefuseASpecOutOfRange) {
  const auto expect_refused = [](const std::string& word, auto change) {
    GanSpec spec;
    change(spec);
    testing::expect_error(ErrorKind::kInvalidArgument, word, [&] { make_generator_plan(spec); });
  };
  expect_refused("architecture", [](GanSpec& s) { s.architecture = "vae"; });
  expect_refused("latent", [](GanSpec& s) { s.latent_dim = 0; });
  expect_refused("channels", [](GanSpec& s) { s.image_shape = {2, 8, 8}; });
  expect_refused("image", [](GanSpec& s) { s.image_shape = {3, 1000, 1000}; });
  expect_refused("hidden", [](GanSpec& s) { s.hidden = {}; });
  expect_refused("1x28x28", [](GanSpec& s) {
    s.architecture = "dcgan";
    s.image_shape = {1, 28, 28};
  });
  expect_refused("4 hidden", [](GanSpec& s) {
    s.architecture = "dcgan";
    s.image_shape = {1, 64, 64};
  });
  expect_refused("width", [](GanSpec& s) { s.hidden = {10, -1}; });
  expect_refused("normalisation", [](GanSpec& s) { s.d_norm = "layer"; });
  expect_refused("spectral or none", [](GanSpec& s) {
    s = make_spec("sngan", 100, {3, 32, 32});
    s.d_norm = "batch";
  });
  expect_refused("sngan makes square pictures of 32", [](GanSpec& s) {
    s.architecture = "sngan";
    s.image_shape = {3, 16, 16};
  });
  expect_refused("minibatch", [](GanSpec& s) { s.minibatch_stddev = true; });
  expect_refused("classes, not 1", [](GanSpec& s) { s.classes = {"cat"}; });
  expect_refused("control", [](GanSpec& s) { s.classes = {"cat", "d\nog"}; });
  expect_refused("empty", [](GanSpec& s) { s.classes = {"cat", ""}; });
}

}  // namespace
}  // namespace miniray
