#!/usr/bin/python3
"""Makes the values under tests/data/torch: what PyTorch computes for our layers, losses, Adam, and
some steps of small GANs. Needs python3-torch and python3-torchvision; run it only to add a case, and commit what it writes.

    tests/torch/make_values.py tests/data/torch
"""
import json
import sys
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F


def flat(tensor):
    # Nine digits hold a float32 exactly.
    return [float(f'{value:.9g}') for value in tensor.detach().reshape(-1).tolist()]


def tensors(module):
    """Everything a state_dict holds but the counters, by name."""
    return {name: flat(value) for name, value in module.state_dict().items()
            if not name.endswith('num_batches_tracked')}


def randomise(module):
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.rand_like(value) + 0.5 if 'var' in name else torch.randn_like(value))


class UpConv(nn.Conv2d):
    def forward(self, x):
        return super().forward(F.interpolate(x, scale_factor=2))


class ConvDown(nn.Conv2d):
    def forward(self, x):
        return F.avg_pool2d(super().forward(x), 2)


class GlobalSumPool(nn.Module):
    def forward(self, x):
        return x.sum((2, 3))


class OfClasses(nn.Module):
    """Layers that take the samples' classes find them here."""
    labels = None


class ConditionalBatchNorm2d(OfClasses):
    def __init__(self, channels, classes):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(classes, channels))
        self.bias = nn.Parameter(torch.zeros(classes, channels))
        self.register_buffer('running_mean', torch.zeros(channels))
        self.register_buffer('running_var', torch.ones(channels))

    def forward(self, x):
        y = F.batch_norm(x, self.running_mean, self.running_var, training=self.training)
        weight, bias = self.weight[OfClasses.labels], self.bias[OfClasses.labels]
        return y * weight[:, :, None, None] + bias[:, :, None, None]


class ClassEmbedding(OfClasses):
    """Appends an embedding of the class along the first extent."""
    def __init__(self, classes, *extents):
        super().__init__()
        self.extents = extents
        self.weight = nn.Parameter(torch.randn(classes, torch.Size(extents).numel()))

    def forward(self, x):
        return torch.cat([x, self.weight[OfClasses.labels].reshape(-1, *self.extents)], 1)


class ClassProjection(OfClasses):
    def __init__(self, features, classes):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, features))

    def forward(self, x):
        return (x * self.weight[OfClasses.labels]).sum(1, keepdim=True)


class MinibatchStdDev(nn.Module):
    def forward(self, x):
        n = len(x)
        groups = max(1, n // 4)
        stats = [(x[g::groups].var(0, unbiased=False) + 1e-8).sqrt().mean() for g in range(groups)]
        channel = torch.stack([stats[i % groups] for i in range(n)])[:, None, None, None]
        return torch.cat([x, channel.expand(n, 1, *x.shape[2:])], 1)


def spectral(layer):
    return nn.utils.spectral_norm(layer)


def layer_case(layer, sample, training=True, batch=6, classes=0):
    """One layer as a Sequential of one: forward, backward, and the state afterwards."""
    sample = sample if isinstance(sample, list) else [sample]
    network = nn.Sequential(layer).train(training)
    randomise(network)
    with torch.no_grad():
        for name, value in network.named_buffers():
            if name.endswith(('weight_u', 'weight_v')):
                value.copy_(F.normalize(value, dim=0))
    OfClasses.labels = torch.randint(classes, (batch,)) if classes else None
    before = tensors(network)
    x = torch.randn(batch, *sample, requires_grad=True)
    y = network(x)
    dy = torch.randn_like(y)
    y.backward(dy)
    gradients = {name: flat(value.grad) for name, value in network.named_parameters()}
    labels = {'labels': OfClasses.labels.tolist()} if classes else {}
    return {'batch': batch, 'sample': sample, 'training': training, **labels,
            'state': before, 'state_after': tensors(network), 'x': flat(x), 'y': flat(y),
            'dy': flat(dy), 'dx': flat(x.grad), 'gradients': gradients}


def layers():
    return {'Linear': layer_case(nn.Linear(7, 5), 7),
            'BatchNorm1d': layer_case(nn.BatchNorm1d(9), 9),
            'BatchNorm1d inference': layer_case(nn.BatchNorm1d(9), 9, training=False),
            'ReLU': layer_case(nn.ReLU(), 9),
            'LeakyReLU': layer_case(nn.LeakyReLU(0.2), 9),
            'Tanh': layer_case(nn.Tanh(), 9),
            'Sigmoid': layer_case(nn.Sigmoid(), 9),
            'Dropout inference': layer_case(nn.Dropout(0.3), 9, training=False),
            'Conv2d': layer_case(nn.Conv2d(3, 5, 4, 2, 1), [3, 6, 8], batch=2),
            'Conv2d without bias': layer_case(nn.Conv2d(2, 3, 3, 1, 1, bias=False), [2, 5, 4], batch=2),
            'ConvTranspose2d': layer_case(nn.ConvTranspose2d(3, 5, 4, 2, 1), [3, 3, 4], batch=2),
            'ConvTranspose2d without bias':
                layer_case(nn.ConvTranspose2d(4, 2, 4, bias=False), [4, 1, 1], batch=3),
            'BatchNorm2d': layer_case(nn.BatchNorm2d(3), [3, 4, 5], batch=3),
            'BatchNorm2d inference': layer_case(nn.BatchNorm2d(3), [3, 4, 4], training=False, batch=2),
            'Upsample': layer_case(nn.Upsample(scale_factor=2), [2, 3, 9], batch=2),
            'AvgPool2d': layer_case(nn.AvgPool2d(2), [2, 4, 18], batch=2),
            'GlobalSumPool': layer_case(GlobalSumPool(), [3, 5, 4], batch=2),
            'Conv2d behind Upsample': layer_case(UpConv(3, 4, 3, 1, 1), [3, 4, 5], batch=2),
            'AvgPool2d behind Conv2d': layer_case(ConvDown(3, 4, 3, 1, 1), [3, 6, 8], batch=2),
            'Spectral Linear': layer_case(spectral(nn.Linear(7, 5)), 7),
            'Spectral Linear inference': layer_case(spectral(nn.Linear(7, 5)), 7, training=False),
            'Spectral Conv2d': layer_case(spectral(nn.Conv2d(3, 5, 3, 1, 1)), [3, 6, 4], batch=2),
            'Spectral AvgPool2d behind Conv2d':
                layer_case(spectral(ConvDown(3, 5, 3, 1, 1)), [3, 6, 4], batch=2),
            'ConditionalBatchNorm2d':
                layer_case(ConditionalBatchNorm2d(3, 4), [3, 4, 5], batch=5, classes=4),
            'ConditionalBatchNorm2d inference':
                layer_case(ConditionalBatchNorm2d(3, 4), [3, 4, 4], training=False, batch=5, classes=4),
            'Embedding': layer_case(ClassEmbedding(4, 3), 7, classes=4),
            'Embedding of pictures': layer_case(ClassEmbedding(4, 1, 4, 3), [2, 4, 3], classes=4),
            'ClassProjection': layer_case(ClassProjection(7, 4), 7, classes=4),
            'MinibatchStdDev': layer_case(MinibatchStdDev(), [2, 3, 4], batch=9)}


def losses():
    logits = torch.cat([torch.randn(20) * 5, torch.tensor([0.0, 60.0, -60.0, 200.0, -200.0])])
    cases = []
    for target in (0.0, 1.0, 0.9):
        x = logits.clone().requires_grad_(True)
        loss = F.binary_cross_entropy_with_logits(x, torch.full_like(x, target))
        loss.backward()
        cases.append({'target': target, 'loss': loss.item(), 'gradient': flat(x.grad)})
    return {'logits': flat(logits), 'cases': cases}


def classifier():
    """The pooling before a classifier's last layer, and the loss of its logits."""
    logits = (torch.randn(12, 5) * 4).requires_grad_(True)
    with torch.no_grad():
        logits[0, 1], logits[1, 2] = 300, -300
    labels = torch.arange(12) * 7 % 5
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    pool = layer_case(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), [5, 3, 4], batch=3)
    return {'AdaptiveAvgPool2d': pool, 'logits': flat(logits), 'labels': labels.tolist(),
            'loss': loss.item(), 'gradient': flat(logits.grad)}


def adam():
    w = nn.Parameter(torch.randn(50))
    before = flat(w)
    optimizer = torch.optim.Adam([w], lr=0.0002, betas=(0.5, 0.999))
    gradients, weights = [], []
    for _ in range(10):
        w.grad = torch.randn(50) * 0.1
        gradients.append(flat(w.grad))
        optimizer.step()
        weights.append(flat(w))
    return {'lr': 0.0002, 'before': before, 'gradients': gradients, 'weights': weights}


def small_gan():
    """Ten steps with the mlp, dropout 0."""
    latent, hidden, image = 8, [12, 16, 20], (3, 4, 4)
    pixels = image[0] * image[1] * image[2]
    widths = [latent] + hidden
    g_layers, d_layers = [], []
    for i, o in zip(widths, hidden):
        g_layers += [nn.Linear(i, o), nn.ReLU(), nn.BatchNorm1d(o)]
    g_layers += [nn.Linear(hidden[-1], pixels), nn.Tanh()]
    widths = [pixels] + hidden[::-1]
    for i, o in zip(widths, hidden[::-1]):
        d_layers += [nn.Linear(i, o), nn.LeakyReLU(0.2), nn.Dropout(0.0)]
    d_layers += [nn.Linear(hidden[0], 1)]
    values = gan_steps(nn.Sequential(*g_layers), nn.Sequential(*d_layers), (latent,), (pixels,), batch=10,
                       count=10)
    return {'latent_dim': latent, 'hidden': hidden, 'image_shape': image, **values}


def small_dcgan():
    """Five steps with the dcgan for 16x16 pixels."""
    latent, hidden, image = 7, [10, 6], (1, 16, 16)
    g_layers, d_layers = [], []
    for i, (c, o) in enumerate(zip([latent] + hidden, hidden)):
        g_layers += [nn.ConvTranspose2d(c, o, 4, *((2, 1) if i else (1, 0)), bias=False),
                     nn.BatchNorm2d(o), nn.ReLU()]
    g_layers += [nn.ConvTranspose2d(hidden[-1], image[0], 4, 2, 1, bias=False), nn.Tanh()]
    for i, (c, o) in enumerate(zip([image[0]] + hidden[::-1], hidden[::-1])):
        d_layers += [nn.Conv2d(c, o, 4, 2, 1, bias=False), *([nn.BatchNorm2d(o)] if i else []),
                     nn.LeakyReLU(0.2)]
    d_layers += [nn.Conv2d(hidden[0], 1, 4, 1, 0, bias=False), nn.Flatten()]
    values = gan_steps(nn.Sequential(*g_layers), nn.Sequential(*d_layers), (latent, 1, 1), image, batch=6,
                       count=5)
    return {'latent_dim': latent, 'hidden': hidden, 'image_shape': image, **values}


def small_conditional_gan():
    """Ten steps with the conditional mlp, dropout 0."""
    latent, hidden, pixels, classes, values = 8, [12, 16, 20], 48, 3, 32
    g_layers, d_layers = {'embedding': ClassEmbedding(classes, values)}, {'embedding': ClassEmbedding(classes, values)}
    for i, o in zip([latent + values] + hidden, hidden):
        for layer in (nn.Linear(i, o), nn.ReLU(), nn.BatchNorm1d(o)):
            g_layers[str(len(g_layers))] = layer
    for layer in (nn.Linear(hidden[-1], pixels), nn.Tanh()):
        g_layers[str(len(g_layers))] = layer
    for i, o in zip([pixels + values] + hidden[::-1], hidden[::-1]):
        for layer in (nn.Linear(i, o), nn.LeakyReLU(0.2), nn.Identity()):
            d_layers[str(len(d_layers))] = layer
    d_layers[str(len(d_layers))] = nn.Linear(hidden[0], 1)
    steps = gan_steps(nn.Sequential(OrderedDict(g_layers)), nn.Sequential(OrderedDict(d_layers)), (latent,), (pixels,),
                      batch=10, count=10, classes=classes)
    return {'latent_dim': latent, 'hidden': hidden, **steps}


class UpBlock(nn.Module):
    """As in the paper: the shortcut is a convolution of what was up-sampled."""
    def __init__(self, i, o, classes):
        super().__init__()
        self.shortcut = nn.Conv2d(i, o, 1, bias=False)
        self.norm1, self.conv1 = ConditionalBatchNorm2d(i, classes), UpConv(i, o, 3, 1, 1, bias=False)
        self.norm2, self.conv2 = ConditionalBatchNorm2d(o, classes), nn.Conv2d(o, o, 3, 1, 1, bias=False)

    def forward(self, x):
        h = self.conv1(F.relu(self.norm1(x)))
        return self.conv2(F.relu(self.norm2(h))) + self.shortcut(F.interpolate(x, scale_factor=2))


class SnganGenerator(nn.Module):
    def __init__(self, latent, hidden, channels, classes):
        super().__init__()
        self.hidden = hidden
        self.linear = nn.Linear(latent, hidden[0] * 16)
        for n, (i, o) in enumerate(zip(hidden, hidden[1:])):
            setattr(self, f'block{n + 1}', UpBlock(i, o, classes))
        self.norm, self.conv = nn.BatchNorm2d(hidden[-1]), nn.Conv2d(hidden[-1], channels, 3, 1, 1)

    def forward(self, z):
        x = self.linear(z).reshape(-1, self.hidden[0], 4, 4)
        for n in range(1, len(self.hidden)):
            x = getattr(self, f'block{n}')(x)
        return torch.tanh(self.conv(F.relu(self.norm(x))))


class DownBlock(nn.Module):
    """As in the paper: but in the first block, the shortcut is pooled behind its convolution."""
    def __init__(self, i, o, first, down):
        super().__init__()
        self.first, self.down, inside = first, down, o if first else i
        self.conv1 = spectral(nn.Conv2d(i, inside, 3, 1, 1))
        self.conv2 = spectral((ConvDown if down else nn.Conv2d)(inside, o, 3, 1, 1))
        self.shortcut = spectral(nn.Conv2d(i, o, 1)) if down or i != o else None

    def forward(self, x):
        h = self.conv2(F.relu(self.conv1(x if self.first else F.relu(x))))
        if self.first:
            return h + self.shortcut(F.avg_pool2d(x, 2))
        s = self.shortcut(x) if self.shortcut else x
        return h + (F.avg_pool2d(s, 2) if self.down else s)


class SnganDiscriminator(nn.Module):
    def __init__(self, channels, hidden, classes):
        super().__init__()
        self.blocks = len(hidden)
        for n, (i, o) in enumerate(zip([channels] + hidden, hidden)):
            setattr(self, f'block{n + 1}', DownBlock(i, o, n == 0, n < 2))
        self.linear, self.embedding = spectral(nn.Linear(hidden[-1], 1)), spectral(ClassProjection(hidden[-1], classes))

    def forward(self, x):
        for n in range(1, self.blocks + 1):
            x = getattr(self, f'block{n}')(x)
        features = F.relu(x).sum((2, 3))
        return self.linear(features) + self.embedding(features)


def small_sngan():
    """Ten steps with the conditional sngan; real and fake go through D as one batch."""
    latent, hidden, d_hidden, image, classes = 6, [6, 5, 4, 4], [5, 6, 6, 4], (1, 32, 32), 3
    values = gan_steps(SnganGenerator(latent, hidden, image[0], classes),
                       SnganDiscriminator(image[0], d_hidden, classes), (latent,), image, batch=5, count=10,
                       classes=classes, joint=True, lr=0.0005)
    return {'latent_dim': latent, 'hidden': hidden, **values}


def gan_steps(generator, discriminator, latent, image, batch, count, classes=0, joint=False, lr=0.002):
    """Steps of the loop that the product runs: one G(z) for both halves."""
    before = {'generator': tensors(generator), 'discriminator': tensors(discriminator)}
    g_adam = torch.optim.Adam(generator.parameters(), lr=lr, betas=(0.5, 0.999))
    d_adam = torch.optim.Adam(discriminator.parameters(), lr=lr, betas=(0.5, 0.999))
    criterion = nn.BCEWithLogitsLoss()
    one, zero = torch.ones(batch, 1), torch.zeros(batch, 1)
    steps = []
    for _ in range(count):
        real, z = torch.rand(batch, *image) * 2 - 1, torch.randn(batch, *latent)
        labels = torch.randint(classes, (2, batch)) if classes else None  # of real, of fake

        def passed(network, x, rows):
            OfClasses.labels = labels[rows].reshape(-1) if classes else None
            return network(x)

        fake = passed(generator, z, slice(1, 2))
        if joint:
            both = passed(discriminator, torch.cat([real, fake.detach()]), slice(0, 2))
            real_logits, fake_logits = both[:batch], both[batch:]
        else:
            real_logits = passed(discriminator, real, slice(0, 1))
            fake_logits = passed(discriminator, fake.detach(), slice(1, 2))
        d_loss = criterion(real_logits, one) + criterion(fake_logits, zero)
        d_adam.zero_grad()
        d_loss.backward()
        d_adam.step()
        g_loss = criterion(passed(discriminator, fake, slice(1, 2)), one)
        g_adam.zero_grad()
        g_loss.backward()
        g_adam.step()
        steps.append({'real': flat(real), 'latents': flat(z), 'd_loss': d_loss.item(),
                      'g_loss': g_loss.item(), 'd_real': torch.sigmoid(real_logits).mean().item(),
                      'd_fake': torch.sigmoid(fake_logits).mean().item(),
                      **({'labels': labels.reshape(-1).tolist()} if classes else {})})
    after = {'generator': tensors(generator), 'discriminator': tensors(discriminator)}
    return {'batch': batch, 'lr': lr, 'before': before, 'after': after, 'steps': steps}


def augmented(x, draw):
    """DiffAugment's formulas for one picture, with given numbers in place of random ones."""
    x = x + draw['brightness']
    pixel = x.mean(dim=0, keepdim=True)
    x = (x - pixel) * draw['saturation'] + pixel
    mean = x.mean()
    x = (x - mean) * draw['contrast'] + mean
    height, width = x.shape[1:]
    padded = F.pad(x, [width, width, height, height])
    top, left = height - draw['down'], width - draw['right']
    x = padded[:, top:top + height, left:left + width]
    keep = torch.ones(height, width)
    rows = range(draw['cut_top'], draw['cut_top'] + height // 2)
    columns = range(draw['cut_left'], draw['cut_left'] + width // 2)
    for row in set(rows) & set(range(height)):
        for column in set(columns) & set(range(width)):
            keep[row, column] = 0
    return x * keep


def augment():
    cases = []
    for shape, moves in (([3, 8, 16], (1, -2, 5, -3)), ([3, 9, 8], (-1, 1, -2, 2)),
                         ([1, 5, 7], (0, 0, 4, 5)), ([1, 8, 8], (1, 1, 2, 2))):
        draw = dict(zip(('down', 'right', 'cut_top', 'cut_left'), moves))
        for name, low, high in (('brightness', -0.5, 0.5), ('saturation', 0, 2), ('contrast', 0.5, 1.5)):
            draw[name] = float(torch.empty(1).uniform_(low, high))
        x = (torch.rand(shape) * 2 - 1).requires_grad_(True)
        y = augmented(x, draw)
        dy = torch.randn_like(y)
        y.backward(dy)
        cases.append({'shape': shape, 'draw': draw, 'x': flat(x), 'y': flat(y), 'dy': flat(dy),
                      'dx': flat(x.grad)})
    return cases


def penalty_case(layers, x):
    """Both penalties on D's gradient at x, and their gradients by D's parameters."""
    network = nn.Sequential(*layers)
    case = {'batch': x.shape[0], 'state': tensors(network), 'x': flat(x)}
    x.requires_grad_(True)
    for kind, target in (('r1', 0.0), ('wgan_gp', 1.0)):
        network.zero_grad()
        g, = torch.autograd.grad(network(x).sum(), x, create_graph=True)
        penalty = ((g.flatten(1).norm(dim=1) - target) ** 2).sum()
        penalty.backward()
        case[kind] = {'penalty': penalty.item(), 'gradients': {
            name: flat(torch.zeros_like(value) if value.grad is None else value.grad)
            for name, value in network.named_parameters()}}
    return case


def gradient_penalty():
    widths, mlp = (48, 20, 16, 12), []
    for i, o in zip(widths, widths[1:]):
        mlp += [nn.Linear(i, o), nn.LeakyReLU(0.2), nn.Dropout(0.0)]
    dcgan = [nn.Conv2d(1, 6, 4, 2, 1, bias=False), nn.LeakyReLU(0.2), nn.Conv2d(6, 10, 4, 2, 1),
             nn.LeakyReLU(0.2), nn.Conv2d(10, 1, 4, 1, 0, bias=False), nn.Flatten()]
    return {'mlp': penalty_case([*mlp, nn.Linear(12, 1)], torch.rand(7, 48) * 2 - 1),
            'dcgan': penalty_case(dcgan, torch.rand(5, 1, 16, 16) * 2 - 1)}


def saved_tensors(folder):
    """A state_dict as torch.save writes it, in both formats: whole and partial storages, turned
    strides, a scalar, other types of numbers; and the elements of the floats."""
    whole = torch.randn(4, 6)
    state = OrderedDict([('whole', whole), ('row', whole[2]), ('turned', whole[1:3, 1:].t()),
                         ('every_second', torch.randn(9)[1::2]), ('scalar', torch.tensor(2.5)),
                         ('empty', torch.zeros(0, 3)), ('counter', torch.tensor(7)),
                         ('half', torch.ones(2, dtype=torch.float16))])
    state._metadata = OrderedDict([('', {'version': 1})])
    torch.save(state, folder / 'tensors.pth')
    torch.save(state, folder / 'tensors_legacy.pth', _use_new_zipfile_serialization=False)
    return {name: {'shape': list(value.shape), 'values': flat(value)}
            for name, value in state.items() if value.dtype == torch.float32}


def inception():
    """The FID's network with weights that anybody can make, and its input."""
    import fid_inception
    network = fid_inception.fid_inception()
    fid_inception.set_known_weights(network)
    features, logits = fid_inception.vectors(network, fid_inception.known_pictures(3, 32, 32))
    resized = {f'{height}x{width}': flat(fid_inception.resized(
        fid_inception.known_pictures(2, height, width), (9, 11)).permute(0, 2, 3, 1))
        for height, width in ((5, 7), (20, 13), (9, 11))}
    return {'features': [float(f'{v:.7g}') for v in features.flat],
            'logits': [float(f'{v:.7g}') for v in logits.flat], 'resized': resized}


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for name, make in (('layers', layers), ('losses', losses), ('adam', adam), ('small_gan', small_gan),
                       ('small_dcgan', small_dcgan), ('augment', augment), ('classifier', classifier),
                       ('gradient_penalty', gradient_penalty),
                       ('inception', inception),
                       ('small_conditional_gan', small_conditional_gan), ('small_sngan', small_sngan)):
        torch.manual_seed(1)
        (folder / f'{name}.json').write_text(json.dumps(make()) + '\n')
    torch.manual_seed(1)
    (folder / 'tensors.json').write_text(json.dumps(saved_tensors(folder)) + '\n')


if __name__ == '__main__':
    main()
