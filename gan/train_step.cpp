#include "gan/train_step.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "engine/rng.h"
#include "nn/loss.h"

namespace miniray {
namespace {

RandomKey dropout_key(const StepKey& key, NetworkStream stream) {
  return {.seed = key.seed,
          .purpose = RandomPurpose::kDropout,
          .variant = stream,
          .rank = static_cast<std::uint16_t>(key.rank),
          .step = static_cast<std::uint32_t>(key.step)};
}

Network<float> initialised(std::shared_ptr<const NetworkPlan<float>> plan, std::uint64_t seed,
                           NetworkStream stream) {
  Network<float> network(std::move(plan));
  network.init(seed, stream);
  return network;
}

// Whether samples of one batch depend on each other, by its statistics.
bool mixes_samples(const Network<float>& network) {
  return !network.plan().statistics().slices().empty();
}

Adam<float> adam_of(const Network<float>& network, const AdamOptions& options) {
  return {options, network.plan().parameters().buffer_size()};
}

// In lanes, which add up side by side: one sum would wait for itself.
double norm(std::span<const float> values) {
  constexpr std::size_t kLanes = 16;
  std::array<double, kLanes> squares{};
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      squares[lane] += static_cast<double>(values[i + lane]) * values[i + lane];
    }
  }
  for (; i < values.size(); ++i) squares[0] += static_cast<double>(values[i]) * values[i];
  return std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
}

}  // namespace

GanState::GanState(const GanSpec& gan_spec, const AdamOptions& generator_options,
                   const AdamOptions& discriminator_options, std::uint64_t seed)
    : spec(gan_spec),
      generator(initialised(make_generator_plan(spec), seed, kGeneratorStream)),
      discriminator(initialised(make_discriminator_plan(spec), seed, kDiscriminatorStream)),
      generator_adam(adam_of(generator, generator_options)),
      discriminator_adam(adam_of(discriminator, discriminator_options)) {}

StepBuffers::StepBuffers(const GanState& state, std::int64_t max_batch)
    : image_size_(state.spec.image_shape.elements()),
      latent_dim_(state.spec.latent_dim),
      images_({2 * max_batch, image_size_}),
      latents_({max_batch, latent_dim_}),
      logits_({2 * max_batch}),
      logit_gradients_({2 * max_batch}),
      fake_gradients_({max_batch, image_size_}),
      generator_gradients_(state.generator.plan().parameters().buffer_size()),
      discriminator_gradients_(state.discriminator.plan().parameters().buffer_size()),
      generator_pass_(state.generator.plan(), max_batch, PassUse::kForwardAndBackward),
      discriminator_pass_(state.discriminator.plan(),
                          mixes_samples(state.discriminator) ? max_batch : 2 * max_batch,
                          PassUse::kForwardAndBackward) {}

std::span<float> StepBuffers::real(std::int64_t batch) {
  return part(images_.span(), 0, batch * image_size_);
}

std::span<float> StepBuffers::latents(std::int64_t batch) {
  return part(latents_.span(), 0, batch * latent_dim_);
}

// The two halves of a step over its shared pieces.
class StepRunner {
 public:
  StepRunner(const ThreadBudget& threads, const StepKey& key, std::int64_t batch, GanState& state,
             StepBuffers& buffers, const StepOptions& options)
      : threads_(threads),
        key_(key),
        batch_(batch),
        state_(state),
        buffers_(buffers),
        options_(options),
        fake_(part(buffers.images_.span(), batch * buffers.image_size_,
                   batch * buffers.image_size_)) {}

  StepResult run() {
    StepResult result;
    state_.generator.forward(generator_context(), batch_, latents(), fake_,
                             buffers_.generator_pass_);
    if (mixes_samples(state_.discriminator)) {
      update_discriminator_apart(result);
    } else {
      update_discriminator(result);
    }
    update_generator(result);
    state_.generator.update_statistics(batch_, buffers_.generator_pass_);
    return result;
  }

 private:
  // Without batch norm in D, real and fake pass through it as one batch with equal gradients.
  void update_discriminator(StepResult& result) {
    // In the random streams stand the real samples of all workers, then the fake ones.
    const PassContext context{threads_,
                              true,
                              dropout_key(key_, kDiscriminatorStream),
                              {.first = key_.samples.first,
                               .split = batch_,
                               .second = key_.samples.total + key_.samples.first}};
    const auto images =
        std::span<const float>(part(buffers_.images_.span(), 0, 2 * batch_ * buffers_.image_size_));
    const auto logits = part(buffers_.logits_.span(), 0, 2 * batch_);
    const auto dlogits = part(buffers_.logit_gradients_.span(), 0, 2 * batch_);
    state_.discriminator.forward(context, 2 * batch_, images, logits, buffers_.discriminator_pass_);
    const std::span<const float> real = part(logits, 0, batch_);
    const std::span<const float> fake = part(logits, batch_, batch_);
    result.d_loss = discriminator_loss(objective(), true, real, part(dlogits, 0, batch_)) +
                    discriminator_loss(objective(), false, fake, part(dlogits, batch_, batch_));
    result.d_real = mean_probability(real);
    result.d_fake = mean_probability(fake);
    result.d_gradient_norm = train({context, 2 * batch_, images, logits, dlogits},
                                   state_.discriminator, state_.discriminator_adam,
                                   buffers_.discriminator_gradients_, buffers_.discriminator_pass_);
  }

  // Real, then fake, each with statistics of its own; their gradients add up.
  void update_discriminator_apart(StepResult& result) {
    result.d_loss = judge(true, result.d_real) + judge(false, result.d_fake);
    result.d_gradient_norm =
        take(state_.discriminator, state_.discriminator_adam, buffers_.discriminator_gradients_);
  }

  // Adds D's gradients for one kind of samples; returns the loss. mean: of its probabilities.
  double judge(bool real, double& mean) {
    const PassContext context{threads_,
                              true,
                              dropout_key(key_, kDiscriminatorStream),
                              {.first = key_.samples.first + (real ? 0 : key_.samples.total)}};
    const std::span<const float> images = real ? buffers_.real(batch_) : fake_;
    const auto logits = part(buffers_.logits_.span(), 0, batch_);
    const auto dlogits = part(buffers_.logit_gradients_.span(), 0, batch_);
    Network<float>& network = state_.discriminator;
    network.forward(context, batch_, images, logits, buffers_.discriminator_pass_);
    mean = mean_probability(std::span<const float>(logits));
    const double loss = discriminator_loss(objective(), real, logits, dlogits);
    network.backward(context, batch_, images, logits, dlogits, {},
                     buffers_.discriminator_gradients_.span(), buffers_.discriminator_pass_);
    network.update_statistics(batch_, buffers_.discriminator_pass_);
    return loss;
  }

  // Through the updated D, without gradients of its own, back into G.
  void update_generator(StepResult& result) {
    const PassContext context{threads_,
                              true,
                              dropout_key(key_, kDiscriminatorStream),
                              {.first = 2 * key_.samples.total + key_.samples.first}};
    const auto logits = part(buffers_.logits_.span(), 0, batch_);
    const auto dlogits = part(buffers_.logit_gradients_.span(), 0, batch_);
    const auto dfake = part(buffers_.fake_gradients_.span(), 0, batch_ * buffers_.image_size_);
    state_.discriminator.forward(context, batch_, fake_, logits, buffers_.discriminator_pass_);
    result.g_loss = generator_loss(objective(), logits, dlogits);
    state_.discriminator.backward(context, batch_, fake_, logits, dlogits, dfake, {},
                                  buffers_.discriminator_pass_);
    state_.discriminator.update_statistics(batch_, buffers_.discriminator_pass_);
    result.g_gradient_norm =
        train({generator_context(), batch_, latents(), fake_, dfake}, state_.generator,
              state_.generator_adam, buffers_.generator_gradients_, buffers_.generator_pass_);
  }

  // A pass that forward has made, and the gradient of its output.
  struct Pass {
    PassContext context;
    std::int64_t batch;
    std::span<const float> x, y, dy;
  };

  // The network's update from the gradients of a pass, in one go where nobody else wants them. The
  // gradients' norm, if asked for.
  std::optional<double> train(const Pass& pass, Network<float>& network, Adam<float>& adam,
                              FlatBuffer<float>& gradients, PassBuffers<float>& buffers) {
    const auto backward = [&](const ParameterUpdate<float>* update) {
      network.backward(pass.context, pass.batch, pass.x, pass.y, pass.dy, {}, gradients.span(),
                       buffers, update);
    };
    if (!options_.hook && !options_.gradient_norms) {
      const ParameterUpdate<float> update = adam.begin_update(network.parameters());
      backward(&update);
      return std::nullopt;
    }
    backward(nullptr);
    return take(network, adam, gradients);
  }

  // The network's update from gradients that stand complete, and their norm, if asked for.
  std::optional<double> take(Network<float>& network, Adam<float>& adam,
                             FlatBuffer<float>& gradients) {
    if (options_.hook) options_.hook(gradients.span());
    std::optional<double> size;
    if (options_.gradient_norms) size = norm(gradients.span());  // Adam leaves zeros behind
    adam.step(threads_, network.parameters(), gradients.span());
    return size;
  }

  const Objective& objective() const { return options_.objective; }
  PassContext generator_context() const {
    return {threads_, true, dropout_key(key_, kGeneratorStream), {.first = key_.samples.first}};
  }
  std::span<const float> latents() const { return buffers_.latents(batch_); }

  const ThreadBudget& threads_;
  const StepKey key_;
  const std::int64_t batch_;
  GanState& state_;
  StepBuffers& buffers_;
  const StepOptions& options_;
  const std::span<float> fake_;
};

StepResult train_step(const ThreadBudget& threads, const StepKey& key, std::int64_t batch,
                      GanState& state, StepBuffers& buffers, const StepOptions& options) {
  return StepRunner(threads, key, batch, state, buffers, options).run();
}

StepResult& StepResult::operator+=(const StepResult& other) {
  d_loss += other.d_loss;
  g_loss += other.g_loss;
  d_real += other.d_real;
  d_fake += other.d_fake;
  if (other.d_gradient_norm) d_gradient_norm = other.d_gradient_norm;
  if (other.g_gradient_norm) g_gradient_norm = other.g_gradient_norm;
  return *this;
}

StepResult mean(const StepResult& sum, std::int64_t count) {
  const auto n = static_cast<double>(std::max<std::int64_t>(count, 1));
  return {sum.d_loss / n, sum.g_loss / n,      sum.d_real / n,
          sum.d_fake / n, sum.d_gradient_norm, sum.g_gradient_norm};
}

void draw_latents(const StepKey& key, std::int64_t latent_dim, std::span<float> latents) {
  fill_normal({.seed = key.seed,
               .purpose = RandomPurpose::kLatents,
               .rank = static_cast<std::uint16_t>(key.rank),
               .step = static_cast<std::uint32_t>(key.step)},
              latents, static_cast<std::uint64_t>(key.samples.first * latent_dim));
}

}  // namespace miniray
